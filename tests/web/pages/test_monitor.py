"""The monitor's tabs where little is known: nobody heard, nothing booked, the database or the coordinator
away. What they show of a whole cluster, the browser tests see."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from sqlalchemy import insert, select

from app.coordination import membership
from app.coordination.leadership import ROLE
from app.tables import AuditEntry, LeaderTerm
from app.web import recall
from app.web.pages.monitor.frame import TABS
from app.web.parts import EXTENSION, Parts
from tests.web.api.coordinators import StandIn
from tests.web.conftest import PASSWORD, log_in_as, make_app
from tests.web.pages.conftest import Person


@pytest.fixture
def coordinator() -> Iterator[StandIn]:
    stand_in = StandIn()
    yield stand_in
    stand_in.server.close()


@pytest.fixture
def app(sqlite_url: str, coordinator: StandIn) -> Iterator[APIFlask]:
    app = make_app(sqlite_url, RPC_PORT=str(coordinator.server.port))
    yield app
    app.extensions[EXTENSION].database.dispose()


@pytest.fixture
def parts(app: APIFlask) -> Parts:
    return app.extensions[EXTENSION]


@pytest.fixture
def operator(app: APIFlask, client: FlaskClient, person: Person) -> Person:
    log_in_as(app, client, "operator")
    person.open("/monitor/login")
    person.send("/login", email="operator@example.org", password=PASSWORD)
    return person


def test_a_term_whose_end_cannot_be_known_is_not_said_to_go_on(
    person: Person, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    with parts.database.transaction() as tx:
        tx.execute(insert(LeaderTerm).values(role=ROLE, epoch=7, node="node-7", algorithm="bully"))
    known = person.open("/monitor/election").text

    monkeypatch.setattr(recall, "STALE_SECONDS", -1.0)
    stale = person.open("/monitor/election").text

    assert '<td class="numbers">leads</td>' in known
    assert '<td class="numbers">led when last read</td>' in stale


def orders_in_audit(parts: Parts) -> list[tuple[str, dict[str, Any]]]:
    with parts.database.read() as connection:
        rows = connection.execute(select(AuditEntry.action, AuditEntry.detail)).all()
    return [(row.action, row.detail) for row in rows if row.action.startswith("cluster.")]


@pytest.mark.parametrize("tab", TABS)
def test_a_tab_shows_a_node_that_this_one_has_never_heard(tab: str, person: Person, parts: Parts) -> None:
    for number in (7, 8):
        parts.database.run(
            lambda tx, n=number: membership.join(tx, f"node-{n}", f"http://127.0.0.1:500{n}", 1)
        )

    page = person.open(f"/monitor/{tab}")

    assert page.status_code == 200
    assert f'aria-current="page">{TABS[tab]}</a>' in page.text


@pytest.mark.parametrize("tab", TABS)
def test_a_tab_answers_while_the_coordinator_is_away(tab: str, person: Person, coordinator: StandIn) -> None:
    coordinator.server.close()

    page = person.open(f"/monitor/{tab}")

    assert page.status_code == 200
    assert "The coordinator of this node does not answer" in page.text


@pytest.mark.parametrize("tab", TABS)
def test_a_tab_answers_while_the_database_is_away(tab: str, coordinator: StandIn) -> None:
    app = make_app("postgresql://nobody@127.0.0.1:1/none", RPC_PORT=str(coordinator.server.port))

    page = Person(app.test_client()).open(f"/monitor/{tab}")

    assert page.status_code == 200
    assert "The database does not answer" in page.text


class Ages(HTMLParser):
    """Finds what is so many seconds old, and stays so while the page grows older."""

    VOID = frozenset({"area", "br", "hr", "img", "input", "link", "meta", "source", "wbr", "use"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self._open: list[tuple[str, bool]] = []
        self.dead: list[str] = []
        self.live = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag not in self.VOID:
            self._open.append((tag, any(name == "data-live" for name, _ in attributes)))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if re.search(r"[0-9] (ms|s|min|h) ago|just now", data):
            is_live = any(live for _, live in self._open)
            self.live += is_live
            self.dead += [] if is_live else [data.strip()]


@pytest.mark.parametrize("tab", TABS)
def test_an_age_is_renewed_for_as_long_as_the_page_is_open(tab: str, person: Person, parts: Parts) -> None:
    parts.database.run(lambda tx: membership.join(tx, "node-7", "http://127.0.0.1:5007", 1))

    ages = Ages(person.open(f"/monitor/{tab}").text)

    assert ages.live > 0
    assert ages.dead == []


@pytest.mark.parametrize("tab", TABS)
def test_a_tab_offers_no_orders_to_a_visitor(tab: str, person: Person) -> None:
    page = person.open(f"/monitor/{tab}")

    assert 'name="reason"' not in page.text


def test_an_election_is_ordered_once_with_its_reason(
    operator: Person, coordinator: StandIn, parts: Parts
) -> None:
    operator.open("/monitor/election")

    operator.send("/monitor/orders/elect", algorithm="ring", forced="true", reason="a try")

    assert coordinator.given("operator.trigger") == [{"algorithm": "ring", "is_forced": True}]
    ((action, detail),) = orders_in_audit(parts)
    assert (action, detail["reason"]) == ("cluster.elect", "a try")
    assert operator.path == "/monitor/election"
    assert "An election has begun." in operator.text


def test_an_order_without_a_reason_is_refused_in_words(operator: Person, coordinator: StandIn) -> None:
    operator.open("/monitor/election")

    operator.send("/monitor/orders/hand-over", reason="")

    assert "Please fill in: reason." in operator.text
    assert coordinator.orders == []


def test_a_visitor_who_orders_is_asked_to_log_in(person: Person, coordinator: StandIn) -> None:
    person.open("/monitor/election")

    person.send("/monitor/orders/elect", algorithm="bully", reason="a try")

    assert person.path == "/login"
    assert coordinator.orders == []


def test_who_logs_out_may_not_order_any_more(operator: Person, coordinator: StandIn) -> None:
    operator.open("/monitor/health")
    operator.send("/logout")

    operator.send("/monitor/orders/ring-audit", reason="a try")

    assert operator.path == "/login"
    assert coordinator.orders == []


def test_a_patient_gives_no_orders(
    app: APIFlask, client: FlaskClient, person: Person, coordinator: StandIn
) -> None:
    log_in_as(app, client, "patient")
    person.open("/login")
    person.send("/login", email="patient@example.org", password=PASSWORD)

    page = person.send("/monitor/orders/ring-audit", follow=False, reason="a try")

    assert page.status_code == 403
    assert coordinator.orders == []


def test_a_forged_login_is_none(person: Person) -> None:
    person.client.set_cookie("sid", "forged" * 7)

    page = person.open("/monitor/health")

    assert page.status_code == 200
    assert "Log in to give orders" in page.text
