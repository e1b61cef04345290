"""A month as the calendar shows it: weeks of day cells with their accessible names."""

from __future__ import annotations

import calendar
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from app.languages.texts import _, ngettext
from app.web.pages.wording import month_title, spoken_day

MONDAY_FIRST = calendar.Calendar(firstweekday=calendar.MONDAY)


@dataclass(frozen=True)
class DayCell:
    """One day of the grid. Only a day with free times can be chosen."""

    day: date
    free_times: int
    is_past: bool
    is_today: bool
    is_selected: bool

    @property
    def label(self) -> str:
        """What a screen reader says: Thursday 3 December, 5 times available."""
        day = spoken_day(self.day)
        if self.is_today:
            day = _("today, %(day)s", day=day)
        if self.is_past:
            return _("%(day)s, in the past", day=day)
        if not self.free_times:
            return _("%(day)s, no times available", day=day)
        return ngettext(
            "%(day)s, %(num)s time available", "%(day)s, %(num)s times available", self.free_times, day=day
        )


@dataclass(frozen=True)
class Month:
    """The weeks of a month, Monday first; None pads the first and last week."""

    first: date
    weeks: tuple[tuple[DayCell | None, ...], ...]
    #: None when there is nothing to see there: before this month, or beyond the last bookable day.
    previous: date | None
    following: date | None

    @property
    def title(self) -> str:
        return month_title(self.first)


def month_of(day: date) -> date:
    return day.replace(day=1)


def next_month(first: date) -> date:
    return (first + timedelta(days=32)).replace(day=1)


def last_day(first: date) -> date:
    return next_month(first) - timedelta(days=1)


def build_month(
    first: date, free: Mapping[date, int], *, today: date, selected: date | None, last_bookable: date
) -> Month:
    """The grid of the month that begins on first, with the number of free times of each day."""

    def cell(day: date) -> DayCell | None:
        if day.month != first.month:
            return None
        return DayCell(day, free.get(day, 0), day < today, day == today, day == selected)

    before, after = month_of(first - timedelta(days=1)), next_month(first)
    return Month(
        first=first,
        weeks=tuple(
            tuple(cell(day) for day in week)
            for week in MONDAY_FIRST.monthdatescalendar(first.year, first.month)
        ),
        previous=before if before >= month_of(today) else None,
        following=after if after <= last_bookable else None,
    )
