"""What is told of bookings, and whose bookings a caller may touch."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import datetime, timedelta
from datetime import time as wall
from typing import Any
from zoneinfo import ZoneInfo

from flask import Response
from pydantic import BaseModel

from app.booking import manage_token as manage_tokens
from app.booking.actions import PatientDetails
from app.booking.documents import Document
from app.booking.reading import BookingFilter
from app.booking.rules import Actor
from app.config import Config
from app.errors import NotFound, ValidationFailed
from app.idempotency import Answer
from app.web.actors import actor_with
from app.web.api.answers import answer
from app.web.api.booking_inputs import PatientBody
from app.web.callers import opened_booking, principal
from app.web.parts import parts
from app.web.people import own_dependant

BOOKED = "Booking confirmed successfully"


class BookingDocument(BaseModel):
    """A booking as its owner and the front desk see it."""

    id: str
    reference: str
    confirmation_id: str
    status: str
    slot_id: str
    slot_time: str
    slots: list[dict[str, Any]]
    starts_at: str
    ends_at: str
    timezone: str
    doctor_id: str | None
    doctor: dict[str, Any] | None
    showtime_id: str | None
    showtime: dict[str, Any] | None
    user_id: str | None
    dependant_id: str | None
    #: Who booked for a dependant.
    booked_by: str | None
    patient_id: str | None
    patient_name: str | None
    patient_email: str | None
    patient_phone: str | None
    reason: str | None
    is_appointment: bool
    series_id: str | None
    expires_at: str | None
    extensions: int
    confirmed_at: str | None
    arrived_at: str | None
    cancelled_at: str | None
    cancel_reason: str | None
    sequence: int
    created_at: str
    booking_time: str
    updated_at: str
    processed_by: str
    server_id: str
    logical_clock: int
    vector_clock: dict[str, int]
    fence: int
    #: Of seats that were just taken: what the person may want to know before going on.
    warnings: list[dict[str, Any]] | None = None


class NewBookingDocument(BookingDocument):
    """The first answer alone also carries the secret of the manage link."""

    manage_token: str
    manage_url: str


class AppointmentDocument(BookingDocument):
    """A booking by interval, in the words of appointments."""

    start: str
    end: str


class NewAppointmentDocument(AppointmentDocument):
    manage_token: str
    manage_url: str


def current_actor() -> Actor:
    """Who acts on bookings: the login, and the booking a presented manage token opens."""
    return actor_with(opened_booking())


def seen_by(caller: Actor, doctor_id: int | None) -> BookingFilter:
    """What a list shows this caller: one's own, or for staff those of their doctors.

    Raises NotFound when staff asks for a doctor that is none of theirs: to them there is no such doctor."""
    if not caller.is_staff:
        return BookingFilter(user_id=caller.user_id, doctor_id=doctor_id)
    if doctor_id is not None and not caller.may_serve(doctor_id):
        raise NotFound("There is no such doctor.")
    return BookingFilter(doctor_id=doctor_id, seen_by=caller)


def patient_details(body: PatientBody, *, email_required: bool) -> PatientDetails:
    """Who comes, completed from the login. Raises ValidationFailed naming every missing field."""
    caller = principal()
    if body.patient_id is not None and not (caller and caller.is_staff):
        raise ValidationFailed.of("patient_id", "only the front desk books for a patient on file")
    details = _for_dependant(body.details(caller), body.dependant_id)
    if details.patient_id is not None:
        return details
    missing = [] if details.name else ["patient_name"]
    missing += ["patient_email"] if email_required and not details.email else []
    if missing:
        raise ValidationFailed(
            f"{' and '.join(missing)}: required",
            errors=[{"field": field, "message": "is required"} for field in missing],
        )
    return details


def created(done: Answer, message: str, kind: str = "bookings") -> Response:
    """201 with the manage token, which is derived again for a replay and stored nowhere."""
    document = as_appointment(done.value) if kind == "appointments" else done.value
    response = answer(with_link(parts().config, document), 201, message=message, replayed=done.replayed)
    response.headers.extend([location_of(document)])
    return response


def with_link(config: Config, document: Document) -> Document:
    """The document as the first answer has it."""
    token = manage_tokens.issue(config.secret_key, uuid.UUID(document["id"]))
    return {**document, "manage_token": token, "manage_url": f"{config.base_url}/m/{token}"}


def location_of(document: Document) -> tuple[str, str]:
    return "Location", f"/api/bookings/{document['id']}"


def as_appointment(document: Document) -> Document:
    """BOOKED and CANCELLED, start and end: the words of appointments."""
    status = "BOOKED" if document["status"] == "CONFIRMED" else document["status"]
    return {**document, "status": status, "start": document["starts_at"], "end": document["ends_at"]}


def _for_dependant(details: PatientDetails, dependant_id: uuid.UUID | None) -> PatientDetails:
    """Raises ValidationFailed for somebody who is not of the caller's own account."""
    if dependant_id is None:
        return details
    person = own_dependant(dependant_id)
    if person is None:
        raise ValidationFailed.of("dependant_id", "there is no such person in your account")
    return replace(details, name=person.name, dependant_id=person.id)


def day_span(day: Any, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The instants at which the local day begins and ends."""
    begin = datetime.combine(day, wall.min, tzinfo=zone)
    return begin, datetime.combine(day + timedelta(days=1), wall.min, tzinfo=zone)
