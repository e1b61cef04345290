"""How the clinic is doing, counted by the database: bookings by day and hour, no-shows, lead time, use.

Bookings are grouped into quarters of an hour by SQL and folded into local days and hours here: every zone's
offset is a multiple of a quarter, so that is exact across clock changes too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, Integer, and_, case, cast, func, literal_column, select

from app.tables.booking import Booking, BookingStatus, Slot, SlotState
from app.tables.directory import Doctor

QUARTER_SECONDS = 900
SECONDS_PER_DAY = 86_400
LOST = frozenset({BookingStatus.CANCELLED, BookingStatus.EXPIRED, BookingStatus.FAILED})


@dataclass(frozen=True)
class Use:
    """How much of a doctor's offered time was used."""

    doctor_id: int
    name: str
    taken: int
    offered: int

    @property
    def percent(self) -> int:
        return round(100 * self.taken / self.offered) if self.offered else 0


@dataclass(frozen=True)
class Statistics:
    """Appointments that begin in a span, in the clinic's zone."""

    by_status: Mapping[str, int]
    kept_by_day: Mapping[date, int]
    cancelled_by_day: Mapping[date, int]
    kept_by_hour: Mapping[int, int]
    use: list[Use] = field(default_factory=list)
    #: From booking to appointment, of those that were not cancelled; None without any.
    lead_days: float | None = None

    @property
    def total(self) -> int:
        return sum(self.by_status.values())

    @property
    def no_show_percent(self) -> float | None:
        """Of those who should have come by now."""
        came = self.by_status.get(BookingStatus.COMPLETED, 0)
        missed = self.by_status.get(BookingStatus.NO_SHOW, 0)
        return round(100 * missed / (came + missed), 1) if came + missed else None


def read_statistics(connection: Connection, begin: datetime, end: datetime, zone: ZoneInfo) -> Statistics:
    """Everything about the span, in two statements: one pass over its bookings, one over its slots."""
    by_status: Counter[str] = Counter()
    kept_days: Counter[date] = Counter()
    lost_days: Counter[date] = Counter()
    hours: Counter[int] = Counter()
    ahead_seconds = 0.0
    for quarter, status, number, ahead in connection.execute(_quarters(connection.dialect.name, begin, end)):
        local = datetime.fromtimestamp(int(quarter) * QUARTER_SECONDS, UTC).astimezone(zone)
        by_status[status] += number
        if status in LOST:
            lost_days[local.date()] += number if status == BookingStatus.CANCELLED else 0
        elif status != BookingStatus.PENDING:
            kept_days[local.date()] += number
            hours[local.hour] += number
            ahead_seconds += float(ahead)
    return Statistics(
        by_status=dict(by_status),
        kept_by_day=_every_day(kept_days, begin, end, zone),
        cancelled_by_day=_every_day(lost_days, begin, end, zone),
        kept_by_hour=dict(sorted(hours.items())),
        use=_use(connection, begin, end),
        lead_days=ahead_seconds / SECONDS_PER_DAY / hours.total() if hours else None,
    )


def _of_span(begin: datetime, end: datetime) -> ColumnElement[bool]:
    return and_(Booking.doctor_id.is_not(None), Booking.starts_at >= begin, Booking.starts_at < end)


def _epoch(dialect: str, column: Any) -> ColumnElement[Any]:
    if dialect == "postgresql":
        return func.date_part("epoch", column)
    return cast(func.strftime(literal_column("'%s'"), column), Integer)


def _quarters(dialect: str, begin: datetime, end: datetime) -> Any:
    # Rounded down by SQL itself: a cast of a fraction rounds up in PostgreSQL and down in SQLite.
    seconds = _epoch(dialect, Booking.starts_at)
    grouped = cast(func.floor(seconds / float(QUARTER_SECONDS)), Integer).label("quarter")
    return (
        select(grouped, Booking.status, func.count(), func.sum(seconds - _epoch(dialect, Booking.created_at)))
        .where(_of_span(begin, end))
        .group_by(grouped, Booking.status)
    )


def _use(connection: Connection, begin: datetime, end: datetime) -> list[Use]:
    taken = func.sum(case((Slot.state == SlotState.BOOKED, 1), else_=0))
    rows = connection.execute(
        select(Doctor.id, Doctor.name, taken, func.count())
        .join(Slot, Slot.doctor_id == Doctor.id)
        .where(Slot.state != SlotState.BLOCKED, Slot.lane == 0, Slot.starts_at >= begin, Slot.starts_at < end)
        .group_by(Doctor.id, Doctor.name)
        .order_by(Doctor.name, Doctor.id)
    )
    return [Use(doctor_id, name, int(number), offered) for doctor_id, name, number, offered in rows]


def _every_day(found: Mapping[date, int], begin: datetime, end: datetime, zone: ZoneInfo) -> dict[date, int]:
    """Days without any are days too."""
    first = begin.astimezone(zone).date()
    last = (end - timedelta(seconds=1)).astimezone(zone).date()
    days = (first + timedelta(days=ahead) for ahead in range((last - first).days + 1))
    return {day: found.get(day, 0) for day in days}
