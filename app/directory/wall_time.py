"""What the clocks of a zone show, and the instants that stands for. Pure.

Twice a year a zone skips local times or shows them twice (PEP 495: gap and fold)."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

MINUTES_PER_DAY = 24 * 60


def on_day(day: date, minute_of_day: int) -> datetime:
    """A naive wall-clock reading; minute 1440 is midnight at the end of the day."""
    return datetime.combine(day, time.min) + timedelta(minutes=minute_of_day)


def first_instant(local: datetime, zone: ZoneInfo) -> datetime | None:
    """When the zone's clocks first show this reading; None when they skip it."""
    moment = reached(local, zone)
    return moment if moment.astimezone(zone).replace(tzinfo=None) == local else None


def reached(local: datetime, zone: ZoneInfo) -> datetime:
    """When this reading is reached; a skipped one counts as if the clocks had not been changed."""
    return local.replace(tzinfo=zone, fold=0).astimezone(UTC)


def day_bounds(day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The instants between which it is this day in the zone: 23, 24 or 25 hours apart."""
    return reached(on_day(day, 0), zone), reached(on_day(day, MINUTES_PER_DAY), zone)


def local_day(moment: datetime, zone: ZoneInfo) -> date:
    return moment.astimezone(zone).date()


def clock_text(minute_of_day: int) -> str:
    """540 -> 09:00; 1440 -> 24:00."""
    return f"{minute_of_day // 60:02d}:{minute_of_day % 60:02d}"
