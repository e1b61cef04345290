"""A plain booking's short cut before Flask answers what the ordinary way answers, word for word."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from sqlalchemy import Engine, insert
from sqlalchemy.exc import OperationalError
from werkzeug.test import TestResponse

from app.booking import actions
from app.coordination.replication.session import read_token
from app.tables import Doctor, Slot
from app.web import booking_lane, limits
from app.web.causal import read_stamp
from app.web.parts import EXTENSION, Parts
from tests import moments
from tests.web.conftest import log_in_as, make_app

QUICK, ORDINARY = "/api/bookings", "/api/bookings?by=the+long+way"
WAYS = (QUICK, ORDINARY)
WHO = {"patient_name": "Anna Example", "patient_email": "Anna@Example.org", "reason": "a cough"}
#: Differ from booking to booking, and from moment to moment.
OF_ITS_OWN = {
    "id", "reference", "confirmation_id", "slot_id", "slot_time", "starts_at", "ends_at", "created_at",
    "updated_at", "confirmed_at", "booking_time", "logical_clock", "vector_clock", "manage_token",
    "manage_url", "timestamp", "correlation_id", "retry_after_seconds", "Location", "Content-Length",
    "Retry-After", "X-Correlation-ID", "X-Causal-Stamp", "X-Session-Token",
}  # fmt: skip


@dataclass
class Ways:
    """The two ways to one node."""

    app: APIFlask
    client: FlaskClient
    flask_calls: list[str]
    doctor: int

    @property
    def parts(self) -> Parts:
        return self.app.extensions[EXTENSION]

    def add_slot(self, hours_ahead: float = 24) -> int:
        start = moments.hours_ahead(hours_ahead)
        values = {"doctor_id": self.doctor, "starts_at": start, "ends_at": start + timedelta(minutes=30)}
        with self.parts.database.transaction() as tx:
            return tx.execute(insert(Slot).values(values).returning(Slot.id)).scalar_one()

    def book(
        self, way: str, slot: object, headers: dict[str, str] | None = None, **more: Any
    ) -> TestResponse:
        """Goes that way and no other."""
        self.flask_calls.clear()
        answer = self.client.post(way, json={"slot_id": slot, **WHO, **more}, headers=headers)
        assert len(self.flask_calls) == WAYS.index(way)
        return answer

    def book_both_ways(self, slot: object, **more: Any) -> list[TestResponse]:
        return [self.book(way, slot, **more) for way in WAYS]


@pytest.fixture
def ways(app: APIFlask, client: FlaskClient, flask_calls: list[str]) -> Ways:
    values = {"name": "Dr Ada Probe", "specialization": "Cardiology", "timezone": "Europe/Berlin"}
    with app.extensions[EXTENSION].database.transaction() as tx:
        doctor = tx.execute(insert(Doctor).values(values).returning(Doctor.id)).scalar_one()
    return Ways(app, client, flask_calls, doctor)


def shown(answer: TestResponse) -> tuple[str, list[tuple[str, str]], object]:
    told = [(name, type(value).__name__ if name in OF_ITS_OWN else value) for name, value in answer.headers]
    return answer.status, sorted(told), _masked(answer.json)


def _masked(value: Any, name: str = "") -> Any:
    if name in OF_ITS_OWN:
        return type(value).__name__
    if isinstance(value, dict):
        return [(key, _masked(inner, key)) for key, inner in value.items()]
    if isinstance(value, list):
        return [_masked(inner) for inner in value]
    if name in {"detail", "message"}:
        return re.sub(r"\d+", "N", value)
    return value


def keyed(key: str) -> dict[str, str]:
    return {"Idempotency-Key": key}


def one_and_other(answers: list[TestResponse], status: int) -> None:
    one, other = answers
    assert one.status_code == status
    assert shown(one) == shown(other)


@pytest.mark.parametrize("secure", [{}, {"X-Forwarded-Proto": "https"}], ids=["http", "https"])
def test_a_booking_is_told_the_same(ways: Ways, secure: dict[str, str]) -> None:
    answers = [ways.book(way, ways.add_slot(hours), secure) for hours, way in enumerate(WAYS, 24)]

    one_and_other(answers, 201)
    secret, seen = ways.parts.config.secret_key, []
    for answer in answers:
        session = read_token(secret, answer.headers["X-Session-Token"])
        stamp = read_stamp(secret, answer.headers["X-Causal-Stamp"])
        assert session is not None
        assert stamp is not None
        seen += [(session.seen, stamp.lamport >= answer.json["data"]["logical_clock"])]
    assert seen == [(((f"doctor:{ways.doctor}", number),), True) for number in (1, 2)]
    assert [answer.json["data"]["patient_email"] for answer in answers] == ["anna@example.org"] * 2


@pytest.mark.parametrize(("first", "second"), [WAYS, WAYS[::-1]], ids=["quick first", "ordinary first"])
def test_a_key_that_was_used_one_way_is_known_the_other_way(ways: Ways, first: str, second: str) -> None:
    slot = ways.add_slot()

    booked = ways.book(first, slot, keyed("k-1"))
    again = [ways.book(way, slot, keyed("k-1")) for way in WAYS]
    reused = [ways.book(way, slot, keyed("k-1"), reason="another") for way in (second, first)]

    assert again[0].json["data"] == booked.json["data"]
    assert again[0].headers["Idempotency-Replayed"] == "true"
    one_and_other(again, 201)
    one_and_other(reused, 422)
    assert reused[0].json["error"]["code"] == "IDEMPOTENCY_KEY_REUSED"


@pytest.mark.parametrize("is_held", [False, True], ids=["taken", "held"])
def test_a_loser_is_told_the_same_with_a_key_and_without(
    ways: Ways, is_held: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    reasons: list[str] = []
    monkeypatch.setattr(ways.parts.tally, "put", reasons.append)
    slot, near = ways.add_slot(24), ways.add_slot(25)
    ways.book(ORDINARY, slot, hold=is_held)

    plain = ways.book_both_ways(slot)
    with_key = [ways.book(way, slot, keyed(f"k-{way}")) for way in WAYS]
    repeated = [ways.book(way, slot, keyed(f"k-{way}")) for way in WAYS]

    for answers in (plain, with_key, repeated):
        one_and_other(answers, 409)
    assert plain[0].json["reason"] == ("SLOT_HELD" if is_held else "SLOT_TAKEN")
    assert [each["id"] for each in plain[0].json["alternatives"]] == [str(near)]
    assert repeated[0].headers["Idempotency-Replayed"] == "true"
    assert len(reasons) == 4, "each conflict is counted, and no repeat"


def test_a_time_that_is_unknown_or_past_is_refused_in_the_same_words(ways: Ways) -> None:
    one_and_other(ways.book_both_ways(987_654_321), 404)
    one_and_other(ways.book_both_ways(ways.add_slot(-24)), 422)


@pytest.mark.parametrize("wrong", [{"slot_id": "7x"}, {"patient_email": "nobody"}], ids=str)
def test_what_is_wrong_is_said_by_the_application_which_can_still_read_it(
    ways: Ways, wrong: dict[str, Any]
) -> None:
    one, other = (ways.client.post(way, json={"slot_id": 7, **WHO, **wrong}) for way in WAYS)

    assert len(ways.flask_calls) == 2
    one_and_other([one, other], 422)


def test_whoever_is_logged_in_books_for_their_account(ways: Ways) -> None:
    login = log_in_as(ways.app, ways.client, "patient")

    answer = ways.client.post(QUICK, json={"slot_id": ways.add_slot(), **WHO}, headers=login)

    assert answer.json["data"]["user_id"] is not None


def test_nobody_takes_it_where_other_origins_may_ask(sqlite_url: str) -> None:
    app = make_app(sqlite_url, CORS_ORIGIN="https://clinic.example.org")

    answer = app.test_client().post(QUICK, json={"slot_id": 1, **WHO})

    assert answer.headers["Vary"] == "Origin"
    app.extensions[EXTENSION].database.dispose()


def test_both_ways_are_counted_together_and_refused_alike(
    ways: Ways, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "WRITES_OF_AN_ADDRESS", 2)
    near = {"environ_base": {"REMOTE_ADDR": "203.0.113.7"}}
    ask: Callable[[str], TestResponse] = lambda way: ways.client.post(  # noqa: E731
        way, json={"slot_id": 7, **WHO}, **near
    )

    passed = [ask(way).status_code for way in WAYS]
    refused = [ask(way) for way in WAYS]

    assert passed == [404, 404]
    one_and_other(refused, 429)


@pytest.mark.parametrize("outage", [True, False], ids=["database away", "unforeseen"])
def test_an_outage_is_told_and_logged_alike(
    ways: Ways, monkeypatch: pytest.MonkeyPatch, outage: bool
) -> None:
    slot = ways.add_slot()
    ways.book(QUICK, ways.add_slot(25))  # so that its block of logical times is reserved

    def fail(*_given: Any) -> None:
        raise OperationalError("connect", None, Exception("gone")) if outage else RuntimeError("oops")

    monkeypatch.setattr(*((Engine, "raw_connection") if outage else (actions, "hold_slot")), fail)
    answers = ways.book_both_ways(slot)

    one_and_other(answers, 503 if outage else 500)


def test_each_answer_is_logged_and_metered(ways: Ways, monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[dict[str, object]] = []
    monkeypatch.setattr(booking_lane, "log_request", lambda _message, **fields: lines.append(fields))
    ways.parts.load_meter.report()

    answer = ways.book(QUICK, ways.add_slot(), {"X-Correlation-ID": "order-66"})

    (seen,) = ways.parts.load_meter.report().recent
    assert (seen.method, seen.route, seen.status) == ("POST", "/api/bookings", 201)
    (line,) = lines
    assert (line["path"], line["status"], line["client"]) == ("/api/bookings", 201, "127.0.0.1")
    assert answer.headers["X-Correlation-ID"] == "order-66"
