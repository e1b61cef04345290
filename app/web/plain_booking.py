"""Which requests are plain bookings: of times or seats by their ids, for good, by somebody without a login,
with nothing else to think of. Whatever is not surely so is left to the application, body and all."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from app.booking import actions
from app.booking.actions import Claim
from app.booking.engine import Engine
from app.booking.rules import Actor
from app.errors import Refusal
from app.idempotency import Answer, RequestKey
from app.web.api.booking_inputs import BookingBody, PatientBody
from app.web.api.request_keys import WELL_FORMED
from app.web.json import parse

PATH = "/api/bookings"
LONGEST_BODY = 4096
KEY = "HTTP_IDEMPOTENCY_KEY"
#: Whoever sends one of these is somebody, or has seen something, or wants another way of talking.
NOT_PLAIN = frozenset({
    "HTTP_AUTHORIZATION", "HTTP_COOKIE", "HTTP_ORIGIN", "HTTP_X_MANAGE_TOKEN", "HTTP_X_CAUSAL_STAMP",
    "HTTP_X_SESSION_TOKEN", "HTTP_TRANSFER_ENCODING",
})  # fmt: skip


Body = TypeVar("Body", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class PlainBooking:
    body: BookingBody
    key: str | None
    path = route = PATH

    @property
    def claim(self) -> Claim:
        return Claim(self.body.named(), self.body.details(None), instant=True)

    def book(self, engine: Engine, actor: Actor, request: RequestKey | None) -> Answer:
        """What the view does."""
        return actions.hold_slot(engine, self.claim, actor, request)


def plain_booking(environ: dict[str, Any]) -> PlainBooking | None:
    """What is asked; None for the application, which can still read the body."""
    body = plain_body(environ, BookingBody, _is_plain) if environ["PATH_INFO"] == PATH else None
    return None if body is None else PlainBooking(body, environ.get(KEY))


def plain_body(environ: dict[str, Any], model: type[Body], is_plain: Callable[[Body], bool]) -> Body | None:
    """The body of a write that somebody without a login sends plainly, if it is valid and plain too.

    None for the application, which can still read the body."""
    key = environ.get(KEY)
    if not _is_plainly_sent(environ) or not (key is None or WELL_FORMED.fullmatch(key)):
        return None
    raw = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    body = _understood(raw, model)
    if body is None or not is_plain(body):
        environ["wsgi.input"] = io.BytesIO(raw)
        return None
    return body


def says_who_alone(body: PatientBody) -> bool:
    """Name and address are given, and nobody on file is meant."""
    is_known = body.patient_id is not None or body.dependant_id is not None
    return bool(body.patient_name and body.patient_email) and not is_known


def _is_plainly_sent(environ: dict[str, Any]) -> bool:
    return (
        environ["REQUEST_METHOD"] == "POST"
        and environ.get("CONTENT_TYPE") == "application/json"
        and not environ.get("QUERY_STRING")
        and NOT_PLAIN.isdisjoint(environ)
        and _is_short(environ.get("CONTENT_LENGTH", ""))
    )


def _is_short(length: str) -> bool:
    return length.isascii() and length.isdecimal() and len(length) <= 4 and 0 < int(length) <= LONGEST_BODY


def _understood(raw: bytes, model: type[Body]) -> Body | None:
    """By the same rules as the application's, which also says what is wrong."""
    try:
        return model.model_validate(parse(raw))
    except (Refusal, ValidationError):
        return None


def _is_plain(body: BookingBody) -> bool:
    return bool(body.named()) and says_who_alone(body) and not body.hold
