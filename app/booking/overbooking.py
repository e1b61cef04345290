"""One more person than a time has room for: on purpose, by name, with a reason.

No slot ever has two bookings. Capacity is raised by a slot of its own in the next lane of the doctor's
time, and the wall against overlaps stands in every lane."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from sqlalchemy import Connection, select

from app.booking import rules, statements
from app.booking.claims import Claim, PatientDetails, insert_booking
from app.booking.engine import Act, Engine
from app.booking.errors import BookingConflict, Reason
from app.booking.intervals import insert_interval, queue_for_doctor, refuse_when_closed
from app.booking.overlap import Interval, overlaps
from app.booking.rules import Actor
from app.errors import Forbidden, ValidationFailed
from app.idempotency import Answer, Document, RequestKey
from app.tables.booking import Slot, SlotState

MOST_LANES = 3


@dataclass(frozen=True)
class Overbooking:
    """Which time, and why it must hold one more."""

    interval: Interval
    reason: str


def overbook(
    engine: Engine,
    wanted: Overbooking,
    patient: PatientDetails,
    actor: Actor,
    request: RequestKey | None = None,
) -> Answer:
    """A CONFIRMED booking beside the one that has the time.

    Raises Forbidden without the permission, ValidationFailed without a reason or where the time is free,
    BookingConflict when even that is full or closed, SlotInPast, NotFound."""
    if not (actor.may_overbook and actor.may_serve(wanted.interval.doctor_id)):
        raise Forbidden("You may not overbook. Ask whoever runs the clinic's settings.")
    if not wanted.reason.strip():
        raise ValidationFailed.of("reason", "say why this time must hold one more")
    booking_id = uuid.uuid4()

    def book(act: Act) -> Document:
        queue_for_doctor(act.tx, wanted.interval.doctor_id)
        refuse_when_closed(act.tx, wanted.interval)
        lane = _next_lane(act.tx, wanted.interval)
        own = insert_interval(act.tx, wanted.interval, booking_id, lane)
        document = insert_booking(act, booking_id, [own], Claim((), patient, instant=True))
        act.audit("overbook", booking_id, [own], lane=lane, why=wanted.reason)
        return document

    return engine.perform(actor, request, book)


def _next_lane(tx: Connection, interval: Interval) -> int:
    rows = tx.execute(
        select(Slot.id, Slot.lane).where(overlaps(interval), Slot.state != SlotState.BLOCKED)
    ).all()
    lanes = {row.id: row.lane for row in rows}
    facts = statements.look_at_slots(tx, sorted(lanes))
    used = {lanes[slot.id] for slot in facts if not rules.is_free(slot)}
    if 0 not in used:
        raise ValidationFailed.of("starts_at", "this time is free; book it as any other")
    free = [lane for lane in range(1, MOST_LANES + 1) if lane not in used]
    if not free:
        raise BookingConflict.because(Reason.OVERLAP)
    return free[0]
