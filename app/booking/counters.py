"""How many bookings there are, however many: sums of what triggers on `bookings` added."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, delete, func, insert, literal, select

from app.coordination.leadership import Term, require_term
from app.database import Database, db_now
from app.tables.booking import Booking, BookingStatus
from app.tables.counts import BookingCount

#: So many rows are summed in half a millisecond; fewer are not worth a transaction.
FOLDED_FROM = 500
FOLDED_AT_ONCE = 5000
_LAPSED = "lapsed"


def count_everything(connection: Connection) -> Counter[str]:
    """Bookings by the status they show, zeros left out: a hold whose deadline has passed as EXPIRED.

    One statement, so one moment: exactly what counting the rows would have found then."""
    kept = select(BookingCount.status, func.sum(BookingCount.amount)).group_by(BookingCount.status)
    # What has a deadline is PENDING, by a constraint; asked for both, a planner may take the larger index.
    lapsed = select(literal(_LAPSED), func.count()).where(Booking.expires_at <= _this_moment(connection))
    rows = connection.execute(kept.union_all(lapsed))
    found = Counter({str(status): int(amount) for status, amount in rows})
    overdue = found.pop(_LAPSED)
    found[BookingStatus.PENDING] -= overdue
    found[BookingStatus.EXPIRED] += overdue
    return +found


def _this_moment(connection: Connection) -> ColumnElement[datetime]:
    """A clock that PostgreSQL knows while it plans: with any other it expects a third of all bookings to have
    lapsed, and starts two processes to count them."""
    return func.statement_timestamp() if connection.dialect.name == "postgresql" else db_now()


def fold_counts(database: Database, term: Term | None = None) -> int:
    """Make many rows few, without changing a sum; how many are gone. With a term, only while it is the
    current one.

    Bookings go on meanwhile: what they add is new rows, which nobody else touches. Raises Deposed."""
    folded = 0
    while _are_many(database):
        folded += database.run(lambda tx: _fold(tx, term))
    return folded


def _are_many(database: Database) -> bool:
    """A quiet time costs one read, not a write transaction."""
    with database.read() as connection:
        beyond = select(BookingCount.id).offset(FOLDED_FROM).limit(1)
        return connection.execute(beyond).first() is not None


def _fold(tx: Connection, term: Term | None) -> int:
    """Taken out and put back as sums in one transaction: a reader finds the ones or the others. Whoever folds
    at the same time waits for these rows and finds them gone."""
    if term is not None:
        require_term(tx, term)
    oldest = select(BookingCount.id).order_by(BookingCount.id).limit(FOLDED_AT_ONCE)
    gone = delete(BookingCount).where(BookingCount.id.in_(oldest))
    rows = tx.execute(gone.returning(BookingCount.status, BookingCount.amount)).all()
    sums: Counter[str] = Counter()
    for status, amount in rows:
        sums[status] += amount
    left = [{"status": status, "amount": amount} for status, amount in sums.items() if amount]
    if left:
        tx.execute(insert(BookingCount), left)
    return len(rows) - len(left)
