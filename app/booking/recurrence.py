"""The times of an appointment that repeats, on the wall clock of the clinic. Pure.

Every Tuesday at nine stays nine when the clocks are changed (RFC 5545 section 3.3.10)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum
from itertools import islice
from zoneinfo import ZoneInfo

from dateutil.rrule import DAILY, MONTHLY, WEEKLY, rrule

from app.directory.wall_time import first_instant, reached
from app.errors import ValidationFailed

MOST_TIMES = 60
#: What a patient repeats alone is within what an account may book at a stretch.
MOST_TIMES_OF_A_PATIENT = 10
MOST_EVERY = 12
LONGEST_YEARS = 2


class Frequency(StrEnum):
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"


RRULE = {Frequency.DAILY: DAILY, Frequency.WEEKLY: WEEKLY, Frequency.MONTHLY: MONTHLY}


@dataclass(frozen=True)
class Repeat:
    """Every so many days, weeks or months, so many times in all or up to a day, the first one counted.

    A month without the day, such as 31 April, is left out."""

    frequency: Frequency
    every: int = 1
    count: int | None = None
    until: date | None = None

    def text(self) -> str:
        """The rule as RFC 5545 writes it."""
        end = f"COUNT={self.count}" if self.count else f"UNTIL={self.until:%Y%m%d}T235959"
        return f"FREQ={self.frequency.upper()};INTERVAL={self.every};{end}"


@dataclass(frozen=True)
class Occasion:
    """One time of the series: what the clinic's clocks show, and when that is; None when they skip it."""

    local: datetime
    starts_at: datetime | None
    #: The same, or about when a skipped reading would have been.
    around: datetime

    @classmethod
    def of(cls, local: datetime, zone: ZoneInfo) -> Occasion:
        return cls(local, first_instant(local, zone), reached(local, zone))


def occasions(repeat: Repeat, first: datetime, zone: ZoneInfo, most: int = MOST_TIMES) -> list[Occasion]:
    """All times of the series, the first one included. Raises ValidationFailed naming the field."""
    local = first.astimezone(zone).replace(tzinfo=None)
    _check(repeat, local, most)
    rule = rrule(
        RRULE[repeat.frequency],
        interval=repeat.every,
        dtstart=local,
        count=repeat.count,
        until=repeat.until and datetime.combine(repeat.until, time.max),
    )
    times = list(islice(rule, most + 1))
    field = "count" if repeat.count else "until"
    if len(times) > most:
        raise ValidationFailed.of(field, f"that are more than {most} times")
    if len(times) < 2:
        raise ValidationFailed.of(field, "that is no second time")
    if times[-1].year - local.year > LONGEST_YEARS:
        raise ValidationFailed.of(field, f"must end within {LONGEST_YEARS} years")
    # Of an hour that is shown twice the first booking may be the second one; the others are the first.
    return [Occasion(local, first, first), *(Occasion.of(each, zone) for each in times[1:])]


def _check(repeat: Repeat, local: datetime, most: int) -> None:
    if not 1 <= repeat.every <= MOST_EVERY:
        raise ValidationFailed.of("every", f"must be 1 to {MOST_EVERY}")
    if (repeat.count is None) == (repeat.until is None):
        raise ValidationFailed.of("count", "give either count or until")
    if repeat.count is not None and not 2 <= repeat.count <= most:
        raise ValidationFailed.of("count", f"must be 2 to {most}")
    if repeat.until is not None and repeat.until <= local.date():
        raise ValidationFailed.of("until", "must be after the first time")


def moved_local(local: datetime, old: datetime, new: datetime) -> datetime:
    """Where a time of the series goes when another one goes from old to new, all on the wall clock."""
    return datetime.combine(local.date() + (new.date() - old.date()), new.time())
