"""The front desk for programs: who has come, closures, overbooking; the first free doctor; the waitlist."""

from __future__ import annotations

import uuid
from typing import Any
from zoneinfo import ZoneInfo

from apiflask import APIBlueprint
from flask import Response

from app.booking import actions
from app.booking.closures import affected_bookings, count_offered
from app.booking.rebooking import propose
from app.booking.wall import read_for
from app.directory.doctors import read_doctor
from app.directory.patients import search_patients
from app.directory.wall_time import day_bounds
from app.tables.booking import BookingStatus
from app.web.api.answers import answer
from app.web.api.booking_answers import BookingDocument, NewBookingDocument, created, current_actor
from app.web.api.desk_answers import PlaceInLineDocument
from app.web.api.desk_inputs import (
    AttendanceBody,
    ClosureBody,
    ClosurePreviewQuery,
    FirstFreeBody,
    OverbookBody,
    PatientSearch,
    WaitBody,
)
from app.web.api.directory_answers import PatientDocument
from app.web.api.freshness import read_from_primary
from app.web.api.request_keys import request_key
from app.web.parts import parts
from app.web.policy import policy
from app.web.sightings import note_sight
from app.web.staff import desk_actor, desk_reader, require_served

api = APIBlueprint("desk", __name__, url_prefix="/api", tag="Front desk")


@api.post("/bookings/<uuid:booking_id>/attendance")
@policy("staff")
@api.input(AttendanceBody, arg_name="body")
@api.output(BookingDocument)
def mark_attendance(booking_id: uuid.UUID, body: AttendanceBody) -> Response:
    """Say where the person is: booked, arrived, in the room, done, or never came."""
    done = actions.mark_attendance(
        parts().engine, booking_id, BookingStatus(body.status), desk_actor(), request_key(body)
    )
    return answer(done.value, replayed=done.replayed)


@api.post("/bookings/overbook")
@policy("staff")
@api.input(OverbookBody, arg_name="body")
@api.output(NewBookingDocument, status_code=201)
def overbook(body: OverbookBody) -> Response:
    """One more at a time that is taken, with a reason; only for those who may."""
    wanted = actions.Overbooking(body.interval(), body.why)
    done = actions.overbook(parts().engine, wanted, body.patient(), desk_actor(), request_key(body))
    return created(done, "Overbooked")


@api.post("/bookings/first-free")
@policy("public")
@api.input(FirstFreeBody, arg_name="body")
@api.output(NewBookingDocument, status_code=201)
def hold_first_free(body: FirstFreeBody) -> Response:
    """Hold the first free time of any doctor, or of any in a specialty: chosen and held in one step."""
    wanted = actions.FirstFree(body.patient(), specialization=body.specialization)
    return created(
        actions.hold_first_free(parts().engine, wanted, current_actor(), request_key(body)), "Slot held"
    )


@api.get("/closures/preview")
@policy("staff")
@api.input(ClosurePreviewQuery, location="query", arg_name="query")
def preview_closure(query: ClosurePreviewQuery) -> Response:
    """What closing this time would do: how many times go, who is affected and where they could go."""
    interval = query.interval()
    require_served(interval.doctor_id)
    with read_for(parts().database, desk_actor()) as connection:
        read_doctor(connection, interval.doctor_id)
        found = propose(connection, affected_bookings(connection, interval), interval)
        offered = count_offered(connection, interval)
    note_sight("bookings", [each.booking["id"] for each in found])
    affected = [{"booking": each.booking, "proposed_slot": each.slot} for each in found]
    return read_from_primary(answer({"closes_slots": offered, "affected": affected}))


@api.post("/closures")
@policy("staff")
@api.input(ClosureBody, arg_name="body")
def close_time(body: ClosureBody) -> Response:
    """Close a doctor's time; bookings in it stand until they are moved or cancelled."""
    draft = actions.ClosureDraft(body.interval(), body.reason)
    done = actions.close_time(parts().engine, draft, desk_actor(), request_key(body))
    return answer(done.value, 201, message="Time closed", replayed=done.replayed)


@api.delete("/closures/<uuid:closure_id>")
@policy("staff")
def reopen_time(closure_id: uuid.UUID) -> Response:
    """Offer the time again."""
    done = actions.reopen_time(parts().engine, closure_id, desk_actor(), request_key())
    return answer(done.value, message="Time opened", replayed=done.replayed)


@api.get("/patients/search")
@policy("staff")
@api.input(PatientSearch, location="query", arg_name="query")
@api.output(list[PatientDocument])  # type: ignore[arg-type]  # APIFlask takes it
def find_patients(query: PatientSearch) -> Response:
    """Patients whose name has every word; an address counts as a whole, a number by its last seven digits."""
    with read_for(parts().database, desk_actor()) as connection:
        found: list[dict[str, Any]] = search_patients(connection, desk_reader(), query.q, 50)
    note_sight("patients", [each["id"] for each in found], searched=True)
    return read_from_primary(answer(found, page={"next_cursor": None, "limit": 50}))


@api.post("/waitlist")
@policy("public")
@api.input(WaitBody, arg_name="body")
@api.output(PlaceInLineDocument, status_code=201)
def join_waitlist(body: WaitBody) -> Response:
    """Stand in line for a doctor's times; a freed one is held for the first and offered by mail."""
    with parts().database.read() as connection:
        zone = ZoneInfo(read_doctor(connection, body.doctor_id)["timezone"])
    span = (day_bounds(body.first_day, zone)[0], day_bounds(body.last_day, zone)[1])
    wish = actions.WaitWish(body.doctor_id, *span, body.patient())
    done = actions.join_waitlist(parts().engine, wish, current_actor(), request_key(body))
    return answer(done.value, 201, message="You are in line", replayed=done.replayed)
