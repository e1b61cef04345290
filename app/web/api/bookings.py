"""Bookings: hold, book, confirm, extend, release, cancel, move, list, count."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import datetime

from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel

from app.booking import actions
from app.booking.reading import BookingFilter, bookings_after, count_bookings, find_booking, find_slot
from app.booking.rules import Actor
from app.booking.wall import read_for
from app.web.api.answers import answer, answer_page
from app.web.api.booking_answers import (
    BOOKED,
    BookingDocument,
    NewBookingDocument,
    created,
    current_actor,
    day_span,
    patient_details,
    seen_by,
)
from app.web.api.booking_inputs import (
    BookingBody,
    BookingQuery,
    CancelBody,
    ConfirmBody,
    RescheduleBody,
    SlotsBody,
)
from app.web.api.request_keys import request_key
from app.web.parts import parts
from app.web.policy import policy
from app.web.sightings import note_sight, others_bookings

api = APIBlueprint("bookings", __name__, url_prefix="/api", tag="Bookings")


class CountDocument(BaseModel):
    total: int
    by_status: dict[str, int]


class ExpiredDocument(BaseModel):
    expired: int


@api.post("/bookings")
@policy("public")
@api.input(BookingBody, arg_name="body")
@api.output(NewBookingDocument, status_code=201)
def make_booking(body: BookingBody) -> Response:
    """Book slots at once, or hold them."""
    patient = patient_details(body, email_required=body.doctor_id is None)
    claim = actions.Claim(_wanted_slots(body), patient, instant=not body.hold)
    done = actions.hold_slot(parts().engine, claim, current_actor(), request_key(body))
    return created(done, "Slot held" if body.hold else BOOKED)


@api.get("/bookings")
@policy("authenticated")
@api.input(BookingQuery, location="query", arg_name="query")
@api.output(list[BookingDocument])  # type: ignore[arg-type]  # APIFlask takes it
def list_bookings(query: BookingQuery) -> Response:
    """List bookings, newest first: one's own, or all for the front desk."""
    after = query.after(datetime, uuid.UUID)
    reader = current_actor()
    narrow = _filter(query, reader)
    with read_for(parts().database, reader) as connection:
        found = bookings_after(connection, narrow, after, query.limit + 1)
    note_sight("bookings", others_bookings(found[: query.limit]))
    return answer_page(found, query.limit, lambda booking: (booking["created_at"], booking["id"]))


@api.get("/bookings/stats")
@policy("authenticated")
@api.output(CountDocument)
def booking_stats() -> Response:
    """Count bookings by status: one's own, or all for the front desk."""
    reader = current_actor()
    with read_for(parts().database, reader) as connection:
        return answer(count_bookings(connection, seen_by(reader, None)))


@api.get("/bookings/<uuid:booking_id>")
@policy("owner")
@api.output(BookingDocument)
def show_booking(booking_id: uuid.UUID) -> Response:
    """Show a booking."""
    reader = current_actor()
    with read_for(parts().database, reader) as connection:
        found = find_booking(connection, booking_id, reader)
    note_sight("booking", others_bookings([found]))
    return answer(found)


@api.post("/bookings/<uuid:booking_id>/confirm")
@policy("owner")
@api.input(ConfirmBody, arg_name="body")
@api.output(BookingDocument)
def confirm(booking_id: uuid.UUID, body: ConfirmBody) -> Response:
    """Confirm a held booking."""
    given = patient_details(body, email_required=False) if body.patient_name else None
    done = actions.confirm_booking(parts().engine, booking_id, current_actor(), request_key(body), given)
    return answer(done.value, message="Booking confirmed successfully", replayed=done.replayed)


@api.post("/bookings/<uuid:booking_id>/extend")
@policy("owner")
@api.output(BookingDocument)
def extend(booking_id: uuid.UUID) -> Response:
    """Start the hold's time again."""
    done = actions.extend_hold(parts().engine, booking_id, current_actor(), request_key())
    return answer(done.value, replayed=done.replayed)


@api.post("/bookings/<uuid:booking_id>/slots")
@policy("owner")
@api.input(SlotsBody, arg_name="body")
@api.output(BookingDocument)
def add_slots(booking_id: uuid.UUID, body: SlotsBody) -> Response:
    """Take more slots into a hold, all or none; its countdown goes on."""
    done = actions.add_slots(parts().engine, booking_id, body.slot_ids, current_actor(), request_key(body))
    return answer(done.value, message="Slots added", replayed=done.replayed)


@api.delete("/bookings/<uuid:booking_id>/slots/<id:slot_id>")
@policy("owner")
@api.output(BookingDocument)
def drop_slot(booking_id: uuid.UUID, slot_id: int) -> Response:
    """Give one slot of a hold back; the last one goes by releasing the hold."""
    done = actions.drop_slots(parts().engine, booking_id, [slot_id], current_actor(), request_key())
    return answer(done.value, message="Slot given back", replayed=done.replayed)


@api.post("/bookings/<uuid:booking_id>/release")
@policy("owner")
@api.output(BookingDocument)
def release(booking_id: uuid.UUID) -> Response:
    """Give a held slot back."""
    done = actions.release_hold(parts().engine, booking_id, current_actor(), request_key())
    return answer(done.value, message="Hold released", replayed=done.replayed)


@api.route("/bookings/<uuid:booking_id>/cancel", methods=["POST", "PUT", "PATCH"])
@policy("owner")
@api.input(CancelBody, arg_name="body")
@api.output(BookingDocument)
def cancel(booking_id: uuid.UUID, body: CancelBody) -> Response:
    """Cancel a booking; its slots are free again at once."""
    done = actions.cancel_booking(parts().engine, booking_id, current_actor(), body.reason, request_key(body))
    return answer(done.value, message="Booking cancelled successfully", replayed=done.replayed)


@api.post("/bookings/<uuid:booking_id>/reschedule")
@policy("owner")
@api.input(RescheduleBody, arg_name="body")
@api.output(BookingDocument)
def reschedule(booking_id: uuid.UUID, body: RescheduleBody) -> Response:
    """Move a booking to another slot, or to as many other seats; the reference stays."""
    done = actions.reschedule_booking(
        parts().engine, booking_id, body.wanted(), current_actor(), request_key(body)
    )
    return answer(done.value, message="Booking moved", replayed=done.replayed)


@api.post("/bookings/expire-pending")
@policy("admin")
@api.output(ExpiredDocument)
def expire_pending() -> Response:
    """Free every lapsed hold now; harmless at any time."""
    freed = actions.expire_due_holds(parts().engine, actor=current_actor())
    return answer({"expired": freed}, message=f"Expired {freed} pending bookings")


def _wanted_slots(body: BookingBody) -> tuple[int, ...]:
    if named := body.named():
        return named
    if body.doctor_id is None or body.slot_time is None:
        raise AssertionError("the body was validated to name a slot")
    with parts().database.read() as connection:
        return (find_slot(connection, body.doctor_id, body.slot_time),)


def _filter(query: BookingQuery, actor: Actor) -> BookingFilter:
    begin, end = day_span(query.date, parts().config.zone) if query.date else (None, None)
    mine = seen_by(actor, query.doctor_id)
    # A patient who asks for somebody else's bookings gets their own: what is not theirs does not exist.
    return replace(
        mine,
        user_id=mine.user_id or query.user_id,
        status=query.status,
        showtime_id=query.showtime_id,
        starts_from=begin,
        starts_before=end,
    )
