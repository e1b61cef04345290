"""Everything the picker shows: which month, which day, which times. Used to book and to move."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from app.booking.availability import SlotFilter, list_slots
from app.booking.free_slots import days_with_free, next_free
from app.directory.placing import read_now
from app.directory.wall_time import day_bounds, local_day
from app.web.api.fields import EARLIEST_YEAR, LATEST_YEAR
from app.web.pages.day_list import DayList, build_day
from app.web.pages.month import Month, build_month, last_day, month_of
from app.web.pages.wording import instant, short_day

MOST_TIMES_PER_DAY = 300
#: next_free() looks strictly after an instant; a slot may start on the stroke of midnight.
MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True)
class Wish:
    """What the address asks for: a day, or only a month."""

    day: date | None = None
    month: date | None = None

    @classmethod
    def of(cls, args: Mapping[str, str]) -> Wish:
        """What cannot be read counts as not asked for."""
        day = date_in(args.get("date"))
        month = date_in(f"{args['month']}-01") if "month" in args else None
        return cls(day, month)


@dataclass(frozen=True)
class Jump:
    """The next day with a free time."""

    day: date
    words: str


@dataclass(frozen=True)
class Picker:
    month: Month
    day: DayList | None
    #: Where to go when the month or the day shown has nothing.
    jump: Jump | None
    has_any: bool


def read_picker(
    connection: Connection, doctor: Mapping[str, Any], wish: Wish, my_slot_id: str | None
) -> Picker:
    """The month and day asked for, else the first day that has a free time."""
    zone, doctor_id = ZoneInfo(doctor["timezone"]), int(doctor["id"])
    now = read_now(connection)
    today = local_day(now, zone)
    soonest = _next_day(connection, doctor_id, zone)
    first = month_of(max(today, wish.day or wish.month or soonest or today))
    free = days_with_free(connection, doctor_id, zone, first, last_day(first))
    later = _next_day(connection, doctor_id, zone, last_day(first))
    day = max(wish.day, today) if wish.day else min(free, default=None)
    jump_to = (
        None if day in free else _next_day(connection, doctor_id, zone, day or last_day(first)) or soonest
    )
    return Picker(
        month=build_month(first, free, today=today, selected=day, last_bookable=later or last_day(first)),
        day=_day(connection, doctor_id, day, zone, now, my_slot_id) if day else None,
        jump=Jump(jump_to, short_day(jump_to)) if jump_to else None,
        has_any=soonest is not None,
    )


def _day(
    connection: Connection, doctor_id: int, day: date, zone: ZoneInfo, now: datetime, my_slot_id: str | None
) -> DayList:
    wanted = SlotFilter(doctor_id=doctor_id, first_day=day, last_day=day)
    slots = list_slots(connection, wanted, limit=MOST_TIMES_PER_DAY)
    return build_day(day, slots, zone, now, my_slot_id)


def _next_day(
    connection: Connection, doctor_id: int, zone: ZoneInfo, after: date | None = None
) -> date | None:
    """The first day with a free time, or the first one after a day."""
    bound = day_bounds(after, zone)[1] - MOMENT if after else None
    slot = next_free(connection, [doctor_id], bound).get(doctor_id)
    return local_day(instant(slot["starts_at"]), zone) if slot else None


def date_in(text: str | None) -> date | None:
    """A day of the years we deal with; None for what cannot be read as one."""
    try:
        day = date.fromisoformat(text or "")
    except ValueError:
        return None
    return day if EARLIEST_YEAR <= day.year <= LATEST_YEAR else None
