"""What to offer somebody who lost a slot."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, or_, select

from app.booking.documents import Document, instant
from app.booking.statements import lapsed
from app.database import db_now
from app.tables.booking import Slot, SlotState
from app.tables.directory import Doctor


def nearest_free(connection: Connection, slot_id: int, limit: int = 3) -> list[Document]:
    """The free times of the same doctor closest to the wanted one, earliest first."""
    wanted = connection.execute(select(Slot.doctor_id, Slot.starts_at).where(Slot.id == slot_id)).first()
    if wanted is None:
        return []
    free = _free_slots(wanted.doctor_id).limit(limit)
    later = connection.execute(free.where(Slot.starts_at >= wanted.starts_at).order_by(Slot.starts_at)).all()
    earlier = connection.execute(
        free.where(Slot.starts_at < wanted.starts_at).order_by(Slot.starts_at.desc())
    ).all()
    nearest = sorted([*later, *earlier], key=lambda row: _distance(row, wanted.starts_at))[:limit]
    return [_document(row) for row in sorted(nearest, key=lambda row: row.starts_at)]


def _free_slots(doctor_id: int) -> Select[*tuple[Any, ...]]:
    return (
        select(Slot.id, Slot.doctor_id, Slot.starts_at, Slot.ends_at, Doctor.name, Doctor.specialization)
        .join(Doctor, Doctor.id == Slot.doctor_id)
        .where(
            Slot.doctor_id == doctor_id,
            Slot.starts_at > db_now(),
            or_(Slot.state == SlotState.OPEN, lapsed()),
        )
    )


def _distance(row: Row[Any], wanted: datetime) -> float:
    seconds: float = (row.starts_at - wanted).total_seconds()
    return abs(seconds)


def _document(row: Row[Any]) -> Document:
    return {
        "id": str(row.id),
        "doctor_id": str(row.doctor_id),
        "doctor_name": row.name,
        "specialization": row.specialization,
        "starts_at": instant(row.starts_at),
        "ends_at": instant(row.ends_at),
        "duration_minutes": int((row.ends_at - row.starts_at).total_seconds() // 60),
    }
