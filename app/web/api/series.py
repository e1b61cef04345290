"""Appointments that repeat: book, look at, cancel and move them."""

from __future__ import annotations

import uuid
from typing import Any

from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel

from app.booking import actions
from app.booking.series import preview_series, read_series
from app.web.api.answers import answer
from app.web.api.booking_answers import BookingDocument, current_actor, patient_details
from app.web.api.request_keys import request_key
from app.web.api.series_inputs import (
    RepeatBody,
    RepeatQuery,
    SeriesBody,
    SeriesCancelBody,
    SeriesMoveBody,
)
from app.web.parts import parts
from app.web.policy import policy
from app.web.sightings import note_sight, others_bookings

api = APIBlueprint("series", __name__, url_prefix="/api", tag="Bookings")


class PlaceDocument(BaseModel):
    """A time of a series; why it cannot be had, and the free times nearest to it."""

    local_time: str
    starts_at: str | None
    slot_id: str | None
    is_free: bool
    code: str | None = None
    reason: str | None = None
    detail: str | None = None
    alternatives: list[dict[str, Any]] | None = None


class SeriesDocument(BaseModel):
    id: str
    doctor_id: str
    rule: str
    timezone: str
    first_starts_at: str
    created_at: str
    bookings: list[BookingDocument]


class NewSeriesDocument(SeriesDocument):
    refused: list[PlaceDocument]


class ChangedSeriesDocument(SeriesDocument):
    #: The bookings that were changed, and how many the clinic's deadline keeps from it.
    changed: list[str]
    kept: int


@api.post("/series")
@policy("authenticated")
@api.input(SeriesBody, arg_name="body")
@api.output(NewSeriesDocument, status_code=201)
def book_series(body: SeriesBody) -> Response:
    """Book a free time and repeat it: all times, or those that are free with a report of the others."""
    patient = patient_details(body, email_required=True)
    wish = actions.SeriesWish(
        body.repeat(), slot_id=body.slot_id, patient=patient, takes_what_is_free=body.take == "free"
    )
    return _booked(wish, body)


@api.post("/bookings/<uuid:booking_id>/repeat")
@policy("owner")
@api.input(RepeatBody, arg_name="body")
@api.output(NewSeriesDocument, status_code=201)
def repeat_booking(booking_id: uuid.UUID, body: RepeatBody) -> Response:
    """Repeat a booking; it becomes the first of its series."""
    wish = actions.SeriesWish(body.repeat(), booking_id=booking_id, takes_what_is_free=body.take == "free")
    return _booked(wish, body)


@api.get("/bookings/<uuid:booking_id>/repeat")
@policy("owner")
@api.input(RepeatQuery, location="query", arg_name="query")
@api.output(list[PlaceDocument])  # type: ignore[arg-type]  # APIFlask takes it
def preview_repeat(booking_id: uuid.UUID, query: RepeatQuery) -> Response:
    """Which times repeating it would take, and which of them are free now; nothing is booked."""
    wish = actions.SeriesWish(query.repeat(), booking_id=booking_id)
    with parts().database.read() as connection:
        return answer(preview_series(connection, wish, current_actor()))


@api.get("/bookings/<uuid:booking_id>/series")
@policy("owner")
@api.output(SeriesDocument)
def show_series(booking_id: uuid.UUID) -> Response:
    """The series of a booking, with all of its bookings."""
    with parts().database.read() as connection:
        found = read_series(connection, booking_id, current_actor())
    note_sight("bookings", others_bookings(found["bookings"]))
    return answer(found)


@api.post("/bookings/<uuid:booking_id>/series/cancel")
@policy("owner")
@api.input(SeriesCancelBody, arg_name="body")
@api.output(ChangedSeriesDocument)
def cancel_series(booking_id: uuid.UUID, body: SeriesCancelBody) -> Response:
    """Cancel this time and the following ones, or all that are to come, in one transaction."""
    done = actions.cancel_series(
        parts().engine, booking_id, body.part, current_actor(), body.reason, request_key(body)
    )
    return answer(done.value, message=f"Cancelled {len(done.value['changed'])}", replayed=done.replayed)


@api.post("/bookings/<uuid:booking_id>/series/reschedule")
@policy("owner")
@api.input(SeriesMoveBody, arg_name="body")
@api.output(ChangedSeriesDocument)
def move_series(booking_id: uuid.UUID, body: SeriesMoveBody) -> Response:
    """Move this time and the following ones, or all that are to come: all of them or none."""
    done = actions.move_series(
        parts().engine, booking_id, body.slot_id, body.part, current_actor(), request_key(body)
    )
    return answer(done.value, message=f"Moved {len(done.value['changed'])}", replayed=done.replayed)


def _booked(wish: actions.SeriesWish, body: RepeatBody) -> Response:
    done = actions.book_series(parts().engine, wish, current_actor(), request_key(body))
    booked, refused = len(done.value["bookings"]), len(done.value["refused"])
    words = f"Booked {booked} times" + (f", {refused} not free" if refused else "")
    return answer(done.value, 201, message=words, replayed=done.replayed)
