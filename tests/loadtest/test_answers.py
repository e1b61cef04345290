import json

import pytest

from loadtest.answers import no_answer, read_answer
from loadtest.history import Outcome


def answer(status, body, **headers):
    return read_answer(status, headers, json.dumps(body).encode())


@pytest.mark.parametrize(
    ("status", "code", "outcome"),
    [
        (201, None, Outcome.OK),
        (409, "BOOKING_CONFLICT", Outcome.FAIL),
        (410, "HOLD_EXPIRED", Outcome.FAIL),
        (429, "RATE_LIMITED", Outcome.FAIL),
        (409, "REQUEST_IN_PROGRESS", Outcome.INFO),
        (500, None, Outcome.INFO),
        (503, "OUTCOME_UNKNOWN", Outcome.INFO),
    ],
)
def test_an_answer_tells_whether_it_happened(status, code, outcome):
    assert answer(status, {"error": {"code": code}}).outcome is outcome


def test_no_answer_and_an_unreadable_answer_tell_nothing():
    assert no_answer(TimeoutError("late")).outcome is Outcome.INFO
    assert read_answer(200, {}, b"<html>").outcome is Outcome.INFO
    assert read_answer(200, {}, b"[]").outcome is Outcome.INFO


def test_a_hold_lives_from_the_stamp_of_its_answer_to_its_deadline():
    told = answer(
        201, {"data": {"id": "b", "expires_at": "2026-11-20T09:02:00Z"}, "timestamp": "2026-11-20T09:00:01Z"}
    )

    assert told.lives_seconds == 119


def test_a_conflict_is_read_in_full():
    told = answer(
        409,
        {
            "detail": "Somebody holds this time.",
            "reason": "SLOT_HELD",
            "retryable": True,
            "retry_after_seconds": 30,
            "alternatives": [{"id": 5}, {"id": 6}],
            "error": {"code": "BOOKING_CONFLICT"},
        },
        **{"X-Served-By": "node-2", "Idempotency-Replayed": "true"},
    )

    assert (told.code, told.reason, told.retryable) == ("BOOKING_CONFLICT", "SLOT_HELD", True)
    assert (told.retry_after_seconds, told.alternatives) == (30, ("5", "6"))
    assert (told.node, told.is_replay) == ("node-2", True)


def test_the_booking_is_found_alone_and_wrapped():
    assert answer(201, {"data": {"id": "b"}}).booking == {"id": "b"}
    assert answer(201, {"data": {"booking": {"id": "b"}}}).booking == {"id": "b"}
    assert answer(404, {}).booking == {}
