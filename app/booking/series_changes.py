"""Cancelling or moving one time of a series, it and the following ones, or all that are to come."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row, select

from app.booking import statements
from app.booking.changes import cancel_booking, end_booking
from app.booking.deadline import refuse_when_too_late
from app.booking.documents import Document
from app.booking.engine import Act, Engine
from app.booking.errors import SeriesConflict, TooLateToChange, WrongState
from app.booking.moves import put_elsewhere, reschedule_booking
from app.booking.recurrence import Occasion, moved_local
from app.booking.rules import SYSTEM, Actor
from app.booking.seen import seen_by
from app.booking.series import series_document, series_of
from app.booking.series_places import Place, find_places
from app.booking.waitlist import offer_freed
from app.database import db_now
from app.errors import NotFound, ValidationFailed
from app.idempotency import Answer, RequestKey
from app.tables.booking import Booking, BookingStatus, Slot
from app.tables.directory import Doctor


class Scope(StrEnum):
    """How much of a series a change concerns; what has begun is never changed."""

    ONE = "one"
    FOLLOWING = "following"
    ALL = "all"


@dataclass(frozen=True)
class _Time:
    """A booking of the series, as it was seen."""

    id: uuid.UUID
    seen: Row[Any]
    slot_ids: tuple[int, ...]
    ends_at: datetime


def cancel_series(
    engine: Engine,
    booking_id: uuid.UUID,
    scope: Scope,
    actor: Actor,
    reason: str | None = None,
    request: RequestKey | None = None,
) -> Answer:
    """Cancel so much of the series, in one transaction; kept is what the clinic's deadline protects.

    With Scope.ONE the answer is the booking. Raises NotFound, WrongState, TooLateToChange when all is."""
    if scope is Scope.ONE:
        return cancel_booking(engine, booking_id, actor, reason, request)
    fences: dict[int, int] = {}

    def cancel(act: Act) -> Document:
        fences.clear()
        series_id = series_of(act.tx, booking_id, actor)
        times = _times(act.tx, series_id, booking_id, scope)
        ended, late = [], []
        for each in times:
            try:
                refuse_when_too_late(act.tx, actor, each.seen.starts_at)
            except TooLateToChange as refusal:
                late.append(refusal)
                continue
            fences.update(end_booking(act, each.id, each.seen, "cancel", reason))
            ended.append(each)
        if not ended:
            raise late[0] if late else WrongState("None of these times is to come any more.")
        act.note("series_cancel", series_id=str(series_id), cancelled=len(ended), kept=len(late))
        act.notify(ended[0].id, "series_cancelled", ended[0].seen.sequence + 1, [each.id for each in ended])
        return {
            **series_document(act.tx, series_id),
            "changed": [str(each.id) for each in ended],
            "kept": len(late),
        }

    answer = engine.perform(actor, request, cancel)
    engine.locks.release(fences)
    return answer


def move_series(
    engine: Engine,
    booking_id: uuid.UUID,
    slot_id: int,
    scope: Scope,
    actor: Actor,
    request: RequestKey | None = None,
) -> Answer:
    """Move the booking to the slot and the others by as many days to the same wall-clock time: all or none.

    With Scope.ONE the answer is the booking. Raises SeriesConflict, TooLateToChange, NotFound, WrongState."""
    if scope is Scope.ONE:
        return reschedule_booking(engine, booking_id, slot_id, actor, request)
    fences: dict[int, int] = {}

    def move(act: Act) -> Document:
        series_id = series_of(act.tx, booking_id, actor)
        times = _times(act.tx, series_id, booking_id, scope)
        for each in times:
            refuse_when_too_late(act.tx, actor, each.seen.starts_at)
        fences.clear()
        for each in times:
            fences.update(statements.fences_of(act.tx, each.id))
        places = _new_places(act.tx, times, booking_id, slot_id, list(fences))
        refused = [place.document() for place in places if place.refusal]
        if refused:
            raise SeriesConflict.of(refused, len(places), "moved")
        _carry_over(act, times, places)
        act.note("series_move", series_id=str(series_id), moved=len(times))
        act.notify(times[0].id, "series_moved", times[0].seen.sequence + 1, [each.id for each in times])
        return {**series_document(act.tx, series_id), "changed": [str(each.id) for each in times], "kept": 0}

    answer = engine.perform(actor, request, move)
    engine.locks.release(fences)
    return answer


def _times(tx: Connection, series_id: uuid.UUID, anchor: uuid.UUID, scope: Scope) -> list[_Time]:
    """What the change concerns, by start: confirmed and to come; their slots are locked."""
    since = select(Booking.starts_at).where(Booking.id == anchor).scalar_subquery()
    concerned = [Booking.series_id == series_id, Booking.status == BookingStatus.CONFIRMED,
                 Booking.starts_at > db_now()]  # fmt: skip
    if scope is Scope.FOLLOWING:
        concerned.append(Booking.starts_at >= since)
    rows = tx.execute(
        select(Booking.id, Booking.ends_at).where(*concerned).order_by(Booking.starts_at, Booking.id)
    ).all()
    slots = {row.id: tuple(statements.fences_of(tx, row.id)) for row in rows}
    statements.look_at_slots(tx, sorted(slot for each in slots.values() for slot in each), lock=True)
    # Whoever may see one of them acts for all; each is looked at after its slots are ours.
    return [_Time(row.id, seen_by(tx, row.id, SYSTEM), slots[row.id], row.ends_at) for row in rows]


def _new_places(
    tx: Connection, times: Sequence[_Time], anchor: uuid.UUID, slot_id: int, own: Sequence[int]
) -> list[Place]:
    moved = next((each for each in times if each.id == anchor), None)
    if moved is None:
        raise WrongState("This time is over, or was cancelled.")
    target = tx.execute(
        select(Slot.doctor_id, Slot.starts_at, Doctor.timezone)
        .join(Doctor, Doctor.id == Slot.doctor_id)
        .where(Slot.id == slot_id)
    ).first()
    if target is None:
        raise NotFound("There is no such slot.", slot_id=str(slot_id))
    if target.doctor_id != moved.seen.doctor_id:
        raise ValidationFailed.of("slot_id", "several times of a series stay with their doctor")
    if target.starts_at == moved.seen.starts_at:
        raise ValidationFailed.of("slot_id", "that is what is already booked")
    zone = ZoneInfo(target.timezone)
    old, new = _wall(moved.seen.starts_at, zone), _wall(target.starts_at, zone)
    wanted = []
    for each in times:
        local = moved_local(_wall(each.seen.starts_at, zone), old, new)
        is_anchor = each.id == anchor
        at = target.starts_at
        wanted.append(Occasion(local, at, at) if is_anchor else Occasion.of(local, zone))
    length = max(each.ends_at - each.seen.starts_at for each in times)
    return find_places(tx, target.doctor_id, length, wanted, lock=True, own=own)


def _carry_over(act: Act, times: Sequence[_Time], places: Sequence[Place]) -> None:
    """Move each; the one whose new time nobody else of the series still has goes first."""
    pairs = list(zip(times, places, strict=True))
    goes_later = (places[0].occasion.starts_at or times[0].seen.starts_at) > times[0].seen.starts_at
    taken = {place.slot.id for place in places if place.slot}
    freed = []
    for each, place in reversed(pairs) if goes_later else pairs:
        if place.slot is None:
            raise AssertionError("a time without a slot is refused")
        freed += put_elsewhere(act, each.id, each.seen, [place.slot.id], each.slot_ids)
    offer_freed(act, [row for row in freed if row.id not in taken])


def _wall(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None)
