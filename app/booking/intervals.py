"""Appointments by interval: the free slots they overlap step aside and return when they end."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, case, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import aliased

from app.booking import rules, statements
from app.booking.claims import Claim, PatientDetails, insert_booking, oust_lapsed
from app.booking.engine import Act, Engine
from app.booking.errors import BookingConflict, Reason, SlotInPast
from app.booking.glance import with_alternatives
from app.booking.rules import Actor
from app.booking.statements import IN_CLOSURE, SLOT_COLUMNS, SlotRow, is_closed
from app.database import TransientFailure, db_now
from app.errors import NotFound, ValidationFailed
from app.idempotency import Answer, Document, RequestKey
from app.tables.booking import Slot, SlotState
from app.tables.desk import Closure
from app.tables.directory import Doctor

STEPPED_ASIDE, RETIRED = "stepped_aside", "retired"


@dataclass(frozen=True)
class Interval:
    """A doctor's time from starts_at up to, not including, ends_at."""

    doctor_id: int
    starts_at: datetime
    ends_at: datetime


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

    return engine.perform(actor, request, book)


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
    overlapping = act.tx.execute(
        select(Slot.id).where(overlaps(interval), Slot.state != SlotState.BLOCKED)
    ).scalars()
    slots = statements.look_at_slots(act.tx, list(overlapping), lock=True)
    taken = [slot for slot in slots if not rules.is_free(slot)]
    if taken:
        conflict = BookingConflict.because(Reason.OVERLAP, slot_id=str(taken[0].id))
        raise with_alternatives(act.tx, conflict)
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


@contextmanager
def overlap_means_look_again() -> Iterator[None]:
    """Somebody was quicker: answer with what is there then."""
    try:
        yield
    except IntegrityError as error:
        if "no_overlapping_slots" in str(error.orig) or "one_slot_per_doctor" in str(error.orig):
            raise TransientFailure from error
        raise


def retire_interval(tx: Connection, freed: list[SlotRow]) -> list[SlotRow]:
    """Slots just freed: an interval's own slot is retired and what stepped aside for it returns."""
    changed: list[SlotRow] = []
    for row in freed:
        if not row.is_interval:
            changed.append(row)
            continue
        changed += tx.execute(
            update(Slot)
            .where(Slot.id == row.id)
            .values(state=SlotState.BLOCKED, block_reason=RETIRED, version=Slot.version + 1)
            .returning(*SLOT_COLUMNS)
        )
        changed += _come_back(tx, Interval(row.doctor_id, row.starts_at, row.ends_at))
    return changed


def _come_back(tx: Connection, interval: Interval) -> list[SlotRow]:
    """Reopen the slots that stepped aside here, save those another slot still covers."""
    aside = select(Slot.id).where(overlaps(interval), Slot.block_reason == STEPPED_ASIDE).order_by(Slot.id)
    changed: list[SlotRow] = []
    # Locked: of two intervals that end at once the second must see that the first has ended.
    for slot_id in tx.execute(aside.with_for_update()).scalars().all():
        # One at a time: of two that overlap each other only the first may come back.
        with overlap_means_look_again():
            changed += tx.execute(
                update(Slot)
                .where(Slot.id == slot_id, Slot.block_reason == STEPPED_ASIDE, ~still_covered())
                .values(
                    state=case((is_closed(), SlotState.BLOCKED), else_=SlotState.OPEN),
                    block_reason=case((is_closed(), IN_CLOSURE), else_=None),
                    version=Slot.version + 1,
                )
                .returning(*SLOT_COLUMNS)
            )
    return changed


def still_covered() -> ColumnElement[bool]:
    other = aliased(Slot)
    return (
        select(other.id)
        .where(
            other.doctor_id == Slot.doctor_id,
            other.state != SlotState.BLOCKED,
            other.starts_at < Slot.ends_at,
            other.ends_at > Slot.starts_at,
        )
        .exists()
    )


def overlaps(interval: Interval) -> ColumnElement[bool]:
    """start < end' and end > start': touching intervals do not overlap."""
    return and_(
        Slot.doctor_id == interval.doctor_id,
        Slot.starts_at < interval.ends_at,
        Slot.ends_at > interval.starts_at,
    )
