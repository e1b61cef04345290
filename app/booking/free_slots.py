"""The next free times, found by index however long the list of slots is.

Conditions are spelled as in the partial indexes, since a bound value would not match those; the
database's time is asked once per statement, since a clock read per row would keep them from use."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Select,
    and_,
    bindparam,
    or_,
    select,
    text,
    union_all,
)

from app.database import db_now
from app.directory.documents import Document, select_slots, slot_document
from app.directory.placing import NOT_BLOCKED
from app.directory.wall_time import day_bounds, local_day
from app.tables.booking import Slot
from app.tables.directory import Doctor

IS_OPEN = text("slots.state = 'OPEN'")
IS_HELD = text("slots.state = 'HELD'")
NOW: ColumnElement[datetime] = select(db_now()).scalar_subquery()


def is_free() -> ColumnElement[bool]:
    """Open, or under a hold whose deadline has come."""
    return or_(IS_OPEN, and_(IS_HELD, Slot.hold_until <= NOW))


def next_free(
    connection: Connection, doctor_ids: Sequence[int], after: datetime | None = None
) -> dict[int, Document]:
    """The first free time to come of each doctor who has one, or the first after a later instant."""
    to_come = [Slot.starts_at > NOW, *([Slot.starts_at > after] if after else [])]
    first_open = (
        select(Slot.id)
        .where(Slot.doctor_id == Doctor.id, IS_OPEN, *to_come)
        .order_by(Slot.starts_at)
        .limit(1)
        .correlate(Doctor)
        .scalar_subquery()
    )
    opened = select(first_open.label("id")).where(Doctor.id.in_(doctor_ids))
    found = _documents(connection, opened, _lapsed(Slot.doctor_id.in_(doctor_ids), *to_come))
    return {int(slot["doctor_id"]): slot for slot in reversed(found)}


def nearest_free(connection: Connection, doctor_id: int, around: datetime, limit: int = 3) -> list[Document]:
    """The doctor's free times to come that are closest to an instant, earliest first."""
    asked = {"doctor_id": doctor_id, "around": around, "most": limit}
    found = [slot_document(row) for row in connection.execute(_around_an_instant(), asked)]
    nearest = sorted(found, key=lambda slot: _distance(slot, around))[:limit]
    return sorted(nearest, key=lambda slot: str(slot["starts_at"]))


@cache
def _around_an_instant() -> Select[Any]:
    """Built once: every loser of a slot is offered some, and building it costs as much as asking."""
    around = bindparam("around", type_=Slot.starts_at.type)
    mine = (Slot.doctor_id == bindparam("doctor_id"), Slot.starts_at > NOW)
    opened = select(Slot.id).where(*mine, IS_OPEN).limit(bindparam("most", type_=Integer))
    later = opened.where(Slot.starts_at >= around).order_by(Slot.starts_at).subquery()
    earlier = opened.where(Slot.starts_at < around).order_by(Slot.starts_at.desc()).subquery()
    return _slots_with(select(later.c.id), select(earlier.c.id), _lapsed(*mine))


def days_with_free(
    connection: Connection, doctor_id: int, zone: ZoneInfo, first_day: date, last_day: date
) -> dict[date, int]:
    """How many free times to come the days of the range have, in the zone; empty days are left out."""
    starts = connection.execute(
        select(Slot.starts_at).where(
            Slot.doctor_id == doctor_id,
            NOT_BLOCKED,
            is_free(),
            Slot.starts_at > NOW,
            Slot.starts_at >= day_bounds(first_day, zone)[0],
            Slot.starts_at < day_bounds(last_day, zone)[1],
        )
    ).scalars()
    return dict(sorted(Counter(local_day(moment, zone) for moment in starts).items()))


def _lapsed(*conditions: ColumnElement[bool]) -> Select[Any]:
    return select(Slot.id).where(IS_HELD, Slot.hold_until <= NOW, *conditions)


def _documents(connection: Connection, *ids: Select[Any]) -> list[Document]:
    """The slots with these ids, by start; one statement."""
    return [slot_document(row) for row in connection.execute(_slots_with(*ids))]


def _slots_with(*ids: Select[Any]) -> Select[Any]:
    return select_slots().where(Slot.id.in_(union_all(*ids))).order_by(Slot.starts_at)


def _distance(slot: Document, around: datetime) -> float:
    return abs((datetime.fromisoformat(slot["starts_at"]) - around).total_seconds())
