"""What the front desk sees of a stretch of time: every slot and who has it. For staff alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row, and_, case, or_, select, text

from app.booking.documents import instant
from app.booking.free_slots import NOW
from app.database import db_now
from app.directory.documents import Document
from app.directory.placing import NOT_BLOCKED
from app.tables.accounts import User
from app.tables.booking import Booking, BookingStatus, Slot, SlotState
from app.tables.directory import Doctor

MOST_SLOTS = 3000
COLUMNS: tuple[Any, ...] = (
    Slot.id, Slot.doctor_id, Slot.starts_at, Slot.ends_at, Slot.state, Slot.hold_until, Slot.version,
    Slot.lane, Slot.is_interval,
    Booking.id.label("booking_id"), Booking.reference, Booking.status, Booking.patient_name,
    Booking.patient_email, Booking.patient_phone, Booking.reason, Booking.arrived_at, Booking.confirmed_at,
    Booking.starts_at.label("booking_starts_at"), Booking.ends_at.label("booking_ends_at"),
    User.name.label("owner_name"), User.role.label("owner_role"),
    db_now().label("now"),
)  # fmt: skip


def read_board(
    connection: Connection, begin: datetime, end: datetime, doctor_ids: Sequence[int] | None = None
) -> list[Document]:
    """The slots that start in the span, by doctor and start, each with the booking that owns it."""
    query = (
        select(*COLUMNS)
        .join(Doctor, Doctor.id == Slot.doctor_id)
        .outerjoin(Booking, Booking.id == Slot.booking_id)
        .outerjoin(User, User.id == Booking.user_id)
        .where(
            Doctor.deleted_at.is_(None),
            Slot.doctor_id.is_not(None),
            NOT_BLOCKED,
            Slot.starts_at >= begin,
            Slot.starts_at < end,
        )
        .order_by(Slot.starts_at, Slot.lane, Slot.id)
        .limit(MOST_SLOTS)
    )
    if doctor_ids is not None:
        query = query.where(Slot.doctor_id.in_(doctor_ids))
    return [_slot(row) for row in connection.execute(query)]


def cancelled_between(
    connection: Connection, begin: datetime, end: datetime, doctor_ids: Sequence[int] | None = None
) -> list[Document]:
    """Bookings of the span that were cancelled after they had been confirmed, by start."""
    query = (
        select(
            Booking.id, Booking.reference, Booking.doctor_id, Booking.starts_at, Booking.patient_name,
            Booking.patient_phone, Booking.cancel_reason, Booking.cancelled_at,
        )
        .where(
            Booking.status == BookingStatus.CANCELLED,
            Booking.doctor_id.is_not(None),
            Booking.confirmed_at.is_not(None),
            Booking.starts_at >= begin,
            Booking.starts_at < end,
        )
        .order_by(Booking.starts_at, Booking.id)
        .limit(200)
    )  # fmt: skip
    if doctor_ids is not None:
        query = query.where(Booking.doctor_id.in_(doctor_ids))
    return [
        {
            "id": str(row.id),
            "reference": row.reference,
            "doctor_id": str(row.doctor_id),
            "starts_at": instant(row.starts_at),
            "patient_name": row.patient_name,
            "patient_phone": row.patient_phone,
            "cancel_reason": row.cancel_reason,
            "cancelled_at": instant(row.cancelled_at),
        }
        for row in connection.execute(query)
    ]


def count_by_doctor(
    connection: Connection, begin: datetime, end: datetime, zone: str
) -> dict[tuple[int, str], Document]:
    """Booked and free times of each doctor on each local day of the span."""
    taken = and_(
        text("slots.state IN ('BOOKED','HELD')"), or_(Slot.hold_until.is_(None), Slot.hold_until > NOW)
    )
    rows = connection.execute(
        select(
            Slot.doctor_id,
            Slot.starts_at,
            case((taken, 1), else_=0).label("is_taken"),
            case((Slot.starts_at > NOW, 1), else_=0).label("is_to_come"),
            Slot.lane,
        )
        .join(Doctor, Doctor.id == Slot.doctor_id)
        .where(
            Doctor.deleted_at.is_(None),
            Slot.doctor_id.is_not(None),
            NOT_BLOCKED,
            Slot.starts_at >= begin,
            Slot.starts_at < end,
        )
    )
    return _counted(rows.all(), zone)


def _counted(rows: Sequence[Row[Any]], zone: str) -> dict[tuple[int, str], Document]:
    counts: dict[tuple[int, str], Document] = {}
    for row in rows:
        day = row.starts_at.astimezone(ZoneInfo(zone)).date().isoformat()
        cell = counts.setdefault((row.doctor_id, day), {"booked": 0, "free": 0, "unused": 0, "extra": 0})
        if row.is_taken:
            cell["booked"] += 1
            cell["extra"] += row.lane > 0
        else:
            cell["free" if row.is_to_come else "unused"] += 1
    return counts


def _slot(row: Row[Any]) -> Document:
    lapsed = row.hold_until is not None and row.hold_until <= row.now
    state = SlotState.OPEN if lapsed else SlotState(row.state)
    return {
        "id": str(row.id),
        "doctor_id": str(row.doctor_id),
        "starts_at": instant(row.starts_at),
        "ends_at": instant(row.ends_at),
        "state": state.value,
        "hold_until": instant(row.hold_until) if state is SlotState.HELD else None,
        "version": row.version,
        "lane": row.lane,
        "is_interval": row.is_interval,
        "is_past": row.starts_at <= row.now,
        "booking": None if state is SlotState.OPEN or row.booking_id is None else _booking(row),
    }


def _booking(row: Row[Any]) -> Document:
    return {
        "id": str(row.booking_id),
        "reference": row.reference,
        "status": row.status,
        "patient_name": row.patient_name,
        "patient_email": row.patient_email,
        "patient_phone": row.patient_phone,
        "reason": row.reason,
        "arrived_at": instant(row.arrived_at),
        "owner_name": row.owner_name,
        "owner_role": row.owner_role,
        "starts_at": instant(row.booking_starts_at),
        "ends_at": instant(row.booking_ends_at),
    }
