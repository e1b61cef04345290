"""What can happen to a booking after it was made: confirm, extend, describe, release, cancel, move."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Row, select, update

from app.booking import rules, statements
from app.booking.claims import (
    PatientDetails,
    bind_slots,
    first_deadline,
    oust_lapsed,
    patient_values,
    read_booking,
)
from app.booking.documents import shown_status
from app.booking.engine import Act, Engine
from app.booking.errors import HoldExpired, TooManyExtensions, WrongState
from app.booking.glance import with_alternatives
from app.booking.intervals import retire_interval
from app.booking.rules import Actor
from app.booking.statements import SlotRow
from app.database import TransientFailure, db_now
from app.errors import NotFound, ValidationFailed
from app.idempotency import Answer, Document, RequestKey
from app.tables.booking import Booking, BookingStatus

EXPIRED = "The time was held for too long and has been offered to others."


def confirm_booking(
    engine: Engine,
    booking_id: uuid.UUID,
    actor: Actor,
    request: RequestKey | None = None,
    patient: PatientDetails | None = None,
) -> Answer:
    """PENDING -> CONFIRMED, if the hold still stands. Raises HoldExpired, WrongState, NotFound."""

    def confirm(act: Act) -> Document:
        seen = _seen(act.tx, booking_id, actor)
        fences = statements.fences_of(act.tx, booking_id)
        rows = statements.book_held_slots(act.tx, booking_id, fences)
        if not rows or len(rows) < len(fences):
            raise _why_not_pending(_seen(act.tx, booking_id, actor))
        values = patient_values(act.tx, patient)
        if not (seen.patient_name or values.get("patient_name")):
            raise ValidationFailed.of("patient_name", "say who the appointment is for")
        _set(act.tx, booking_id, BookingStatus.PENDING, status=BookingStatus.CONFIRMED, expires_at=None,
             confirmed_at=db_now(), **values)  # fmt: skip
        act.audit("confirm", booking_id, rows)
        act.notify(booking_id, "confirmation", 0)
        act.slots_changed(rows)
        return read_booking(act.tx, booking_id)

    return engine.perform(actor, request, confirm)


def extend_hold(
    engine: Engine, booking_id: uuid.UUID, actor: Actor, request: RequestKey | None = None
) -> Answer:
    """Start the hold's time again, up to ten times and never beyond 30 minutes from its start."""

    def extend(act: Act) -> Document:
        seen = _seen(act.tx, booking_id, actor)
        latest = seen.created_at + timedelta(seconds=rules.LONGEST_HOLD_SECONDS)
        if not rules.may_extend(seen.extensions, seen.expires_at, latest):
            raise TooManyExtensions("This time has been held for as long as we can. Please confirm it now.")
        fences = statements.fences_of(act.tx, booking_id)
        rows = statements.extend_held_slots(act.tx, booking_id, list(fences), engine.hold_seconds, latest)
        if not rows or len(rows) < len(fences):
            raise _why_not_pending(_seen(act.tx, booking_id, actor))
        _set(act.tx, booking_id, BookingStatus.PENDING, expires_at=first_deadline(rows),
             extensions=Booking.extensions + 1)  # fmt: skip
        act.audit("extend", booking_id, rows)
        act.slots_changed(rows)
        return read_booking(act.tx, booking_id)

    return engine.perform(actor, request, extend)


def describe_hold(engine: Engine, booking_id: uuid.UUID, patient: PatientDetails, actor: Actor) -> Answer:
    """Keep what the person typed while the time is held."""

    def describe(act: Act) -> Document:
        seen = _seen(act.tx, booking_id, actor)
        if seen.shown_status != BookingStatus.PENDING:
            raise _why_not_pending(seen)
        _set(act.tx, booking_id, BookingStatus.PENDING, **patient_values(act.tx, patient))
        return read_booking(act.tx, booking_id)

    return engine.perform(actor, None, describe)


def release_hold(
    engine: Engine, booking_id: uuid.UUID, actor: Actor, request: RequestKey | None = None
) -> Answer:
    """Give a PENDING booking's slots back before the deadline. Raises WrongState when confirmed."""
    return _give_up(engine, booking_id, actor, request, {BookingStatus.PENDING}, "release", None)


def cancel_booking(
    engine: Engine,
    booking_id: uuid.UUID,
    actor: Actor,
    reason: str | None = None,
    request: RequestKey | None = None,
) -> Answer:
    """End a booking; its slots are free again at once. Raises WrongState when it had ended before."""
    return _give_up(engine, booking_id, actor, request, rules.CANCELLABLE, "cancel", reason)


def _give_up(
    engine: Engine,
    booking_id: uuid.UUID,
    actor: Actor,
    request: RequestKey | None,
    allowed: set[BookingStatus] | frozenset[BookingStatus],
    action: str,
    reason: str | None,
) -> Answer:
    fences: dict[int, int] = {}

    def give_up(act: Act) -> Document:
        seen = _seen(act.tx, booking_id, actor)
        if seen.shown_status not in allowed:
            raise _why_not_pending(seen) if action == "release" else _ended(seen)
        fences.clear()
        fences.update(statements.fences_of(act.tx, booking_id))
        rows = _let_go(act.tx, list(fences), booking_id)
        _set(act.tx, booking_id, BookingStatus(seen.status), status=BookingStatus.CANCELLED,
             expires_at=None, cancelled_at=db_now(), cancel_reason=reason,
             sequence=Booking.sequence + 1)  # fmt: skip
        act.audit(action, booking_id, rows, had_reason=reason is not None)
        act.slots_changed(retire_interval(act.tx, rows))
        if seen.status == BookingStatus.CONFIRMED:
            act.notify(booking_id, "cancellation", seen.sequence + 1)
        return read_booking(act.tx, booking_id)

    answer = engine.perform(actor, request, give_up)
    engine.locks.release(fences)
    return answer


def reschedule_booking(
    engine: Engine,
    booking_id: uuid.UUID,
    slot_id: int,
    actor: Actor,
    request: RequestKey | None = None,
) -> Answer:
    """Move a CONFIRMED booking to another slot; the old one is kept until the new one is taken.

    Raises BookingConflict with alternatives, SlotInPast, WrongState, NotFound."""
    old_fences: dict[int, int] = {}

    def move(act: Act) -> Document:
        seen = _seen(act.tx, booking_id, actor)
        old_fences.clear()
        old_fences.update(statements.fences_of(act.tx, booking_id))
        if seen.status != BookingStatus.CONFIRMED:
            raise _ended(seen)
        if slot_id in old_fences:
            raise ValidationFailed.of("slot_id", "that is the time already booked")
        taken, freed = _swap(act, booking_id, slot_id, list(old_fences))
        _set(act.tx, booking_id, BookingStatus.CONFIRMED, doctor_id=taken.doctor_id,
             starts_at=taken.starts_at, ends_at=taken.ends_at, is_appointment=False,
             sequence=Booking.sequence + 1)  # fmt: skip
        act.audit("reschedule", booking_id, [taken], previous_slots=[str(old) for old in old_fences])
        act.notify(booking_id, "reschedule", seen.sequence + 1)
        act.slots_changed([taken, *freed])
        return read_booking(act.tx, booking_id)

    answer = engine.perform(actor, request, move)
    engine.locks.release(old_fences)
    return answer


def _swap(
    act: Act, booking_id: uuid.UUID, slot_id: int, old_slot_ids: list[int]
) -> tuple[SlotRow, list[SlotRow]]:
    """Take the new slot, then let the old ones go."""
    wanted = [slot for slot in statements.look_at_slots(act.tx, [*old_slot_ids, slot_id], lock=True)
              if slot.id == slot_id]  # fmt: skip
    rows = statements.take_slots(act.tx, [slot_id], booking_id, None, None)
    if not rows:
        refusal = rules.first_refusal([slot_id], wanted)
        raise with_alternatives(act.tx, refusal or WrongState("This time was changed just now."))
    oust_lapsed(act, [slot_id], "next claim")
    bind_slots(act, booking_id, rows)
    freed = _let_go(act.tx, old_slot_ids, booking_id)
    return rows[0], retire_interval(act.tx, freed)


def _let_go(tx: Connection, slot_ids: list[int], booking_id: uuid.UUID) -> list[SlotRow]:
    """Free the slots the booking owned when we looked; if it was moved or ended since, look again."""
    freed = statements.free_slots(tx, slot_ids, booking_id)
    if len(freed) < len(slot_ids):
        raise TransientFailure
    statements.end_claims(tx, slot_ids, booking_id)
    return freed


def _seen(tx: Connection, booking_id: uuid.UUID, actor: Actor) -> Row[Any]:
    """The booking, if this actor may know of it; a stranger learns nothing."""
    row = tx.execute(
        select(
            Booking.user_id,
            Booking.status,
            shown_status().label("shown_status"),
            Booking.extensions,
            Booking.sequence,
            Booking.patient_name,
            Booking.created_at,
            Booking.expires_at,
        ).where(Booking.id == booking_id)
    ).first()
    if row is None or not actor.may_see(booking_id, row.user_id):
        raise NotFound("There is no such booking.")
    return row


def _set(tx: Connection, booking_id: uuid.UUID, expected: BookingStatus, **values: Any) -> None:
    """Change the booking; if it is not in the expected status any more, look again from the start."""
    changed = tx.execute(
        update(Booking)
        .where(Booking.id == booking_id, Booking.status == expected)
        .values(**values)
        .returning(Booking.id)
    )
    if changed.first() is None:
        raise TransientFailure


def _why_not_pending(seen: Row[Any]) -> HoldExpired | WrongState:
    if seen.shown_status in (BookingStatus.EXPIRED, BookingStatus.PENDING):
        return HoldExpired(EXPIRED)
    return WrongState(f"This booking is {seen.shown_status.lower()} already.", status_now=seen.shown_status)


def _ended(seen: Row[Any]) -> HoldExpired | WrongState:
    if seen.shown_status == BookingStatus.PENDING:
        return WrongState("This booking is not confirmed yet.", status_now=seen.shown_status)
    return _why_not_pending(seen)
