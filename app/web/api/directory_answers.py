"""What is told of doctors, patients and slots."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Response
from pydantic import BaseModel
from sqlalchemy import Connection

from app.booking.availability import list_slots
from app.booking.seat_slots import list_seat_slots
from app.coordination.outbox import doctor_stream
from app.directory.doctors import read_doctor
from app.idempotency import Answer
from app.web.api.answers import answer, answer_page
from app.web.api.directory_inputs import DoctorSlotQuery, SlotQuery
from app.web.api.freshness import read_fresh, read_from_primary, say_freshness
from app.web.api.inputs import PageQuery
from app.web.parts import parts
from app.web.reads import Question


class DoctorDocument(BaseModel):
    """A doctor as anybody may see one."""

    id: str
    name: str
    specialization: str
    email: str | None
    phone: str | None
    experience_years: int
    hospital: str | None
    timezone: str
    created_at: str
    updated_at: str


class PatientDocument(BaseModel):
    """A patient as the front desk sees one."""

    id: str
    name: str
    email: str
    phone: str | None
    contact: str | None
    created_at: str
    updated_at: str


class SlotDocument(BaseModel):
    """A time of a doctor or a seat at a showtime: whether it is free, never who has it."""

    id: str
    doctor_id: str | None
    doctor_name: str | None
    specialization: str | None
    starts_at: str
    ends_at: str
    duration_minutes: int
    slot_date: str
    slot_time: str
    timezone: str
    state: str
    is_available: bool
    version: int
    showtime_id: str | None = None
    title: str | None = None
    row: str | None = None
    number: int | None = None
    zone: str | None = None
    kind: str | None = None
    price: str | None = None
    price_cents: int | None = None


class IntervalDocument(BaseModel):
    starts_at: str
    ends_at: str
    duration_minutes: int


class AvailabilityDocument(BaseModel):
    """What is left of a doctor's day: opening hours minus everything taken, and the free slots."""

    doctor_id: str
    doctor_name: str
    date: str
    timezone: str
    opens_at: str
    closes_at: str
    free: list[IntervalDocument]
    slots: list[SlotDocument]


class BulkDocument(BaseModel):
    """How many slots were made, and which times were left out and why."""

    count: int
    created: int
    skipped: int
    skipped_reasons: dict[str, int]
    skipped_samples: list[dict[str, Any]]


class RemovedDoctorDocument(BaseModel):
    id: str
    closed_slots: int


class RemovedSlotDocument(BaseModel):
    """DELETED when it was never booked, CLOSED when its past bookings keep it."""

    id: str
    outcome: str


def created(done: Answer, location: str, message: str) -> Response:
    """201 with the document and where it is."""
    response = answer(done.value, 201, message=message, replayed=done.replayed)
    response.headers["Location"] = f"{location}/{done.value['id']}"
    return response


def slot_page(query: DoctorSlotQuery, doctor_id: int | None, *, must_be_there: bool = False) -> Response:
    """One page of the slots that are asked for. Raises NotFound for a doctor who must be there and is not."""
    after: Any = query.after(datetime, int)
    wanted, limit = query.wanted(doctor_id), query.limit + 1

    def ask_primary(connection: Connection) -> list[dict[str, Any]]:
        if must_be_there and doctor_id is not None:
            read_doctor(connection, doctor_id)
        return list_slots(connection, wanted, after, limit)

    question = Question(
        streams=None if doctor_id is None else frozenset({doctor_stream(doctor_id)}),
        ask_primary=ask_primary,
        ask_replica=lambda slots: slots.list_slots(wanted, after, limit),
    )
    served = read_fresh(question, query.consistency)
    return say_freshness(_page(served.value, query), served)


def seat_page(query: SlotQuery, showtime_id: int) -> Response:
    """One page of the seats of a showtime, as slots."""
    after: Any = query.after(datetime, int)
    with parts().database.read() as connection:
        found = list_seat_slots(connection, showtime_id, query.state, after, query.limit + 1)
    return read_from_primary(_page(found, query))


def _page(found: list[dict[str, Any]], query: PageQuery) -> Response:
    return answer_page(found, query.limit, lambda slot: (slot["starts_at"], int(slot["id"])))
