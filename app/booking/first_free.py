"""Any doctor who has time: chosen and taken in one transaction.

On PostgreSQL callers step around each other (FOR UPDATE SKIP LOCKED): whoever finds the first time being
taken gets the next one and waits for nobody."""

from __future__ import annotations

import random
import time
import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Select, func, select

from app.booking.attendance import write_attendance
from app.booking.claims import Claim, PatientDetails, insert_booking, read_booking, take_all
from app.booking.engine import Act, Engine
from app.booking.errors import BookingConflict, Reason
from app.booking.free_slots import NOW, is_free
from app.booking.rules import Actor
from app.booking.seen import seen_by
from app.directory.placing import NOT_BLOCKED
from app.errors import Forbidden
from app.idempotency import Answer, Document, RequestKey
from app.tables.booking import BookingStatus, Slot
from app.tables.directory import Doctor

MOST_TRIES = 10
LONGEST_PAUSE_SECONDS = 0.1
NONE_FREE = "No time is free there at the moment."


@dataclass(frozen=True)
class FirstFree:
    """The earliest time to come of any of these doctors, or of all who practise it."""

    patient: PatientDetails | None
    doctor_ids: tuple[int, ...] = ()
    specialization: str | None = None
    starts_from: datetime | None = None
    starts_before: datetime | None = None
    instant: bool = False
    #: The person stands at the desk already.
    has_arrived: bool = False


class OthersAreChoosing(Exception):
    """Every time that would do is being taken by somebody this very moment, or is given back."""


def hold_first_free(
    engine: Engine, wanted: FirstFree, actor: Actor, request: RequestKey | None = None
) -> Answer:
    """Take the first free time. Raises BookingConflict (SOLD_OUT) when there is none, Forbidden."""
    if wanted.has_arrived and not (actor.is_staff and wanted.instant):
        raise Forbidden("Only the front desk says who has come.")
    booking_id = uuid.uuid4()
    for _ in range(MOST_TRIES):
        try:
            return engine.perform(actor, request, lambda act: _take_first(act, booking_id, wanted))
        except OthersAreChoosing:
            time.sleep(random.uniform(0.01, LONGEST_PAUSE_SECONDS))  # noqa: S311 - jitter, no secret
    raise BookingConflict.because(Reason.SLOT_HELD, seconds_left=1)


def _take_first(act: Act, booking_id: uuid.UUID, wanted: FirstFree) -> Document:
    slot_id = _lock_first(act.tx, wanted)
    hold = None if wanted.instant else act.engine.hold_seconds
    rows = take_all(act, [slot_id], booking_id, None, hold)
    claim = Claim((slot_id,), wanted.patient, wanted.instant)
    document = insert_booking(act, booking_id, rows, claim, is_short=True)
    if not wanted.has_arrived:
        return document
    write_attendance(act, booking_id, seen_by(act.tx, booking_id, act.actor), BookingStatus.ARRIVED)
    return read_booking(act.tx, booking_id)


def _lock_first(tx: Connection, wanted: FirstFree) -> int:
    first = _free(wanted).order_by(Slot.starts_at, Slot.id).limit(1)
    slot_id: int | None = tx.execute(first.with_for_update(skip_locked=True, of=Slot)).scalar()
    if slot_id is not None:
        return slot_id
    if tx.execute(first).first() is not None:
        raise OthersAreChoosing
    raise BookingConflict(NONE_FREE, reason=Reason.SOLD_OUT.value)


def _free(wanted: FirstFree) -> Select[int]:
    query = select(Slot.id).join(Doctor, Doctor.id == Slot.doctor_id)
    query = query.where(
        Doctor.deleted_at.is_(None),
        Slot.doctor_id.is_not(None),
        Slot.is_interval.is_(False),
        NOT_BLOCKED,
        is_free(),
        Slot.starts_at > NOW,
    )
    if wanted.doctor_ids:
        query = query.where(Slot.doctor_id.in_(wanted.doctor_ids))
    if wanted.specialization:
        query = query.where(func.lower(Doctor.specialization) == wanted.specialization.strip().lower())
    if wanted.starts_from is not None:
        query = query.where(Slot.starts_at >= wanted.starts_from)
    if wanted.starts_before is not None:
        query = query.where(Slot.starts_at < wanted.starts_before)
    return query
