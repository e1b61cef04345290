"""What holds on every screen: axe finds nothing, nothing is cut off, targets can be hit."""

from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect
from werkzeug.routing import Map

from tests.browser.looks import CUT_OFF, HEIGHT, WIDE, flaws
from tests.browser.site import Site
from tests.browser.steps import fill_details, go_on, hold, open_times
from tests.browser.tours import TOURS, Tour, page_at
from tests.web.conftest import make_app

Visit = Callable[..., Page]


@pytest.fixture(scope="module")
def url_map() -> Map:
    return make_app("sqlite:////nonexistent/tours.sqlite3").url_map


@pytest.mark.parametrize("tour", TOURS, ids=lambda tour: tour.name)
@pytest.mark.timeout(300)
def test_no_screen_has_a_flaw_and_none_is_left_out(
    site: Site, visit: Visit, tour: Tour, url_map: Map
) -> None:
    page = visit(viewport={"width": WIDE, "height": HEIGHT})
    found: list[str] = []
    seen: set[str | None] = set()

    for number, screen in enumerate(tour.walk(site, page), 1):
        found += flaws(page, f"{tour.name} {number:02} {screen}")
        print(screen, *found[-3:], sep="\n  ")  # where a tour that broke off had come to
        seen.add(page_at(url_map, urlsplit(page.url).path))

    assert found == []
    assert tour.pages - seen == set()


def test_the_way_to_a_booking_weighs_little(site: Site, visit: Visit) -> None:
    doctor = site.doctor_on_duty()
    page = visit()
    transferred: list[int] = []
    page.on("requestfinished", lambda request: transferred.append(request.sizes()["responseBodySize"]))

    hold(page, site.url, doctor, "10:00")
    fill_details(page)
    go_on(page)

    # Before compression by the balancer, and with every screen of the way.
    assert 10_000 < sum(transferred) < 100_000


def test_the_chosen_appearance_outlives_the_page(site: Site, visit: Visit) -> None:
    page = visit(color_scheme="light")
    page.goto(site.url)
    before = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")

    page.get_by_role("button", name="Dark appearance").click()
    dark = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    page.goto(f"{site.url}/find")

    expect(page.get_by_role("button", name="Dark appearance")).to_have_attribute("aria-pressed", "true")
    assert dark != before
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == dark


def test_the_device_zone_is_named_when_it_differs(site: Site, visit: Visit) -> None:
    doctor = site.doctor_on_duty()
    away, home = visit(timezone_id="America/New_York"), visit(timezone_id="Europe/Berlin")
    open_times(away, site.url, doctor)
    open_times(home, site.url, doctor)

    expect(away.locator(".zone")).to_contain_text(
        "Your device is set to America/New_York: 09:00 is 03:00 there."
    )
    expect(home.locator("[data-own-zone]")).to_be_hidden()


@pytest.fixture
def right_to_left(visit: Visit) -> Page:
    page = visit()
    page.add_init_script(
        "document.addEventListener('DOMContentLoaded', () => { document.documentElement.dir = 'rtl' })"
    )
    return page


def test_the_layout_turns_with_the_direction_of_writing(site: Site, right_to_left: Page) -> None:
    doctor = site.doctor_on_duty()
    page = right_to_left

    open_times(page, site.url, doctor)

    slip, day = page.locator(".slip").bounding_box(), page.locator(".day").bounding_box()
    assert slip is not None
    assert day is not None
    assert slip["x"] > day["x"]
    page.locator('[data-grid] [tabindex="0"]').focus()
    before = page.evaluate("document.activeElement.dataset.day")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.dataset.day") < before
    assert page.evaluate(CUT_OFF) == []


def test_a_booking_prints_without_its_buttons(site: Site, visit: Visit) -> None:
    doctor = site.doctor_on_duty()
    page = visit()
    hold(page, site.url, doctor, "10:00")
    fill_details(page)
    go_on(page)
    page.get_by_role("button", name="Confirm the appointment").click()

    page.emulate_media(media="print")

    expect(page.locator(".reference")).to_be_visible()
    expect(page.locator(".slip")).to_be_visible()
    expect(page.get_by_role("link", name="Cancel it")).to_be_hidden()
    expect(page.get_by_role("navigation", name="Main")).to_be_hidden()
