"""What can happen to a booking after it was made: confirm, extend, describe, release, cancel."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from sqlalchemy import Row

from app.booking import rules, statements
from app.booking.claims import PatientDetails, first_deadline, patient_values, read_booking
from app.booking.deadline import refuse_when_too_late
from app.booking.engine import Act, Engine
from app.booking.errors import TooManyExtensions
from app.booking.interval_end import retire_interval
from app.booking.rules import Actor
from app.booking.seen import let_go, seen_by, set_booking, why_ended, why_not_all, why_not_pending
from app.booking.waitlist import note_confirmed, offer_freed
from app.database import db_now
from app.errors import ValidationFailed
from app.idempotency import Answer, Document, RequestKey
from app.tables.booking import Booking, BookingStatus


def confirm_booking(
    engine: Engine,
    booking_id: uuid.UUID,
    actor: Actor,
    request: RequestKey | None = None,
    patient: PatientDetails | None = None,
) -> Answer:
    """PENDING -> CONFIRMED, if the hold still stands. Raises HoldExpired, WrongState, NotFound."""

    def confirm(act: Act) -> Document:
        seen = seen_by(act.tx, booking_id, actor)
        fences = statements.fences_of(act.tx, booking_id)
        rows = statements.book_held_slots(act.tx, booking_id, fences)
        if not rows or len(rows) < len(fences):
            raise why_not_all(act.tx, booking_id, actor, fences)
        values = patient_values(act, patient)
        if not (seen.patient_name or values.get("patient_name")):
            raise ValidationFailed.of("patient_name", "say who the booking is for")
        set_booking(act.tx, booking_id, BookingStatus.PENDING, owning=len(fences),
                    status=BookingStatus.CONFIRMED, expires_at=None, confirmed_at=db_now(),
                    **values)  # fmt: skip
        note_confirmed(act.tx, booking_id)
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
        seen = seen_by(act.tx, booking_id, actor)
        latest = seen.created_at + timedelta(seconds=rules.LONGEST_HOLD_SECONDS)
        if not rules.may_extend(seen.extensions, seen.expires_at, latest):
            raise TooManyExtensions("This time has been held for as long as we can. Please confirm it now.")
        fences = statements.fences_of(act.tx, booking_id)
        rows = statements.extend_held_slots(act.tx, booking_id, list(fences), engine.hold_seconds, latest)
        if not rows or len(rows) < len(fences):
            raise why_not_all(act.tx, booking_id, actor, fences)
        set_booking(act.tx, booking_id, BookingStatus.PENDING, owning=len(fences),
                    expires_at=first_deadline(rows), extensions=Booking.extensions + 1)  # fmt: skip
        act.audit("extend", booking_id, rows)
        act.slots_changed(rows)
        return read_booking(act.tx, booking_id)

    return engine.perform(actor, request, extend)


def describe_hold(engine: Engine, booking_id: uuid.UUID, patient: PatientDetails, actor: Actor) -> Answer:
    """Keep what the person typed while the time is held."""

    def describe(act: Act) -> Document:
        seen = seen_by(act.tx, booking_id, actor)
        if seen.shown_status != BookingStatus.PENDING:
            raise why_not_pending(seen)
        set_booking(act.tx, booking_id, BookingStatus.PENDING, **patient_values(act, patient))
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
        seen = seen_by(act.tx, booking_id, actor)
        if seen.shown_status not in allowed:
            raise why_not_pending(seen) if action == "release" else why_ended(seen)
        if seen.status == BookingStatus.CONFIRMED:
            refuse_when_too_late(act.tx, actor, seen.starts_at)
        fences.clear()
        fences.update(end_booking(act, booking_id, seen, action, reason))
        if seen.status == BookingStatus.CONFIRMED:
            act.notify(booking_id, "cancellation", seen.sequence + 1)
        return read_booking(act.tx, booking_id)

    answer = engine.perform(actor, request, give_up)
    engine.locks.release(fences)
    return answer


def end_booking(
    act: Act, booking_id: uuid.UUID, seen: Row[Any], action: str, reason: str | None
) -> dict[int, int]:
    """Cancel it as it was seen, without telling anybody; the fences it had, to let go of its locks."""
    fences = statements.fences_of(act.tx, booking_id)
    rows = let_go(act.tx, list(fences), booking_id)
    set_booking(act.tx, booking_id, BookingStatus(seen.status), owning=0,
                status=BookingStatus.CANCELLED, expires_at=None, cancelled_at=db_now(),
                cancel_reason=reason, sequence=Booking.sequence + 1)  # fmt: skip
    act.audit(action, booking_id, rows, had_reason=reason is not None)
    freed = retire_interval(act.tx, rows)
    act.slots_changed(freed)
    offer_freed(act, freed)
    return fences
