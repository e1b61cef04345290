"""Where the person is on the day: not here yet, arrived, in the room, done, or never came."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select

from app.booking import statements
from app.booking.claims import read_booking
from app.booking.engine import Act, Engine
from app.booking.errors import WrongState
from app.booking.rules import Actor
from app.booking.seen import seen_by, set_booking, why_ended
from app.database import db_now
from app.errors import Forbidden, Refusal
from app.idempotency import Answer, Document, RequestKey
from app.tables.booking import Booking, BookingStatus

CONFIRMED, ARRIVED, IN_ROOM = BookingStatus.CONFIRMED, BookingStatus.ARRIVED, BookingStatus.IN_ROOM
COMPLETED, NO_SHOW = BookingStatus.COMPLETED, BookingStatus.NO_SHOW
#: Each way forward and the way back: a mispressed key must be undone with one press.
STEPS: Mapping[BookingStatus, frozenset[BookingStatus]] = {
    CONFIRMED: frozenset({ARRIVED, IN_ROOM, COMPLETED, NO_SHOW}),
    ARRIVED: frozenset({CONFIRMED, IN_ROOM, COMPLETED, NO_SHOW}),
    IN_ROOM: frozenset({ARRIVED, COMPLETED}),
    COMPLETED: frozenset({ARRIVED, IN_ROOM}),
    NO_SHOW: frozenset({CONFIRMED, ARRIVED}),
}
#: Nobody waits so long; whoever is marked as here earlier was picked on the wrong day.
EARLIEST_ARRIVAL = timedelta(hours=12)


def mark_attendance(
    engine: Engine,
    booking_id: uuid.UUID,
    status: BookingStatus,
    actor: Actor,
    request: RequestKey | None = None,
) -> Answer:
    """Say where the person is; saying it twice changes nothing. For the front desk alone.

    Raises WrongState for a step that cannot be, NotFound, Forbidden."""
    if not actor.is_staff:
        raise Forbidden("Only the front desk says who has come.")

    def mark(act: Act) -> Document:
        seen = seen_by(act.tx, booking_id, actor)
        if seen.status != status:
            write_attendance(act, booking_id, seen, status)
        return read_booking(act.tx, booking_id)

    return engine.perform(actor, request, mark)


def write_attendance(act: Act, booking_id: uuid.UUID, seen: Any, status: BookingStatus) -> None:
    """The step itself, inside an action. Raises WrongState."""
    now = act.tx.execute(select(db_now())).scalar_one()
    refusal = why_not(BookingStatus(seen.status), status, seen.starts_at, now)
    if refusal is not None:
        raise refusal if seen.status in STEPS else why_ended(seen)
    rows = statements.touch_slots(act.tx, list(statements.fences_of(act.tx, booking_id)), booking_id)
    set_booking(act.tx, booking_id, BookingStatus(seen.status), status=status,
                arrived_at=_arrived_at(status))  # fmt: skip
    act.audit("attendance", booking_id, rows, was=seen.status, now=status.value)
    act.slots_changed(rows)


def why_not(was: BookingStatus, now: BookingStatus, starts_at: datetime, moment: datetime) -> Refusal | None:
    """Why the booking cannot go from one to the other at this moment; None when it can."""
    if now not in STEPS.get(was, ()):
        return WrongState(f"A booking that is {was.lower()} cannot become {now.lower()}.", status_now=was)
    if now is NO_SHOW and moment < starts_at:
        return WrongState("Nobody is late before the appointment begins.", status_now=was)
    if now is not CONFIRMED and starts_at - moment > EARLIEST_ARRIVAL:
        return WrongState("This appointment is not today. Is it the right person?", status_now=was)
    return None


def _arrived_at(status: BookingStatus) -> Any:
    """Kept from the first step in; forgotten when it turns out that nobody came."""
    if status in (CONFIRMED, NO_SHOW):
        return None
    return func.coalesce(Booking.arrived_at, db_now())
