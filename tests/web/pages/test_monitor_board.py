"""The status board in the browser: the desk writes at any node, nothing that lost has vanished (K11, K14)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from pydantic_core import to_jsonable_python

from app.coordination.rpc.messages import Caller
from app.errors import Unavailable
from app.web.parts import EXTENSION, Parts
from tests.web.conftest import PASSWORD, log_in_as, make_app
from tests.web.pages.conftest import Clinic, Person
from tests.worker.coordinator.test_board import Boards

BOARD = "/monitor/board"
DELAY = "Dr. Ada runs 20 minutes late"


@pytest.fixture
def boards(tmp_path: Path) -> Boards:
    return Boards(tmp_path)


@pytest.fixture
def app(sqlite_url: str, boards: Boards, monkeypatch: pytest.MonkeyPatch) -> Iterator[APIFlask]:
    """A web worker of node-1; its coordinator's board is that of the lab."""
    app = make_app(sqlite_url, NODE_ID="node-1")
    parts = app.extensions[EXTENSION]

    def call(node: str, method: str, payload: Any = None, seconds: float = 1.0, **_: Any) -> Any:
        boards.lab.counts["web"] += 1
        caller = Caller(node, f"web-{boards.lab.counts['web']}", boards.lab.clock.elapsed() + seconds)
        found = boards.lab.nodes[node].methods.run(method, to_jsonable_python(payload), caller, seconds)
        boards.lab.settle()
        return to_jsonable_python(found)

    monkeypatch.setattr(parts.board.client, "call", call)
    monkeypatch.setattr("app.web.board.REMEMBER_SECONDS", 0.0)
    yield app
    parts.database.dispose()


@pytest.fixture
def desk(app: APIFlask, client: FlaskClient, person: Person) -> Person:
    """Somebody of the desk, logged in at the monitor."""
    log_in(app, client, person, "staff")
    return person


def log_in(app: APIFlask, client: FlaskClient, person: Person, role: str) -> None:
    log_in_as(app, client, role)
    person.open("/monitor/login")
    person.send("/login", email=f"{role}@example.org", password=PASSWORD, next=BOARD)


def tell(person: Person, text: str = DELAY, **more: str) -> None:
    person.open(BOARD)
    person.send(BOARD, text=text, **more)


def only_notice(boards: Boards, node: str = "node-1") -> dict[str, Any]:
    (notice,) = boards.duties[node].board.notices()
    return notice


def test_what_the_desk_tells_is_on_every_node_and_before_every_visitor(
    desk: Person, somebody_else: Person, boards: Boards, clinic: Clinic
) -> None:
    tell(desk, kind="doctor_delay", severity="warning", doctor_id=str(clinic.doctor_id))

    on_all = [boards.texts(node) for node in boards.lab.names]
    somebody_else.open(f"/doctors/{clinic.doctor_id}")
    about_the_doctor = somebody_else.text
    somebody_else.open("/")

    assert on_all == [[DELAY]] * 3
    assert "a majority of the nodes has it" in desk.text
    assert DELAY in about_the_doctor
    assert DELAY not in somebody_else.text


def test_without_a_majority_the_desk_is_told_so(desk: Person, boards: Boards) -> None:
    boards.part("node-1")

    tell(desk)

    assert "not yet by a majority" in desk.text
    assert "To be handed on to node-2, node-3." in desk.text


def test_only_what_was_changed_is_written_and_a_notice_can_be_withdrawn(desk: Person, boards: Boards) -> None:
    tell(desk)
    notice = only_notice(boards)["id"]

    desk.open(f"{BOARD}?notice={notice}")
    desk.send(f"{BOARD}/notices/{notice}", text="Dr. Ada is on time again", severity="info")
    changed = boards.texts("node-2")
    desk.open(f"{BOARD}?notice={notice}")
    desk.send(f"{BOARD}/notices/{notice}", withdraw="true")

    assert changed == ["Dr. Ada is on time again"]
    assert boards.texts("node-2") == []


def test_what_lost_against_an_edit_elsewhere_is_listed_and_restored(desk: Person, boards: Boards) -> None:
    tell(desk)
    notice = only_notice(boards)["id"]
    boards.lab.advance(1)
    boards.part("node-1")
    desk.open(f"{BOARD}?notice={notice}")
    desk.send(f"{BOARD}/notices/{notice}", text="from node-1")
    boards.lab.advance(0.2)
    boards.write("node-2", notice=notice, text="from node-2")
    boards.lab.cuts.clear()
    boards.lab.until(lambda: boards.texts("node-1") == boards.texts("node-3") == ["from node-2"], 40)

    desk.open(BOARD)
    listed = desk.text
    (lost,) = boards.conflicts("node-1")
    desk.open(f"{BOARD}?conflict={lost['id']}")
    desk.send(f"{BOARD}/conflicts/{lost['id']}")
    boards.lab.settle()

    assert "“from node-1”" in listed
    assert "Staff at node-1" in listed
    assert [boards.texts(node) for node in boards.lab.names] == [["from node-1"]] * 3


def test_a_notice_reaches_visitors_during_an_outage_of_the_database(
    app: APIFlask, desk: Person, boards: Boards, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.open(BOARD)
    parts: Parts = app.extensions[EXTENSION]

    def away(*_anything: Any) -> None:
        raise Unavailable("gone", 5)

    for name in ("read", "snapshot", "transaction", "run"):
        monkeypatch.setattr(parts.database, name, away)
    desk.send(BOARD, text="We are closed today")

    assert desk.page is not None
    assert desk.page.status_code == 200
    assert boards.texts("node-3") == ["We are closed today"]


@pytest.mark.parametrize("role", ["operator", None])
def test_only_the_desk_writes(
    app: APIFlask, client: FlaskClient, person: Person, boards: Boards, role: str | None
) -> None:
    if role:
        log_in(app, client, person, role)

    tell(person)

    assert boards.texts("node-1") == []
    assert person.path == ("/monitor/board" if role else "/login")


def test_who_wrote_what_lost_is_not_for_visitors(person: Person, desk: Person, app: APIFlask) -> None:
    stranger = Person(app.test_client())

    stranger.open(BOARD)

    assert "Who wrote what is for the desk." in stranger.text
    assert "Tell them" not in stranger.text


def test_a_text_that_is_too_long_is_refused_in_words(desk: Person, boards: Boards) -> None:
    tell(desk, "x" * 281)

    assert "Please fill in: text." in desk.text
    assert boards.texts("node-1") == []
