"""Closing a stretch of a doctor's time and opening it again.

What is open goes out of the offer, holds end, bookings stay until somebody moves or cancels them; what they
leave behind stays closed, because whoever frees a slot looks at the closures in the same statement."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from app.booking import rules, statements
from app.booking.claims import oust_lapsed
from app.booking.documents import booking_documents, instant, select_bookings
from app.booking.engine import Act, Engine
from app.booking.interval_end import retire_interval, still_covered
from app.booking.intervals import queue_for_doctor
from app.booking.overlap import Interval, overlap_means_look_again, overlaps
from app.booking.rules import Actor
from app.booking.seen import let_go, set_booking
from app.booking.statements import IN_CLOSURE, SLOT_COLUMNS, SlotRow, is_closed
from app.database import db_now
from app.errors import Forbidden, NotFound, ValidationFailed
from app.idempotency import Answer, Document, RequestKey
from app.tables.booking import Booking, BookingStatus, Slot, SlotState
from app.tables.desk import Closure
from app.tables.directory import Doctor

LONGEST_DAYS = 366
#: Live bookings that still expect the doctor.
STANDING = (BookingStatus.CONFIRMED, BookingStatus.ARRIVED, BookingStatus.IN_ROOM)
CLOSURE_COLUMNS = tuple(Closure.__table__.columns)


@dataclass(frozen=True)
class ClosureDraft:
    """Which time is not offered, and what people are told."""

    interval: Interval
    reason: str


def close_time(
    engine: Engine, draft: ClosureDraft, actor: Actor, request: RequestKey | None = None
) -> Answer:
    """Close the time; nobody can book in it from now on. Bookings in it stand: see affected_bookings().

    Raises Forbidden, ValidationFailed, NotFound for the doctor."""
    interval = draft.interval
    if not actor.may_serve(interval.doctor_id):
        raise Forbidden("Only the front desk of this doctor closes a time.")
    if not draft.reason.strip():
        raise ValidationFailed.of("reason", "say why, so that nobody has to ask")
    if not interval.starts_at < interval.ends_at:
        raise ValidationFailed.of("ends_at", "must be later than the start")
    if (interval.ends_at - interval.starts_at).days > LONGEST_DAYS:
        raise ValidationFailed.of("ends_at", f"must be within {LONGEST_DAYS} days of the start")

    def close(act: Act) -> Document:
        queue_for_doctor(act.tx, interval.doctor_id)
        row = _insert(act, draft)
        closed, ended = _clear(act, interval)
        act.note("close", closure_id=str(row.id), doctor_id=interval.doctor_id, slots=len(closed))
        act.slots_changed(closed)
        return {
            **closure_document(row),
            "closed_slots": sum(slot.state == SlotState.BLOCKED for slot in closed),
            "ended_holds": ended,
            "affected_bookings": len(affected_bookings(act.tx, interval)),
        }

    return engine.perform(actor, request, close)


def reopen_time(
    engine: Engine, closure_id: uuid.UUID, actor: Actor, request: RequestKey | None = None
) -> Answer:
    """Offer the time again: what the closure took out and nothing else covers. Raises NotFound, Forbidden."""
    if not actor.is_staff:
        raise Forbidden("Only the front desk opens a time.")

    def reopen(act: Act) -> Document:
        row = act.tx.execute(
            update(Closure)
            .where(Closure.id == closure_id, Closure.ended_at.is_(None))
            .values(ended_at=db_now())
            .returning(*CLOSURE_COLUMNS)
        ).first()
        if row is None or not actor.may_serve(row.doctor_id):
            raise NotFound("This closure has ended, or never was.")
        reopened = _bring_back(act.tx, Interval(row.doctor_id, row.starts_at, row.ends_at))
        act.note("reopen", closure_id=str(closure_id), slots=len(reopened))
        act.slots_changed(reopened)
        return {**closure_document(row), "reopened_slots": len(reopened)}

    return engine.perform(actor, request, reopen)


def affected_bookings(connection: Connection, interval: Interval) -> list[Document]:
    """Who is booked in this time, by start."""
    query = select_bookings().where(
        Booking.doctor_id == interval.doctor_id,
        Booking.status.in_(STANDING),
        Booking.starts_at < interval.ends_at,
        Booking.ends_at > interval.starts_at,
    )
    rows = connection.execute(query.order_by(Booking.starts_at, Booking.id))
    return booking_documents(connection, list(rows))


def count_offered(connection: Connection, interval: Interval) -> int:
    """How many times a closure would take out of the offer."""
    open_slots = select(Slot.id).where(overlaps(interval), statements.can_be_claimed())
    return len(connection.execute(open_slots).all())


def list_closures(connection: Connection, begin: datetime, end: datetime) -> list[Document]:
    """The closures in force that reach into the span, by start."""
    rows = connection.execute(
        select(*CLOSURE_COLUMNS)
        .where(Closure.ended_at.is_(None), Closure.starts_at < end, Closure.ends_at > begin)
        .order_by(Closure.starts_at, Closure.id)
    )
    return [closure_document(row) for row in rows]


def read_closure(connection: Connection, closure_id: uuid.UUID) -> Document:
    """With its doctor's name. Raises NotFound."""
    row = connection.execute(
        select(*CLOSURE_COLUMNS, Doctor.name, Doctor.timezone)
        .join(Doctor, Doctor.id == Closure.doctor_id)
        .where(Closure.id == closure_id)
    ).first()
    if row is None:
        raise NotFound("There is no such closure.")
    return {**closure_document(row), "doctor_name": row.name, "timezone": row.timezone}


def closure_document(row: Row[*tuple[Any, ...]]) -> Document:
    return {
        "id": str(row.id),
        "doctor_id": str(row.doctor_id),
        "starts_at": instant(row.starts_at),
        "ends_at": instant(row.ends_at),
        "reason": row.reason,
        "closed_by": row.closed_by,
        "ended_at": instant(row.ended_at),
        "created_at": instant(row.created_at),
    }


def _insert(act: Act, draft: ClosureDraft) -> Row[Any]:
    interval = draft.interval
    return act.tx.execute(
        insert(Closure)
        .values(doctor_id=interval.doctor_id, starts_at=interval.starts_at, ends_at=interval.ends_at,
                reason=draft.reason.strip(), closed_by=act.actor.label)
        .returning(*CLOSURE_COLUMNS)
    ).one()  # fmt: skip


def _clear(act: Act, interval: Interval) -> tuple[list[SlotRow], int]:
    """Take the open slots out and end the holds; what changed, and how many holds ended."""
    found = select(Slot.id).where(overlaps(interval), Slot.state != SlotState.BLOCKED)
    slots = statements.look_at_slots(act.tx, list(act.tx.execute(found).scalars()), lock=True)
    free = [slot.id for slot in slots if rules.is_free(slot)]
    oust_lapsed(act, free, "closure")
    closed = act.tx.execute(
        update(Slot)
        .where(Slot.id.in_(free))
        .values(state=SlotState.BLOCKED, block_reason=IN_CLOSURE, hold_until=None, booking_id=None,
                version=Slot.version + 1)
        .returning(*SLOT_COLUMNS)
    ).all()  # fmt: skip
    held = [slot.id for slot in slots if slot.state is SlotState.HELD and slot.id not in set(free)]
    owners = act.tx.execute(select(Slot.booking_id).where(Slot.id.in_(held)).distinct()).scalars().all()
    ended = [slot for owner in owners if owner for slot in _end_hold(act, owner)]
    return [*closed, *ended], len(owners)


def _end_hold(act: Act, booking_id: uuid.UUID) -> list[SlotRow]:
    rows = let_go(act.tx, list(statements.fences_of(act.tx, booking_id)), booking_id)
    set_booking(act.tx, booking_id, BookingStatus.PENDING, owning=0, status=BookingStatus.CANCELLED,
                expires_at=None, cancelled_at=db_now(), cancel_reason="The time was closed.",
                sequence=Booking.sequence + 1)  # fmt: skip
    act.audit("release", booking_id, rows, closed=True)
    return retire_interval(act.tx, rows)


def _bring_back(tx: Connection, interval: Interval) -> list[SlotRow]:
    away = select(Slot.id).where(overlaps(interval), Slot.block_reason == IN_CLOSURE).order_by(Slot.id)
    changed: list[SlotRow] = []
    for slot_id in tx.execute(away.with_for_update()).scalars().all():
        # One at a time: of two that overlap each other only the first may come back.
        with overlap_means_look_again():
            changed += tx.execute(
                update(Slot)
                .where(Slot.id == slot_id, Slot.block_reason == IN_CLOSURE, ~is_closed(), ~still_covered())
                .values(state=SlotState.OPEN, block_reason=None, version=Slot.version + 1)
                .returning(*SLOT_COLUMNS)
            )
    return changed
