"""Finding bookings: one, a page of many, counts, and the slot a person means."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from app.booking.counters import count_everything
from app.booking.documents import Document, booking_document, booking_documents, select_bookings, shown_status
from app.booking.rules import Actor
from app.database import db_now
from app.errors import NotFound
from app.tables.booking import Booking, BookingStatus, Slot, SlotState
from app.tables.directory import Doctor

DAYS_TO_LOOK_AHEAD = 60


@dataclass(frozen=True)
class BookingFilter:
    """What a list of bookings is narrowed to; None means any."""

    user_id: uuid.UUID | None = None
    status: BookingStatus | None = None
    doctor_id: int | None = None
    showtime_id: int | None = None
    starts_from: datetime | None = None
    starts_before: datetime | None = None
    #: Doctors' times alone, not seats.
    only_appointments: bool = False
    #: For staff of some doctors: theirs, and the reader's own.
    seen_by: Actor | None = None


def find_booking(connection: Connection, booking_id: uuid.UUID, actor: Actor) -> Document:
    """The booking, if the actor may see it; NotFound for strangers and for what does not exist alike."""
    document = booking_document(connection, booking_id)
    owner = uuid.UUID(document["user_id"]) if document and document["user_id"] else None
    doctor_id = int(document["doctor_id"]) if document and document["doctor_id"] else None
    if document is None or not actor.may_see(booking_id, owner, doctor_id):
        raise NotFound("There is no such booking.")
    return document


def bookings_after(
    connection: Connection, narrow: BookingFilter, after: tuple[datetime, uuid.UUID] | None, limit: int
) -> list[Document]:
    """Up to limit bookings, newest first, that come after the given (created_at, id)."""
    query = select_bookings().where(*_conditions(narrow))
    if after is not None:
        created_at, booking_id = after
        query = query.where(
            or_(
                Booking.created_at < created_at,
                and_(Booking.created_at == created_at, Booking.id < booking_id),
            )
        )
    query = query.order_by(Booking.created_at.desc(), Booking.id.desc()).limit(limit)
    return booking_documents(connection, list(connection.execute(query)))


def count_bookings(connection: Connection, narrow: BookingFilter) -> Document:
    """How many bookings there are, in all and per status.

    All of them are never counted, but kept (counters.py). One's own, or those of some doctors, are counted by
    an index: they grow with one person's years, not with the clinic."""
    found = _count(connection, narrow) if _conditions(narrow) else count_everything(connection)
    by_status = {name.value: found.get(name.value, 0) for name in BookingStatus}
    return {"total": sum(by_status.values()), "by_status": by_status}


def _count(connection: Connection, narrow: BookingFilter) -> dict[str, int]:
    status = shown_status()
    rows = connection.execute(
        select(status.label("status"), func.count()).where(*_conditions(narrow)).group_by(status)
    )
    return {str(shown): int(number) for shown, number in rows}


def find_slot(connection: Connection, doctor_id: int, when: datetime | time) -> int:
    """The doctor's slot that starts then; a wall time means the next day that has one at that local time.

    Raises NotFound."""
    starts = [when] if isinstance(when, datetime) else _coming_days(connection, doctor_id, when)
    slot_id = connection.execute(
        select(Slot.id)
        .where(Slot.doctor_id == doctor_id, Slot.starts_at.in_(starts), Slot.state != SlotState.BLOCKED)
        .order_by(Slot.starts_at)
        .limit(1)
    ).scalar()
    if slot_id is None:
        raise NotFound("This doctor has no slot at that time.")
    return slot_id


def _coming_days(connection: Connection, doctor_id: int, wall_time: time) -> list[datetime]:
    row = connection.execute(
        select(Doctor.timezone, db_now().label("now")).where(Doctor.id == doctor_id)
    ).first()
    if row is None:
        raise NotFound("There is no such doctor.")
    today = row.now.astimezone(ZoneInfo(row.timezone)).date()
    days = (today + timedelta(days=ahead) for ahead in range(DAYS_TO_LOOK_AHEAD))
    starts = (datetime.combine(day, wall_time, tzinfo=ZoneInfo(row.timezone)) for day in days)
    return [start for start in starts if start > row.now]


def _conditions(narrow: BookingFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if narrow.user_id is not None:
        conditions.append(Booking.user_id == narrow.user_id)
    if narrow.status is not None:
        conditions.append(shown_status() == narrow.status)
    if narrow.doctor_id is not None:
        conditions.append(Booking.doctor_id == narrow.doctor_id)
    if narrow.seen_by is not None and narrow.seen_by.doctors is not None:
        theirs = Booking.doctor_id.in_(sorted(narrow.seen_by.doctors))
        conditions.append(or_(theirs, Booking.user_id == narrow.seen_by.user_id))
    if narrow.only_appointments:
        conditions.append(Booking.doctor_id.is_not(None))
    if narrow.showtime_id is not None:
        conditions.append(Booking.showtime_id == narrow.showtime_id)
    if narrow.starts_from is not None:
        conditions.append(Booking.starts_at >= narrow.starts_from)
    if narrow.starts_before is not None:
        conditions.append(Booking.starts_at < narrow.starts_before)
    return conditions
