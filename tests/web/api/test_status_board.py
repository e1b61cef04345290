"""Notices over the API: who may, what is said back, and what works while the database is away."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from pydantic_core import to_jsonable_python

from app.coordination.rpc.errors import CallRefused, NoAnswer
from app.coordination.rpc.messages import Caller
from app.errors import Unavailable
from app.web.parts import EXTENSION, Parts
from tests.web.conftest import log_in_as, make_app
from tests.worker.coordinator.test_board import Boards

BOARD = "/api/status-board"


@pytest.fixture
def boards(tmp_path: Path) -> Boards:
    return Boards(tmp_path)


@pytest.fixture
def app(sqlite_url: str, boards: Boards, monkeypatch: pytest.MonkeyPatch) -> Iterator[APIFlask]:
    """A web worker of node-1, whose coordinator is that of the lab."""
    app = make_app(sqlite_url, NODE_ID="node-1")
    parts = app.extensions[EXTENSION]

    def call(node: str, method: str, payload: Any = None, seconds: float = 1.0, **_: Any) -> Any:
        caller = Caller(node, f"web-{boards.lab.counts.total()}", boards.lab.clock.elapsed() + seconds)
        boards.lab.counts["web"] += 1
        found = boards.lab.nodes[node].methods.run(method, to_jsonable_python(payload), caller, seconds)
        boards.lab.settle()
        return to_jsonable_python(found)

    monkeypatch.setattr(parts.board.client, "call", call)
    monkeypatch.setattr("app.web.board.REMEMBER_SECONDS", 0.0)
    yield app
    parts.database.dispose()


@pytest.fixture
def parts(app: APIFlask) -> Parts:
    return app.extensions[EXTENSION]


@pytest.fixture
def desk(app: APIFlask, client: FlaskClient) -> dict[str, str]:
    return log_in_as(app, client, "staff")


def add(client: FlaskClient, desk: dict[str, str], text: str = "closed today", **more: Any) -> Any:
    return client.post(BOARD, json={"text": text, **more}, headers=desk)


def texts(client: FlaskClient, query: str = "") -> list[str]:
    return [notice["text"] for notice in client.get(BOARD + query).json["data"]]


def lose_database(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_anything: Any) -> None:
        raise Unavailable("gone", 5)

    for name in ("read", "snapshot", "transaction", "run"):
        monkeypatch.setattr(parts.database, name, away)


def test_a_notice_of_the_desk_is_read_by_anybody(client: FlaskClient, desk: dict[str, str]) -> None:
    added = add(client, desk, kind="doctor_delay", severity="warning", doctor_id="7")

    read = client.get(BOARD)

    assert added.status_code == 201
    assert (added.json["data"]["acknowledged"], added.json["data"]["nodes"]) == (3, 3)
    (notice,) = read.json["data"]
    assert (notice["text"], notice["kind"], notice["severity"]) == ("closed today", "doctor_delay", "warning")
    assert notice["doctor_id"] == "7"
    assert "author" not in notice
    assert read.headers["X-Served-Consistency"] == "eventual"


def test_without_a_majority_the_answer_is_202_and_names_who_gets_it_later(
    client: FlaskClient, desk: dict[str, str], boards: Boards
) -> None:
    boards.part("node-1")

    added = add(client, desk)

    assert added.status_code == 202
    assert added.json["data"]["pending"] == ["node-2", "node-3"]
    assert added.json["message"] == "Kept on 1 of 3 nodes; node-2, node-3 will get it later."


@pytest.mark.parametrize("role", ["patient", "operator"])
def test_only_staff_writes(app: APIFlask, client: FlaskClient, role: str) -> None:
    assert add(client, log_in_as(app, client, role)).status_code == 403
    assert add(client, {}).status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"text": ""},
        {"text": "x" * 281},
        {"text": "x", "kind": "slot"},
        {"text": "x", "kind": "preference"},
        {"text": "x", "severity": "panic"},
        {"text": "x", "doctor_id": "x"},
        {"text": "x", "expires_at": "soon"},
        {"text": "x", "state": "BOOKED"},
        {"text": "x\u202ey"},
    ],
)
def test_what_is_no_notice_is_refused(
    client: FlaskClient, desk: dict[str, str], body: dict[str, Any]
) -> None:
    assert client.post(BOARD, json=body, headers=desk).status_code == 422


def test_fields_are_changed_one_by_one_and_a_null_withdraws(
    client: FlaskClient, desk: dict[str, str]
) -> None:
    notice = add(client, desk, severity="warning").json["data"]["notice"]

    changed = client.patch(f"{BOARD}/{notice['id']}", json={"text": "open again"}, headers=desk)
    shown = texts(client)
    client.patch(f"{BOARD}/{notice['id']}", json={"text": None}, headers=desk)

    assert changed.status_code == 200
    assert changed.json["data"]["notice"]["severity"] == "warning"
    assert shown == ["open again"]
    assert texts(client) == []


def test_a_notice_that_is_over_is_shown_only_when_asked_for(
    client: FlaskClient, desk: dict[str, str]
) -> None:
    add(client, desk, "over", expires_at="2020-01-01T00:00:00Z")
    add(client, desk, "current", expires_at="2099-01-01T00:00:00Z")

    assert texts(client) == ["current"]
    assert sorted(texts(client, "?over=true")) == ["current", "over"]


def test_a_doctors_notices_come_with_those_for_everybody(
    client: FlaskClient, desk: dict[str, str], parts: Parts
) -> None:
    add(client, desk, "for all")
    add(client, desk, "of seven", doctor_id="7")
    add(client, desk, "of eight", doctor_id="8")

    assert sorted(texts(client, "?doctor_id=7")) == ["for all", "of seven"]
    assert sorted(each["text"] for each in parts.board.notices_to_show(7)) == ["for all", "of seven"]
    assert [each["text"] for each in parts.board.notices_to_show()] == ["for all"]


def test_an_unknown_notice_or_conflict_is_404(client: FlaskClient, desk: dict[str, str]) -> None:
    assert client.patch(f"{BOARD}/unknown", json={"text": "x"}, headers=desk).status_code == 404
    assert client.post(f"{BOARD}/conflicts/node-1.4/restore", headers=desk).status_code == 404


def test_a_repeat_under_the_same_key_adds_no_second_notice(client: FlaskClient, desk: dict[str, str]) -> None:
    for _ in range(2):
        add(client, {**desk, "Idempotency-Key": "the-same-key-1"})

    assert texts(client) == ["closed today"]


def test_a_lost_change_is_listed_with_its_author_and_restored(
    client: FlaskClient, desk: dict[str, str], boards: Boards
) -> None:
    notice = add(client, desk).json["data"]["notice"]["id"]
    boards.lab.advance(1)
    boards.part("node-1")
    client.patch(f"{BOARD}/{notice}", json={"text": "from node-1"}, headers=desk)
    boards.lab.advance(0.2)
    boards.write("node-2", notice=notice, text="from node-2")
    boards.lab.cuts.clear()
    boards.lab.until(lambda: texts(client) == ["from node-2"], 40)

    (conflict,) = client.get(f"{BOARD}/conflicts", headers=desk).json["data"]
    restored = client.post(f"{BOARD}/conflicts/{conflict['id']}/restore", headers=desk)

    assert (conflict["lost"]["value"], conflict["lost"]["author"]) == ("from node-1", "Staff")
    assert restored.status_code == 200
    assert texts(client) == ["from node-1"]


def test_the_conflict_log_is_for_staff(client: FlaskClient) -> None:
    assert client.get(f"{BOARD}/conflicts").status_code == 401


def test_with_the_database_away_a_desk_that_was_just_here_can_still_write(
    client: FlaskClient, desk: dict[str, str], parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(client, desk)
    lose_database(parts, monkeypatch)

    assert add(client, desk, "the power is gone").status_code == 201
    assert sorted(texts(client)) == ["closed today", "the power is gone"]


def test_with_the_database_away_a_login_seen_too_long_ago_does_not_count(
    client: FlaskClient, desk: dict[str, str], parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(client, desk)
    monkeypatch.setattr("app.web.recent_sessions.REMEMBERED_SECONDS", -1.0)
    lose_database(parts, monkeypatch)

    assert add(client, desk).status_code == 503


def test_with_the_database_away_nothing_but_the_board_takes_a_remembered_login(
    client: FlaskClient, desk: dict[str, str], parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(client, desk)
    lose_database(parts, monkeypatch)

    assert client.get("/api/bookings", headers=desk).status_code == 503


def test_a_login_that_was_ended_is_not_remembered(
    client: FlaskClient, desk: dict[str, str], parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(client, desk)
    client.post("/api/auth/logout", headers=desk)
    refused = add(client, desk).status_code
    lose_database(parts, monkeypatch)

    assert refused == 401
    assert add(client, desk).status_code == 503


def test_with_the_coordinator_away_the_last_notices_are_shown_and_nothing_is_taken(
    client: FlaskClient, desk: dict[str, str], parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(client, desk)
    texts(client)

    def silent(*_: Any, **__: Any) -> None:
        raise NoAnswer("node-1")

    monkeypatch.setattr(parts.board.client, "call", silent)

    assert texts(client) == ["closed today"]
    assert parts.board.notices_to_show()[0]["text"] == "closed today"
    assert add(client, desk).status_code == 503


def test_a_worker_that_never_heard_of_its_coordinator_says_so(
    client: FlaskClient, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(*_: Any, **__: Any) -> None:
        raise NoAnswer("node-1")

    monkeypatch.setattr(parts.board.client, "call", silent)

    assert client.get(BOARD).status_code == 503
    assert parts.board.notices_to_show(7) == []


def test_a_node_with_an_ill_clock_takes_no_notice(
    client: FlaskClient, desk: dict[str, str], boards: Boards
) -> None:
    boards.ill["node-1"] = "the clock is at least 2.00 s from the database's"

    refused = add(client, desk)

    assert refused.status_code == 503
    assert "may not stamp notices now" in refused.json["detail"]


def test_a_full_board_takes_no_further_notice(
    client: FlaskClient, desk: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.coordinator.board.MOST_NOTICES", 1)
    add(client, desk)

    assert add(client, desk, "one too many").status_code == 409


def test_a_refusal_nobody_foresaw_is_an_outage(
    client: FlaskClient, desk: dict[str, str], parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise CallRefused("FAILED", "the receiver's log says why")

    monkeypatch.setattr(parts.board.client, "call", broken)

    assert add(client, desk).status_code == 503
