"""What is not needed any more is not kept: addresses for a day, tries and ended logins for a month, and who
a booking was for until so long after its end. The audit stays."""

from __future__ import annotations

from sqlalchemy import Connection, and_, delete, update

from app.accounts.forgetting import FORGOTTEN, forget_bookings
from app.database import db_now
from app.tables.accounts import AccountMail, Attempt, Session
from app.tables.booking import Booking
from app.tables.journal import IdempotencyRecord

DAY = 86_400
ENDED_LOGINS_DAYS = 30


def forget_what_is_old(tx: Connection, retention_days: int) -> int:
    """One round; harmless twice. How many bookings were taken their person."""
    tx.execute(
        update(Booking)
        .where(Booking.origin.is_not(None), Booking.created_at < db_now(-DAY))
        .values(origin=None, updated_at=Booking.updated_at)
    )
    tx.execute(delete(Attempt).where(Attempt.since < db_now(-DAY)))
    tx.execute(delete(IdempotencyRecord).where(IdempotencyRecord.created_at < db_now(-DAY)))
    old = db_now(-ENDED_LOGINS_DAYS * DAY)
    tx.execute(delete(Session).where(Session.created_at < old))
    tx.execute(delete(AccountMail).where(AccountMail.created_at < old))
    return forget_bookings(
        tx,
        and_(
            Booking.ends_at < db_now(-retention_days * DAY),
            Booking.patient_name.is_not(None),
            Booking.patient_name != FORGOTTEN,
        ),
    )
