"""Appointments: a doctor's time by interval, on the same engine as slots."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from apiflask import APIBlueprint
from flask import Response
from sqlalchemy import select

from app.booking import actions
from app.booking.reading import bookings_after
from app.booking.wall import read_for
from app.errors import NotFound, ValidationFailed
from app.tables.directory import Doctor
from app.web.api.answers import answer, answer_page
from app.web.api.booking_answers import (
    AppointmentDocument,
    NewAppointmentDocument,
    as_appointment,
    created,
    current_actor,
    day_span,
    patient_details,
    seen_by,
)
from app.web.api.booking_inputs import AppointmentBody, AppointmentQuery, CancelBody
from app.web.api.request_keys import request_key
from app.web.parts import parts
from app.web.policy import policy
from app.web.sightings import note_sight, others_bookings

api = APIBlueprint("appointments", __name__, url_prefix="/api/appointments", tag="Appointments")


@api.post("")
@policy("public")
@api.input(AppointmentBody, arg_name="body")
@api.output(NewAppointmentDocument, status_code=201)
def make_appointment(body: AppointmentBody) -> Response:
    """Book exactly this interval of a doctor."""
    interval = actions.Interval(body.doctor_id, body.start, body.end)
    _require_opening_hours(interval)
    patient = patient_details(body, email_required=True)
    done = actions.book_interval(parts().engine, interval, patient, current_actor(), request_key(body))
    return created(done, "Booking confirmed successfully", kind="appointments")


@api.get("")
@policy("authenticated")
@api.input(AppointmentQuery, location="query", arg_name="query")
@api.output(list[AppointmentDocument])  # type: ignore[arg-type]  # APIFlask takes it
def list_appointments(query: AppointmentQuery) -> Response:
    """List bookings in the words of appointments: one's own, or all for the front desk."""
    after = query.after(datetime, uuid.UUID)
    begin, end = day_span(query.date, parts().config.zone) if query.date else (None, None)
    reader = current_actor()
    mine = seen_by(reader, query.doctor_id)
    narrow = replace(mine, starts_from=begin, starts_before=end, only_appointments=True)
    with read_for(parts().database, reader) as connection:
        found = bookings_after(connection, narrow, after, query.limit + 1)
    note_sight("bookings", others_bookings(found[: query.limit]))
    shown = [as_appointment(document) for document in found]
    return answer_page(shown, query.limit, lambda booking: (booking["created_at"], booking["id"]))


@api.route("/<uuid:booking_id>/cancel", methods=["POST", "PUT", "PATCH"])
@policy("owner")
@api.input(CancelBody, arg_name="body")
@api.output(AppointmentDocument)
def cancel_appointment(booking_id: uuid.UUID, body: CancelBody) -> Response:
    """Cancel an appointment; what stepped aside for it is offered again."""
    done = actions.cancel_booking(parts().engine, booking_id, current_actor(), body.reason, request_key(body))
    return answer(
        as_appointment(done.value), message="Booking cancelled successfully", replayed=done.replayed
    )


def _require_opening_hours(interval: actions.Interval) -> None:
    """Raises ValidationFailed unless the interval lies in one day's opening hours of the doctor's zone."""
    with parts().database.read() as connection:
        zone = connection.execute(
            select(Doctor.timezone).where(Doctor.id == interval.doctor_id, Doctor.deleted_at.is_(None))
        ).scalar()
    if zone is None:
        raise NotFound("There is no such doctor.")
    opens, closes = parts().config.clinic_start_hour, parts().config.clinic_end_hour
    local_start, local_end = (
        moment.astimezone(ZoneInfo(zone)) for moment in (interval.starts_at, interval.ends_at)
    )
    begin, _ = day_span(local_start.date(), ZoneInfo(zone))
    if local_start < begin.replace(hour=opens):
        raise ValidationFailed.of("start", f"the clinic opens at {opens:02}:00 ({zone})")
    closing = begin.replace(hour=closes) if closes < 24 else day_span(local_start.date(), ZoneInfo(zone))[1]
    if local_end > closing:
        raise ValidationFailed.of("end", f"the clinic closes at {closes:02}:00 ({zone})")
