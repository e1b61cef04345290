"""How fresh an answer is: asked for, kept, and said (K12, K13)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from sqlalchemy import insert

from app.coordination.leadership import ROLE, Term
from app.coordination.replication.heartbeat import beat
from app.coordination.replication.session import Session, read_token, write_token
from app.errors import Unavailable
from app.tables import LeaderState
from app.web import reads as reads_module
from app.web.parts import EXTENSION, Parts
from tests.cinema import Cinema
from tests.web.conftest import log_in_as, make_app

PATIENT = {"patient_name": "Anna Example", "patient_email": "anna@example.org"}
DAY = "2099-07-01"
TERM = Term("node-1", 1, float("inf"))
STALENESS = "X-Staleness-Ms"


@dataclass
class Node:
    """A web node whose replica is fed by hand."""

    app: APIFlask

    @property
    def parts(self) -> Parts:
        return self.app.extensions[EXTENSION]

    @property
    def client(self) -> FlaskClient:
        """Without cookies: a program."""
        return self.app.test_client(use_cookies=False)

    def follow(self) -> None:
        """Take in everything that is committed now."""
        beat(self.parts.database, TERM)
        self.parts.mirror.feed.turn(0.0)

    def grow_old(self, seconds: float) -> None:
        self.parts.reads.replica.time._offset += seconds

    def lose_database(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def away(*_anything: Any) -> None:
            raise Unavailable("gone", 5)

        for name in ("read", "snapshot", "transaction", "run"):
            monkeypatch.setattr(self.parts.database, name, away)

    def slots(self, level: str | None = None, token: str | None = None, query: str = "") -> Any:
        headers = {"X-Consistency": level} if level else {}
        headers |= {"X-Session-Token": token} if token else {}
        return self.client.get(f"/api/slots{query}", headers=headers)


@pytest.fixture
def nodes(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Node]]:
    monkeypatch.setattr(reads_module, "LONGEST_WAIT_SECONDS", 0.01)
    nodes = [Node(make_app(sqlite_url, NODE_ID=name)) for name in ("node-1", "node-2")]
    nodes[0].parts.database.run(
        lambda tx: tx.execute(insert(LeaderState).values(role=ROLE, epoch=1, node="node-1"))
    )
    yield nodes
    for node in nodes:
        node.parts.database.dispose()


@pytest.fixture
def admin(nodes: list[Node]) -> dict[str, str]:
    return log_in_as(nodes[0].app, nodes[0].client, "admin")


@pytest.fixture
def doctor(nodes: list[Node], admin: dict[str, str]) -> str:
    body = {"name": "Dr Ada Probe", "specialization": "Cardiology", "timezone": "Europe/Berlin"}
    doctor = nodes[0].client.post("/api/doctors", json=body, headers=admin).json["data"]["id"]
    bulk = {"doctor_id": doctor, "slot_date": DAY}
    nodes[0].client.post("/api/slots/bulk", json=bulk, headers=admin)
    for node in nodes:
        node.follow()
    return doctor


def book_first(node: Node) -> Any:
    slot = node.slots("strong").json["data"][0]
    answer = node.client.post("/api/bookings", json={"slot_id": slot["id"], **PATIENT})
    assert answer.status_code == 201
    return answer


def state_of_first(answer: Any) -> str:
    return answer.json["data"][0]["state"]


@pytest.mark.parametrize("level", ["bounded", "eventual", "causal", None])
def test_the_replica_answers_what_it_can_promise(nodes: list[Node], doctor: str, level: str | None) -> None:
    answer = nodes[1].slots(level)

    assert answer.headers["X-Served-Consistency"] == (level or "strong")
    assert 0 <= int(answer.headers[STALENESS]) < 5000
    assert answer.headers["X-Served-By"] == "node-2"
    assert len(answer.json["data"]) == 16


def test_strong_reads_the_database_now(nodes: list[Node], doctor: str) -> None:
    book_first(nodes[0])

    answer = nodes[1].slots("strong")

    assert state_of_first(answer) == "BOOKED"
    assert (answer.headers["X-Served-Consistency"], answer.headers[STALENESS]) == ("strong", "0")


def test_a_copy_that_lags_is_served_as_eventual_and_says_its_age(nodes: list[Node], doctor: str) -> None:
    book_first(nodes[0])
    nodes[1].grow_old(60)

    answer = nodes[1].slots("eventual")

    assert state_of_first(answer) == "OPEN"
    assert int(answer.headers[STALENESS]) >= 60_000


def test_more_than_five_seconds_old_is_not_bounded(nodes: list[Node], doctor: str) -> None:
    book_first(nodes[0])
    nodes[1].grow_old(5.1)

    for answer in (nodes[1].slots("bounded"), nodes[1].slots()):
        assert state_of_first(answer) == "BOOKED"
        assert answer.headers["X-Served-Consistency"] == "strong"


def test_whoever_has_written_reads_their_write_on_a_node_that_lags(nodes: list[Node], doctor: str) -> None:
    token = book_first(nodes[0]).headers["X-Session-Token"]

    answer = nodes[1].slots(token=token)

    assert state_of_first(answer) == "BOOKED"
    assert answer.headers["X-Served-Consistency"] == "strong"


def test_without_the_token_the_same_question_may_miss_the_write(nodes: list[Node], doctor: str) -> None:
    book_first(nodes[0])

    assert state_of_first(nodes[1].slots("bounded")) == "OPEN"


def test_a_causal_read_is_local_once_the_write_has_arrived(nodes: list[Node], doctor: str) -> None:
    token = book_first(nodes[0]).headers["X-Session-Token"]
    nodes[1].follow()

    answer = nodes[1].slots(token=token)

    assert state_of_first(answer) == "BOOKED"
    assert answer.headers["X-Served-Consistency"] == "causal"


def test_a_write_to_another_doctor_does_not_hold_a_question_up(
    nodes: list[Node], admin: dict[str, str], doctor: str
) -> None:
    body = {"name": "Dr Bo", "specialization": "Skin", "timezone": "UTC"}
    other = nodes[0].client.post("/api/doctors", json=body, headers=admin)

    answer = nodes[1].slots("causal", other.headers["X-Session-Token"], f"?doctor_id={doctor}")

    assert answer.headers["X-Served-Consistency"] == "causal"


def test_nobody_sees_less_than_they_have_seen_before(nodes: list[Node], doctor: str) -> None:
    book_first(nodes[0])
    nodes[0].follow()
    seen = nodes[0].slots("causal")

    again = nodes[1].slots(token=seen.headers["X-Session-Token"])

    assert [state_of_first(answer) for answer in (seen, again)] == ["BOOKED", "BOOKED"]


def test_what_was_seen_in_the_database_is_not_unseen_on_a_node_that_lags(
    nodes: list[Node], doctor: str
) -> None:
    book_first(nodes[0])
    nodes[0].grow_old(60)
    from_database = nodes[0].slots("strong", write_token(nodes[0].parts.config.secret_key, Session()))

    again = nodes[1].slots(token=from_database.headers["X-Session-Token"])

    assert [state_of_first(answer) for answer in (from_database, again)] == ["BOOKED", "BOOKED"]


def test_a_replayed_write_is_seen_as_well(nodes: list[Node], doctor: str) -> None:
    slot = nodes[0].slots("strong").json["data"][0]["id"]
    request = {"json": {"slot_id": slot, **PATIENT}, "headers": {"Idempotency-Key": "the-same-key-1"}}
    nodes[0].client.post("/api/bookings", **request)
    replay = nodes[1].client.post("/api/bookings", **request)

    answer = nodes[1].slots(token=replay.headers["X-Session-Token"])

    assert replay.headers["Idempotency-Replayed"] == "true"
    assert state_of_first(answer) == "BOOKED"


@pytest.mark.parametrize("path", ["/api/slots?", "/api/doctors/{}/slots?", "/api/availability?doctor_id={}&"])
def test_every_list_of_times_takes_the_level_in_the_query_too(
    nodes: list[Node], doctor: str, path: str
) -> None:
    answer = nodes[1].client.get(path.format(doctor) + f"date={DAY}&consistency=eventual")

    assert answer.status_code == 200
    assert answer.headers["X-Served-Consistency"] == "eventual"


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        ({"X-Consistency": "psychic"}, ""),
        ({}, "?consistency=psychic"),
        ({"X-Consistency": "strong"}, "?consistency=causal"),
    ],
)
def test_a_level_nobody_knows_or_two_that_differ_are_refused(
    nodes: list[Node], headers: dict[str, str], query: str
) -> None:
    answer = nodes[0].client.get(f"/api/slots{query}", headers=headers)

    assert answer.status_code == 422
    assert answer.json["error"]["code"] == "VALIDATION_FAILED"


@pytest.mark.parametrize("path", ["/api/doctors/4711/slots", f"/api/availability?doctor_id=4711&date={DAY}"])
def test_a_doctor_the_replica_has_not_heard_of_is_looked_for_in_the_database(
    nodes: list[Node], doctor: str, path: str
) -> None:
    assert nodes[1].client.get(path).status_code == 404


def test_times_long_past_come_from_the_database(nodes: list[Node], doctor: str) -> None:
    answer = nodes[1].slots("eventual", query="?from=2020-01-01")

    assert answer.headers["X-Served-Consistency"] == "strong"


def test_with_the_database_away_a_public_list_is_given_as_old_as_it_is(
    nodes: list[Node], doctor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    nodes[1].lose_database(monkeypatch)
    nodes[1].grow_old(90)

    answer = nodes[1].slots()

    assert answer.status_code == 200
    assert answer.headers["X-Served-Consistency"] == "eventual"
    assert int(answer.headers[STALENESS]) >= 90_000


@pytest.mark.parametrize("level", ["strong", "bounded", "quorum"])
def test_a_level_that_was_asked_for_is_never_served_weaker(
    nodes: list[Node], doctor: str, monkeypatch: pytest.MonkeyPatch, level: str
) -> None:
    nodes[1].lose_database(monkeypatch)
    nodes[1].grow_old(90)

    assert nodes[1].slots(level).status_code == 503


def test_a_session_that_is_not_met_is_refused_rather_than_shown_less(
    nodes: list[Node], doctor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = book_first(nodes[0]).headers["X-Session-Token"]
    nodes[1].lose_database(monkeypatch)

    assert nodes[1].slots(token=token).status_code == 503


def test_a_token_that_is_not_ours_counts_for_nothing(nodes: list[Node], doctor: str) -> None:
    forged = write_token("another secret", Session((("doctor:1", 999_999),)))

    answer = nodes[1].slots("causal", forged)

    assert answer.headers["X-Served-Consistency"] == "causal"


def test_the_token_of_a_write_names_the_stream_it_went_to(nodes: list[Node], doctor: str) -> None:
    token = book_first(nodes[0]).headers["X-Session-Token"]

    session = read_token(nodes[0].parts.config.secret_key, token)

    assert [stream for stream, _ in session.seen] == [f"doctor:{doctor}"]


def test_a_majority_is_asked_for_through_the_coordinator(
    nodes: list[Node], doctor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    neighbour = nodes[1].parts.reads.neighbour
    monkeypatch.setattr(type(neighbour), "majority", lambda self, streams: self.replica.vector)

    answer = nodes[1].slots("quorum")

    assert answer.headers["X-Served-Consistency"] == "quorum"


def test_a_replica_behind_the_majority_catches_up_before_it_answers(
    nodes: list[Node], doctor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    book_first(nodes[0])
    nodes[0].follow()
    ahead = nodes[0].parts.reads.replica
    neighbour = nodes[1].parts.reads.neighbour
    monkeypatch.setattr(type(neighbour), "majority", lambda self, streams: ahead.vector)
    monkeypatch.setattr(
        type(neighbour), "pull", lambda self: self.replica.merge(ahead.delta(self.replica.vector))
    )

    answer = nodes[1].slots("quorum")

    assert state_of_first(answer) == "BOOKED"
    assert answer.headers["X-Served-Consistency"] == "quorum"


def test_without_a_majority_the_database_is_asked(nodes: list[Node], doctor: str) -> None:
    assert nodes[1].slots("quorum").headers["X-Served-Consistency"] == "strong"


@pytest.fixture
def showtime(nodes: list[Node], admin: dict[str, str]) -> int:
    showtime = Cinema.on(nodes[0].parts.database).add_showtime()
    for node in nodes:
        node.follow()
    return showtime


def seat_map(node: Node, showtime: int, level: str | None = None, token: str | None = None) -> Any:
    headers = {"X-Consistency": level} if level else {}
    headers |= {"X-Session-Token": token} if token else {}
    return node.client.get(f"/api/showtimes/{showtime}/seats?sparse=1", headers=headers)


def book_a_seat(node: Node, showtime: int) -> Any:
    seats = node.client.get(f"/api/showtimes/{showtime}/seats").json["data"]["seats"]
    answer = node.client.post("/api/bookings", json={"slot_ids": [seats[-1]["id"]], **PATIENT})
    assert answer.status_code == 201
    return answer


@pytest.mark.parametrize("level", ["bounded", "eventual", "causal"])
def test_a_seat_map_comes_from_the_replica_at_the_levels_it_can_promise(
    nodes: list[Node], showtime: int, level: str
) -> None:
    book_a_seat(nodes[0], showtime)

    before = seat_map(nodes[1], showtime, level)
    nodes[1].follow()
    after = seat_map(nodes[1], showtime, level)

    assert [answer.headers["X-Served-Consistency"] for answer in (before, after)] == [level, level]
    assert [answer.json["data"]["free"] for answer in (before, after)] == [9, 8]


def test_whoever_took_a_seat_sees_it_taken_on_a_node_that_lags(nodes: list[Node], showtime: int) -> None:
    token = book_a_seat(nodes[0], showtime).headers["X-Session-Token"]

    answer = seat_map(nodes[1], showtime, token=token)

    assert answer.json["data"]["free"] == 8
    assert answer.headers["X-Served-Consistency"] == "strong"


def test_a_known_seat_map_is_shown_while_the_database_is_away(
    nodes: list[Node], showtime: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    seat_map(nodes[1], showtime)
    nodes[1].lose_database(monkeypatch)
    nodes[1].grow_old(90)

    answer = seat_map(nodes[1], showtime)

    assert (answer.status_code, answer.headers["X-Served-Consistency"]) == (200, "eventual")
    assert seat_map(nodes[1], showtime, "strong").status_code == 503
