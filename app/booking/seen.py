"""The booking an action is about: found if the actor may know of it, changed only if it is as it was seen."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, func, select, update

from app.booking import statements
from app.booking.documents import shown_status
from app.booking.errors import HoldExpired, WrongState
from app.booking.rules import Actor
from app.booking.statements import SlotRow
from app.booking.wall import behind_wall
from app.database import TransientFailure
from app.errors import NotFound
from app.tables.booking import Booking, BookingSlot, BookingStatus

EXPIRED = "The time was held for too long and has been offered to others."


def let_go(
    tx: Connection, slot_ids: list[int], booking_id: uuid.UUID, *, goes_on: bool = False
) -> list[SlotRow]:
    """Free the slots the booking owned when we looked; if it was moved or ended since, look again."""
    freed = statements.free_slots(tx, slot_ids, booking_id)
    if len(freed) < len(slot_ids):
        raise TransientFailure
    statements.end_claims(tx, slot_ids, booking_id, goes_on=goes_on)
    return freed


def seen_by(tx: Connection, booking_id: uuid.UUID, actor: Actor) -> Row[Any]:
    """The booking, if this actor may know of it; a stranger learns nothing."""
    query = select(
        Booking.user_id,
        Booking.doctor_id,
        Booking.showtime_id,
        Booking.status,
        shown_status().label("shown_status"),
        Booking.starts_at,
        Booking.extensions,
        Booking.sequence,
        Booking.patient_name,
        Booking.created_at,
        Booking.expires_at,
    ).where(Booking.id == booking_id)
    with behind_wall(tx, actor):
        row = tx.execute(query).first()
    if row is None or not actor.may_see(booking_id, row.user_id, row.doctor_id):
        raise NotFound("There is no such booking.")
    return row


def set_booking(
    tx: Connection,
    booking_id: uuid.UUID,
    expected: BookingStatus,
    *,
    owning: int | None = None,
    **values: Any,
) -> None:
    """Change the booking; if it has another status by now, or does not own so many slots as it should
    after this change, look again from the start."""
    conditions = [Booking.id == booking_id, Booking.status == expected]
    if owning is not None:
        claims = select(func.count()).where(BookingSlot.booking_id == booking_id, BookingSlot.live)
        conditions.append(claims.scalar_subquery() == owning)
    changed = tx.execute(update(Booking).where(*conditions).values(**values).returning(Booking.id))
    if changed.first() is None:
        raise TransientFailure


def why_not_all(
    tx: Connection, booking_id: uuid.UUID, actor: Actor, fences: Mapping[int, int]
) -> HoldExpired | WrongState:
    """Why a hold's slots could not all be changed. When they are others by now: look again."""
    if statements.fences_of(tx, booking_id) != fences:
        raise TransientFailure
    return why_not_pending(seen_by(tx, booking_id, actor))


def why_not_pending(seen: Row[Any]) -> HoldExpired | WrongState:
    if seen.shown_status in (BookingStatus.EXPIRED, BookingStatus.PENDING):
        return HoldExpired(EXPIRED)
    return WrongState(f"This booking is {seen.shown_status.lower()} already.", status_now=seen.shown_status)


def why_ended(seen: Row[Any]) -> HoldExpired | WrongState:
    if seen.shown_status == BookingStatus.PENDING:
        return WrongState("This booking is not confirmed yet.", status_now=seen.shown_status)
    return why_not_pending(seen)
