"""Success against conflict: what was booked, and how often a time could not be had. No part of a booking."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects import postgresql, sqlite

from app.clock import Clock
from app.coordination.later import Later
from app.database import Database
from app.tables.booking import Booking
from app.tables.tally import RefusalTally

#: While a slot is hot the next refusals are there as soon as the last were counted, each time a transaction.
REST_SECONDS = 0.25


@dataclass(frozen=True)
class Attempts:
    """What became of the attempts of a span."""

    booked: int
    #: By reason, the most frequent first.
    refused: Mapping[str, int]

    @property
    def conflicts(self) -> int:
        return sum(self.refused.values())

    @property
    def success_percent(self) -> float | None:
        attempts = self.booked + self.conflicts
        return round(100 * self.booked / attempts, 1) if attempts else None


def build_tally(database: Database, clock: Clock) -> Later[str]:
    """Takes the reason of each conflict and writes what has gathered; a burst is few statements."""

    def write(reasons: Sequence[str]) -> None:
        database.run(lambda tx: count_refusals(tx, reasons, clock.now()))

    return Later(write, rest_seconds=REST_SECONDS)


def count_refusals(tx: Connection, reasons: Sequence[str], now: datetime) -> None:
    """Reasons in one order, so that two nodes that count at once do not wait for each other in a ring."""
    insert = (postgresql if tx.dialect.name == "postgresql" else sqlite).insert(RefusalTally)
    hour = now.replace(minute=0, second=0, microsecond=0)
    for reason, count in sorted(Counter(reasons).items()):
        statement = insert.values(hour=hour, reason=reason, count=count)
        added = {"count": RefusalTally.count + statement.excluded.count}
        tx.execute(statement.on_conflict_do_update(index_elements=["hour", "reason"], set_=added))


def read_attempts(connection: Connection, begin: datetime, end: datetime) -> Attempts:
    """What was booked and refused in the span, by when it was tried."""
    made = select(func.count()).where(
        Booking.created_at >= begin, Booking.created_at < end, Booking.confirmed_at.is_not(None)
    )
    number = func.sum(RefusalTally.count)
    refused = connection.execute(
        select(RefusalTally.reason, number)
        .where(RefusalTally.hour >= begin, RefusalTally.hour < end)
        .group_by(RefusalTally.reason)
        .order_by(number.desc(), RefusalTally.reason)
    )
    return Attempts(connection.execute(made).scalar_one(), {reason: int(count) for reason, count in refused})
