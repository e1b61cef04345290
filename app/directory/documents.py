"""Doctors, patients and slots as the JSON-ready documents of the public API."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Row, Select, select

from app.database import db_now
from app.tables.booking import Slot, SlotState
from app.tables.directory import Doctor, Patient

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ShownSlot:
    """A row of select_slots() that came another way: the same names, the same types."""

    id: int
    doctor_id: int
    starts_at: datetime
    ends_at: datetime
    state: SlotState
    hold_until: datetime | None
    version: int
    doctor_name: str
    specialization: str
    timezone: str
    now: datetime


DOCTOR_COLUMNS = tuple(column for column in Doctor.__table__.columns if column.name != "deleted_at")
PATIENT_COLUMNS = tuple(column for column in Patient.__table__.columns if column.name != "created_by")
#: The slot, its doctor, and the database's time of looking.
SHOWN_COLUMNS = (
    Slot.id, Slot.doctor_id, Slot.starts_at, Slot.ends_at, Slot.state, Slot.hold_until, Slot.version,
    Doctor.name.label("doctor_name"), Doctor.specialization, Doctor.timezone,
    db_now().label("now"),
)  # fmt: skip


def instant(moment: datetime | None) -> str | None:
    """ISO 8601 in UTC; whole seconds carry no fraction."""
    return moment.isoformat().replace("+00:00", "Z") if moment else None


def doctor_document(row: Row[Any]) -> Document:
    return {
        "id": str(row.id),
        "name": row.name,
        "specialization": row.specialization,
        "email": row.email,
        "phone": row.phone,
        "experience_years": row.experience_years,
        "hospital": row.hospital,
        "timezone": row.timezone,
        "created_at": instant(row.created_at),
        "updated_at": instant(row.updated_at),
    }


def patient_document(row: Row[Any]) -> Document:
    return {
        "id": str(row.id),
        "name": row.name,
        "email": row.email,
        "phone": row.phone,
        "contact": row.contact,
        "created_at": instant(row.created_at),
        "updated_at": instant(row.updated_at),
    }


def select_slots() -> Select[*tuple[Any, ...]]:
    """Rows that slot_document() can read."""
    return select(*SHOWN_COLUMNS).join(Doctor, Doctor.id == Slot.doctor_id)


def slot_document(row: Row[Any] | ShownSlot) -> Document:
    """The slot as anybody may see it: whether it is free, never who has it.

    A hold is over at its deadline, noticed or not; such a slot reads as OPEN."""
    lapsed = row.hold_until is not None and row.hold_until <= row.now
    state = SlotState.OPEN if lapsed else SlotState(row.state)
    local = row.starts_at.astimezone(ZoneInfo(row.timezone))
    return {
        "id": str(row.id),
        "doctor_id": str(row.doctor_id),
        "doctor_name": row.doctor_name,
        "specialization": row.specialization,
        "starts_at": instant(row.starts_at),
        "ends_at": instant(row.ends_at),
        "duration_minutes": int((row.ends_at - row.starts_at).total_seconds() // 60),
        "slot_date": local.date().isoformat(),
        "slot_time": local.strftime("%H:%M"),
        "timezone": row.timezone,
        "state": state.value,
        "is_available": state is SlotState.OPEN and row.starts_at > row.now,
        "version": row.version,
    }
