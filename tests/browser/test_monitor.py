"""The monitor on three real nodes: every tab holds its form, orders do what they say, one race has one
winner (B30, K4 to K15)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from app.web.pages.monitor.frame import TABS
from tests.browser.cluster import PASSWORD, RunningCluster, running_cluster
from tests.browser.looks import HEIGHT, WIDE, flaws
from tests.servers import eventually, running_redis, throwaway_folder
from worker.stack.postgres import PostgresServer

Visit = Callable[..., Page]
pytestmark = [pytest.mark.timeout(300)]
#: The lowest number. A forced election makes a stronger one lead; not always the strongest, because on a full
#: machine that one may answer too late.
WEAKEST, STRONGER = "node-1", re.compile("node-2|node-3")


@pytest.fixture(scope="module")
def cluster(_migrated_postgres: PostgresServer, chromium: Browser) -> Iterator[RunningCluster]:
    with throwaway_folder() as folder, running_redis() as redis:
        url = _migrated_postgres.create_database("monitor", template="migrated")
        with running_cluster(url, redis.url, folder) as cluster:
            yield cluster


def log_in(page: Page, url: str, role: str = "operator") -> None:
    page.goto(f"{url}/monitor/login")
    page.get_by_label("E-mail").fill(f"{role}@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page).to_have_url(re.compile("/monitor($|/)(?!login)"))


def order(page: Page, title: str, button: str, to: str | None = None, *, is_forced: bool = False) -> None:
    """Fill in the order of this title and give it."""
    form = page.locator(".order").filter(has=page.get_by_role("heading", name=title, exact=True))
    form.get_by_label("Reason").fill("a test")
    if to is not None:
        form.get_by_label("To").select_option(to)
    if is_forced:
        form.get_by_label("Even from a healthy leader").check()
    form.get_by_role("button", name=button, exact=True).click()
    expect(page.locator(".done")).to_be_visible()


def hand_over_to(page: Page, cluster: RunningCluster, node: str) -> None:
    found = cluster.leader()
    if found is None or found.node != node:
        order(page, "Hand over", "Hand over", to=node)
    eventually(lambda: (now := cluster.leader()) and now.node == node, 20, f"{node} in the lead")


def tabs_with_content(page: Page, cluster: RunningCluster) -> Iterator[str]:
    log_in(page, cluster.url, "admin")
    for tab in TABS:
        page.goto(f"{cluster.url}/monitor/{tab}")
        page.locator("summary").first.click()
        yield tab
    page.goto(f"{cluster.url}/monitor/health?node={WEAKEST}")
    yield "health with an order"


def test_no_tab_has_a_flaw(cluster: RunningCluster, visit: Visit) -> None:
    page = visit(viewport={"width": WIDE, "height": HEIGHT})

    found = [flaw for tab in tabs_with_content(page, cluster) for flaw in flaws(page, f"monitor {tab}")]

    assert found == []


@pytest.mark.parametrize("algorithm", ["Bully", "Ring"])
def test_an_election_is_triggered_and_the_leader_changes_before_ones_eyes(
    cluster: RunningCluster, visit: Visit, algorithm: str
) -> None:
    page = visit()
    log_in(page, cluster.url)
    page.goto(f"{cluster.url}/monitor/election")
    hand_over_to(page, cluster, "node-2")
    hand_over_to(page, cluster, WEAKEST)  # neither of those who have just handed over would stand by itself
    before = cluster.leader()

    order(page, "Trigger an election", f"Trigger {algorithm}", is_forced=True)

    # Nobody loads the page again: the stream brings it.
    expect(page.locator("#strip")).to_have_attribute("data-leader", STRONGER)
    expect(page.locator("#lease .big")).to_have_text(STRONGER)
    after = cluster.leader()
    assert before is not None
    assert after is not None
    assert after.epoch > before.epoch
    message = "ELECTION" if algorithm == "Bully" else "TOKEN"
    expect(page.locator("#messages .tag", has_text=message).first).to_be_visible()


def test_without_scripts_an_election_is_triggered_and_seen_after_loading_again(
    cluster: RunningCluster, visit: Visit
) -> None:
    page = visit(java_script_enabled=False)
    log_in(page, cluster.url)
    page.goto(f"{cluster.url}/monitor/election")
    hand_over_to(page, cluster, WEAKEST)

    order(page, "Trigger an election", "Trigger Bully", is_forced=True)
    eventually(lambda: (now := cluster.leader()) and now.node != WEAKEST, 20, "the leader's change")
    page.goto(f"{cluster.url}/monitor/election")

    expect(page.locator("#lease .big")).to_have_text(STRONGER)


def test_of_two_messages_the_page_tells_which_came_before(cluster: RunningCluster, visit: Visit) -> None:
    page = visit(java_script_enabled=False)
    log_in(page, cluster.url)
    page.goto(f"{cluster.url}/monitor/election")
    order(page, "Measure the ring", "Send a token")
    eventually(lambda: _events(page, cluster) >= 4, 20, "events of the ring")

    def compare_first_and_last() -> bool:
        """Again when one of them was too old to be shown by then."""
        page.goto(f"{cluster.url}/monitor/clocks")
        for number in (0, -1):
            address = page.locator("a.event").nth(number).get_attribute("href")
            page.goto(f"{cluster.url}{address}")
        return page.locator(".verdict").count() == 1

    eventually(compare_first_and_last, 30, "a comparison")
    expect(page.locator(".verdict")).to_contain_text("before")


@pytest.mark.parametrize("has_scripts", [True, False], ids=["with scripts", "without scripts"])
def test_a_race_has_one_winner_and_the_others_are_told_why(
    cluster: RunningCluster, visit: Visit, has_scripts: bool
) -> None:
    page = visit(java_script_enabled=has_scripts)
    log_in(page, cluster.url)
    page.goto(f"{cluster.url}/monitor/race")

    page.get_by_label("20", exact=True).check()
    page.get_by_role("button", name="Run the race").click()

    expect(page.locator("#result-title")).to_have_text("1 winner, 19 told why not", timeout=30_000)
    assert page.locator(".lane--won").count() == 1
    assert page.locator(".lane--lost").count() == 19
    assert page.locator(".lanes__node").all_text_contents() == sorted(cluster.urls)


def test_a_notice_of_the_desk_is_before_visitors_of_another_node(
    cluster: RunningCluster, visit: Visit
) -> None:
    page, visitor = visit(), visit()
    log_in(page, cluster.urls["node-2"], "admin")
    page.goto(f"{cluster.urls['node-2']}/monitor/board")

    page.get_by_label("What", exact=True).fill("The lift is out of order")
    page.get_by_role("button", name="Tell them").click()

    expect(page.locator(".done")).to_contain_text("a majority of the nodes has it")
    eventually(
        lambda: _is_told(visitor, cluster.urls["node-3"], "The lift is out of order"), 10, "the notice"
    )


def test_a_node_is_drained_and_put_back(cluster: RunningCluster, visit: Visit) -> None:
    page = visit()
    log_in(page, cluster.url)
    page.goto(f"{cluster.url}/monitor/health")

    page.get_by_role("link", name="Drain node-2").click()
    order(page, "Take node-2 out of service", "Drain it")
    expect(page.locator(".node").filter(has_text="node-2").locator(".state")).to_contain_text("draining")
    page.get_by_role("link", name="Put back node-2").click()
    order(page, "Put node-2 back into service", "Put it back")

    expect(page.locator(".node").filter(has_text="node-2").locator(".state")).to_contain_text("up")


def test_a_slow_press_of_a_button_that_is_kept_fresh_is_a_click(
    cluster: RunningCluster, visit: Visit
) -> None:
    page = visit()
    page.goto(f"{cluster.url}/monitor/health")
    expect(page.locator("[data-pulse=live]")).to_be_visible()
    page.evaluate("const ask = fetch; window.asked = 0; window.fetch = (...all) => (asked++, ask(...all))")

    page.get_by_role("link", name="Drain node-2").hover()
    page.mouse.down()
    eventually(lambda: page.evaluate("asked") > 2, what="fresh readings")
    page.mouse.up()

    expect(page.get_by_role("heading", name="Take node-2 out of service")).to_be_visible()


def _events(page: Page, cluster: RunningCluster) -> int:
    page.goto(f"{cluster.url}/monitor/clocks")
    return page.locator("a.event").count()


def _is_told(page: Page, url: str, text: str) -> bool:
    page.goto(url)
    return page.get_by_label("Notices").get_by_text(text).count() > 0
