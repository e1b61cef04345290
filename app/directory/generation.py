"""Turns a doctor's working windows into slots. Pure: the same input gives the same slots.

Starts are wall-clock times of the doctor's zone, lengths are absolute; so a nine o'clock slot is
at nine in summer and winter, and half an hour is half an hour while clocks change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from app.directory.spans import Span
from app.directory.wall_time import MINUTES_PER_DAY, first_instant, on_day, reached
from app.errors import ValidationFailed

SHORTEST_MINUTES = 5
LONGEST_MINUTES = 480
MOST_DAYS = 366
MOST_SLOTS = 20_000
LAST_YEAR = 2100
SATURDAY = 5


class SkipReason(StrEnum):
    """Why a time of the window did not become a slot."""

    NO_SUCH_LOCAL_TIME = "NO_SUCH_LOCAL_TIME"
    CLOCK_CHANGE = "CLOCK_CHANGE"
    IN_THE_PAST = "IN_THE_PAST"
    ALREADY_THERE = "ALREADY_THERE"
    OVERLAP = "OVERLAP"
    CLOSED = "CLOSED"


@dataclass(frozen=True)
class Window:
    """The same hours on each day from first_day to last_day; minutes are counted from midnight."""

    first_day: date
    last_day: date
    opens_minute: int
    closes_minute: int
    duration_minutes: int
    exclude_weekends: bool = False
    #: What the request called first_day, so that a refusal names the right field.
    first_day_field: str = "start_date"

    def days(self) -> Iterator[date]:
        for offset in range((self.last_day - self.first_day).days + 1):
            day = self.first_day + timedelta(days=offset)
            if not (self.exclude_weekends and day.weekday() >= SATURDAY):
                yield day

    def start_minutes(self) -> range:
        """Starts of slots that end by closing time, in minutes from midnight."""
        return range(self.opens_minute, self.closes_minute - self.duration_minutes + 1, self.duration_minutes)


@dataclass(frozen=True)
class Skipped:
    """A wall-clock time of the window that was left out."""

    local: datetime
    reason: SkipReason


def check_window(window: Window, today: date) -> None:
    """Raises ValidationFailed naming every field that cannot be used."""
    problems = dict(_wrong_hours(window)) | dict(_wrong_days(window, today))
    if not problems and len(window.start_minutes()) * len(list(window.days())) > MOST_SLOTS:
        problems["end_date"] = f"would make more than {MOST_SLOTS} slots in one call; use a shorter range"
    if problems:
        errors = [{"field": field, "message": message} for field, message in problems.items()]
        raise ValidationFailed("; ".join(f"{e['field']}: {e['message']}" for e in errors), errors=errors)


def generate(window: Window, zone: ZoneInfo) -> tuple[list[Span], list[Skipped]]:
    """The slots of the window in ascending order, and the times that clock changes left out."""
    slots: list[Span] = []
    skipped: list[Skipped] = []
    for day in window.days():
        closes_at = reached(on_day(day, window.closes_minute), zone)
        for minute in window.start_minutes():
            local = on_day(day, minute)
            starts_at = first_instant(local, zone)
            if starts_at is None:
                skipped.append(Skipped(local, SkipReason.NO_SUCH_LOCAL_TIME))
                continue
            slot = Span(starts_at, starts_at + timedelta(minutes=window.duration_minutes))
            if slot.ends_at > closes_at or (slots and slot.overlaps(slots[-1])):
                skipped.append(Skipped(local, SkipReason.CLOCK_CHANGE))
                continue
            slots.append(slot)
    return slots, skipped


def _wrong_hours(window: Window) -> Iterator[tuple[str, str]]:
    if not 0 <= window.opens_minute < MINUTES_PER_DAY:
        yield "start_time", "must be a time of the day"
    if window.closes_minute <= window.opens_minute:
        yield "end_time", "must be later than start_time"
        return
    if not SHORTEST_MINUTES <= window.duration_minutes <= LONGEST_MINUTES:
        yield "duration_minutes", f"must be between {SHORTEST_MINUTES} and {LONGEST_MINUTES}"
    elif window.duration_minutes > window.closes_minute - window.opens_minute:
        yield "duration_minutes", "is longer than the time between start_time and end_time"


def _wrong_days(window: Window, today: date) -> Iterator[tuple[str, str]]:
    if window.first_day < today:
        yield window.first_day_field, "is in the past"
    if window.first_day.year > LAST_YEAR:
        yield window.first_day_field, f"must not be after {LAST_YEAR}"
    elif window.last_day < window.first_day:
        yield "end_date", f"must not be before {window.first_day_field}"
    elif window.last_day.year > LAST_YEAR:
        yield "end_date", f"must not be after {LAST_YEAR}"
    elif (window.last_day - window.first_day).days >= MOST_DAYS:
        yield "end_date", f"must be within {MOST_DAYS} days of {window.first_day_field}"
