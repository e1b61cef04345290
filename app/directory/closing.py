"""Taking times out of the offer without touching a booking.

A slot that was ever booked is closed, not erased: its bookings keep what they were about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, exists, func, select, update

from app.database import db_now
from app.directory.removal import CLOSED
from app.errors import Conflict
from app.tables.booking import Booking, BookingSlot, BookingStatus, Slot, SlotState

SLOT_COLUMNS: tuple[Any, ...] = (
    Slot.id, Slot.doctor_id, Slot.showtime_id, Slot.starts_at, Slot.ends_at, Slot.state, Slot.version,
    Slot.hold_until, Slot.is_interval,
)  # fmt: skip
#: Or here already: in the waiting room, or with the doctor.
EXPECTED = (BookingStatus.CONFIRMED, BookingStatus.ARRIVED, BookingStatus.IN_ROOM)


def close_open_slots(tx: Connection, doctor_id: int) -> Sequence[Row[Any]]:
    """Close the doctor's open times to come; a booking under way is waited for and stays.

    Ask refuse_when_booked() after this, not before: from here on nobody can claim an open one."""
    in_lock_order = (
        select(Slot.id)
        .where(Slot.doctor_id == doctor_id, Slot.state == SlotState.OPEN, Slot.ends_at > db_now())
        .order_by(Slot.id)
        .with_for_update()
    )
    return tx.execute(
        update(Slot)
        .where(Slot.id.in_(in_lock_order))
        .values(state=SlotState.BLOCKED, block_reason=CLOSED, version=Slot.version + 1)
        .returning(*SLOT_COLUMNS)
    ).all()


def refuse_when_booked(tx: Connection, doctor_id: int) -> None:
    """Raises Conflict saying how many bookings are to come and what to do about them."""
    rows = tx.execute(
        select(Booking.status, func.count().label("number"))
        .where(
            Booking.doctor_id == doctor_id,
            Booking.status.in_((BookingStatus.PENDING, *EXPECTED)),
            Booking.ends_at > db_now(),
        )
        .group_by(Booking.status)
    )
    counts = {row.status: int(row.number) for row in rows}
    holds = counts.pop(BookingStatus.PENDING, 0)
    booked = sum(counts.values())
    if booked:
        raise Conflict(
            f"This doctor has {_of(booked, 'booking')} to come. Cancel or move them first.",
            bookings=booked,
            holds=holds,
        )
    if holds:
        raise Conflict(
            f"{_of(holds, 'time')} of this doctor are being booked right now. "
            "Such a hold ends by itself; try again in a few minutes.",
            bookings=0,
            holds=holds,
        )


def has_history(tx: Connection, slot_id: int) -> bool:
    """Whether any booking ever claimed the slot."""
    return bool(tx.execute(select(exists().where(BookingSlot.slot_id == slot_id))).scalar_one())


def _of(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
