"""Appointments by interval: the free slots they overlap step aside and return when they end."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from sqlalchemy import Connection, Select, insert, select, update

from app.booking import rules, statements
from app.booking.claims import Claim, PatientDetails, insert_booking, oust_lapsed
from app.booking.engine import Act, Engine
from app.booking.errors import BookingConflict, Reason, SlotInPast
from app.booking.glance import with_alternatives
from app.booking.interval_end import STEPPED_ASIDE
from app.booking.overlap import Interval, overlap_means_look_again, overlaps
from app.booking.rules import Actor
from app.booking.statements import SLOT_COLUMNS, SlotRow
from app.booking.turns import refuse_with
from app.database import db_now
from app.errors import NotFound, ValidationFailed
from app.idempotency import Answer, Document, RequestKey
from app.tables.booking import Slot, SlotState
from app.tables.desk import Closure
from app.tables.directory import Doctor


def book_interval(
    engine: Engine,
    interval: Interval,
    patient: PatientDetails,
    actor: Actor,
    request: RequestKey | None = None,
) -> Answer:
    """A CONFIRMED booking of exactly this interval.

    Raises BookingConflict (OVERLAP) when any live booking or hold overlaps it, SlotInPast, NotFound."""
    if interval.ends_at <= interval.starts_at:
        raise ValidationFailed.of("ends_at", "an appointment ends after it starts")
    booking_id = uuid.uuid4()
    claim = Claim((), patient, instant=True)

    def book(act: Act) -> Document:
        queue_for_doctor(act.tx, interval.doctor_id)
        refuse_when_closed(act.tx, interval)
        aside = _make_room(act, interval)
        own = insert_interval(act.tx, interval, booking_id)
        document = insert_booking(act, booking_id, [own], claim)
        act.slots_changed(aside)
        return document

    with engine.local_queue.turn(interval.doctor_id):
        refusal = _early_refusal(engine, interval)
        if refusal is None:
            return engine.perform(actor, request, book)
    return engine.perform(actor, request, refuse_with(refusal))


def _early_refusal(engine: Engine, interval: Interval) -> BookingConflict | None:
    """What a look without a lock says: losers need not queue for the doctor's row."""
    with engine.database.read() as connection:
        overlapping = connection.execute(_overlapped(interval)).scalars()
        return _refusal_of(connection, statements.look_at_slots(connection, list(overlapping)))


def _refusal_of(connection: Connection, slots: Sequence[rules.SlotFacts]) -> BookingConflict | None:
    taken = [slot for slot in slots if not rules.is_free(slot)]
    if not taken:
        return None
    conflict = BookingConflict.because(Reason.OVERLAP, slot_id=str(taken[0].id))
    with_alternatives(connection, conflict)
    return conflict


def queue_for_doctor(tx: Connection, doctor_id: int) -> None:
    """Interval bookings of one doctor take turns; the exclusion constraint is the wall behind this."""
    doctor = select(Doctor.id).where(Doctor.id == doctor_id, Doctor.deleted_at.is_(None))
    if tx.execute(doctor.with_for_update(key_share=True)).first() is None:
        raise NotFound("There is no such doctor.")


def refuse_when_closed(tx: Connection, interval: Interval) -> None:
    """Raises BookingConflict when the doctor's time is closed there."""
    closed = select(Closure.id).where(
        Closure.doctor_id == interval.doctor_id,
        Closure.ended_at.is_(None),
        Closure.starts_at < interval.ends_at,
        Closure.ends_at > interval.starts_at,
    )
    if tx.execute(closed.limit(1)).first() is not None:
        raise BookingConflict.because(Reason.SLOT_BLOCKED)


def _make_room(act: Act, interval: Interval) -> list[SlotRow]:
    """Block the free slots the interval overlaps. Raises the refusal of one that is taken."""
    overlapping = act.tx.execute(_overlapped(interval)).scalars()
    slots = statements.look_at_slots(act.tx, list(overlapping), lock=True)
    if refusal := _refusal_of(act.tx, slots):
        raise refusal
    slot_ids = [slot.id for slot in slots]
    oust_lapsed(act, slot_ids, "interval")
    blocked = act.tx.execute(
        update(Slot)
        .where(Slot.id.in_(slot_ids))
        .values(state=SlotState.BLOCKED, block_reason=STEPPED_ASIDE, hold_until=None, booking_id=None,
                version=Slot.version + 1)
        .returning(*SLOT_COLUMNS)
    )  # fmt: skip
    return list(blocked)


def insert_interval(tx: Connection, interval: Interval, booking_id: uuid.UUID, lane: int = 0) -> SlotRow:
    """A slot of the booking's own. Raises SlotInPast, or TransientFailure when something overlaps it."""
    now = tx.execute(select(db_now())).scalar_one()
    if interval.starts_at <= now:
        raise SlotInPast("This time is in the past.")
    with overlap_means_look_again():
        return tx.execute(
            insert(Slot)
            .values(doctor_id=interval.doctor_id, starts_at=interval.starts_at, ends_at=interval.ends_at,
                    state=SlotState.BOOKED, booking_id=booking_id, fence=1, is_interval=True,
                    lane=lane)
            .returning(*SLOT_COLUMNS)
        ).one()  # fmt: skip


def _overlapped(interval: Interval) -> Select[int]:
    return select(Slot.id).where(overlaps(interval), Slot.state != SlotState.BLOCKED)
