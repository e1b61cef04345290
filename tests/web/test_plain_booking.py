"""What is not surely a plain booking is left alone, body and all."""

import io
import json
from typing import Any

import pytest

from app.web.plain_booking import NOT_PLAIN, plain_booking

BOOKING = {"slot_id": "7", "patient_name": " Anna Example", "patient_email": "Anna@Example.org"}
SOMEBODY = "0190163d-8694-739b-aea5-966c26f8ad91"


def sent(body: Any = BOOKING, **changed: str | None) -> dict[str, Any]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    environ = {
        "REQUEST_METHOD": "POST", "PATH_INFO": "/api/bookings", "QUERY_STRING": "",
        "CONTENT_TYPE": "application/json", "CONTENT_LENGTH": str(len(raw)), "wsgi.input": io.BytesIO(raw),
    } | changed  # fmt: skip
    return {name: value for name, value in environ.items() if value is not None}


def test_a_plain_booking_is_understood_as_the_application_does() -> None:
    asked = plain_booking(sent(HTTP_IDEMPOTENCY_KEY="k-1"))

    assert asked is not None
    claim = asked.claim
    assert (claim.slot_ids, claim.instant, asked.key) == ((7,), True, "k-1")
    assert (claim.patient.name, claim.patient.email) == ("Anna Example", "anna@example.org")


def test_a_set_of_seats_is_plain_too() -> None:
    asked = plain_booking(sent({**BOOKING, "slot_id": None, "slot_ids": ["9", "7"]}))

    assert asked is not None
    assert (asked.claim.slot_ids, asked.claim.instant) == ((9, 7), True)


def test_a_time_that_is_not_named_by_its_id_is_left() -> None:
    when = {"slot_id": None, "doctor_id": 7, "slot_time": "10:30"}

    assert plain_booking(sent({**BOOKING, **when})) is None


@pytest.mark.parametrize("header", sorted(NOT_PLAIN))
def test_who_says_more_than_a_plain_visitor_is_left(header: str) -> None:
    assert plain_booking(sent(**{header: "something"})) is None


@pytest.mark.parametrize(
    "changed",
    [
        {"REQUEST_METHOD": "PUT"}, {"PATH_INFO": "/api/bookings/"}, {"QUERY_STRING": "a=1"},
        {"CONTENT_TYPE": "text/plain"}, {"CONTENT_TYPE": None}, {"CONTENT_LENGTH": None},
        {"CONTENT_LENGTH": "-1"}, {"CONTENT_LENGTH": "0"}, {"CONTENT_LENGTH": "9999"},
        {"CONTENT_LENGTH": "\u0667"}, {"HTTP_IDEMPOTENCY_KEY": "a b"}, {"HTTP_IDEMPOTENCY_KEY": ""},
    ],
    ids=str,
)  # fmt: skip
def test_another_request_is_left(changed: dict[str, str | None]) -> None:
    environ = sent(**changed)

    assert plain_booking(environ) is None
    assert json.loads(environ["wsgi.input"].read()) == BOOKING


@pytest.mark.parametrize(
    "body",
    [
        b" ", b"{", b"null", b"[]", b'{"slot_id": 1, "slot_id": 2}', b"\xff", b"7" * 4000,
        *({**BOOKING, **more} for more in (
            {"slot_id": "7x"}, {"slot_id": True}, {"slot_id": None}, {"slot_ids": [7]},
            {"slot_id": None, "slot_ids": []}, {"slot_id": None, "slot_ids": list(range(1, 12))},
            {"patient_email": "nobody"}, {"patient_email": None}, {"patient_name": "A"},
            {"patient_name": None}, {"patient_phone": "call me"}, {"reason": "\x00"}, {"seat": 3},
            {"hold": True}, {"hold": 0}, {"patient_id": SOMEBODY}, {"dependant_id": SOMEBODY},
        )),
    ],
    ids=str,
)  # fmt: skip
def test_another_body_is_left_and_can_be_read_again(body: Any) -> None:
    environ = sent(body)

    assert plain_booking(environ) is None
    raw = environ["wsgi.input"].read()
    assert raw == (body if isinstance(body, bytes) else json.dumps(body).encode())
