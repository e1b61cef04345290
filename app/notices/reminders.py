"""Reminders: a notice for every appointment that is near, queued once, however often it is looked for.

The unique key of a notice (booking, kind, sequence) makes a second one impossible; a moved appointment has a
new sequence and gets a new reminder. What was missed during an outage is found by the same query."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Row, exists, func, literal, select, update

from app.clinic import rules
from app.database import db_now
from app.notices import queue
from app.notices.queue import Kind
from app.tables.accounts import User
from app.tables.booking import Booking, BookingStatus
from app.tables.journal import Notice

AT_ONCE = 200
SECONDS_PER_HOUR = 3600
LONGEST_SECONDS = 7 * 24 * SECONDS_PER_HOUR


def queue_due(tx: Connection) -> list[uuid.UUID]:
    """Queue the reminders that are due and not there yet; which notices those are."""
    due = tx.execute(_due(rules.read(tx).reminder_hours)).all()
    return [added for row in due if (added := _queue(tx, row)) is not None]


def _due(usual_hours: int) -> Any:
    wanted = func.coalesce(Booking.reminder_hours, User.reminder_hours, literal(usual_hours))
    known = exists().where(
        Notice.booking_id == Booking.id,
        Notice.kind == Kind.REMINDER.value,
        Notice.sequence == Booking.sequence,
    )
    return (
        select(Booking.id, Booking.sequence, Booking.starts_at, Booking.confirmed_at, wanted.label("hours"))
        .outerjoin(User, User.id == Booking.user_id)
        .where(
            Booking.status == BookingStatus.CONFIRMED,
            Booking.patient_email.is_not(None),
            Booking.starts_at > db_now(),
            Booking.starts_at <= db_now(LONGEST_SECONDS),
            wanted > 0,
            Booking.starts_at <= db_now(wanted * SECONDS_PER_HOUR),
            ~known,
        )
        .order_by(Booking.starts_at, Booking.id)
        .limit(AT_ONCE)
    )


def _queue(tx: Connection, row: Row[Any]) -> uuid.UUID | None:
    """None for whoever booked when it was that near already: the confirmation was their reminder."""
    notice_id = queue.add(tx, row.id, Kind.REMINDER, row.sequence)
    if row.confirmed_at is None or row.confirmed_at < row.starts_at - timedelta(hours=row.hours):
        return notice_id
    tx.execute(
        update(Notice)
        .where(Notice.id == notice_id, Notice.status == "QUEUED", Notice.attempts == 0)
        .values(status="SKIPPED", last_error="booked when it was that near already")
    )
    return None
