"""The times of one day as the third panel lists them, and why others are missing. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from app.languages.texts import N_, _, ngettext
from app.web.pages.wording import clock_time, instant, spoken_day, zone_offset

NOON_HOUR, EVENING_HOUR = 12, 17


class TimeState(StrEnum):
    FREE = "free"
    HELD = "held"
    MINE = "mine"


@dataclass(frozen=True)
class Time:
    slot_id: str
    version: int
    time: str
    until: str
    starts_at: str
    state: TimeState


@dataclass(frozen=True)
class DayPart:
    """Morning, Afternoon or Evening with its times."""

    name: str
    times: tuple[Time, ...]


@dataclass(frozen=True)
class DayList:
    date: date
    title: str
    zone_name: str
    zone_offset: str
    parts: tuple[DayPart, ...]
    missing: tuple[str, ...]


def build_day(
    day: date, slots: Sequence[Mapping[str, Any]], zone: ZoneInfo, now: datetime, my_slot_id: str | None
) -> DayList:
    """The day's free and held times; those booked or past are only counted."""
    to_come = [slot for slot in slots if instant(slot["starts_at"]) > now]
    shown = [(slot, _state(slot, my_slot_id)) for slot in to_come]
    times = [_time(slot, state, zone) for slot, state in shown if state is not None]
    noon = datetime(day.year, day.month, day.day, NOON_HOUR, tzinfo=zone)
    return DayList(
        date=day,
        title=spoken_day(day),
        zone_name=zone.key,
        # The offset of this day's appointments: clocks may be changed between today and then.
        zone_offset=zone_offset(instant(slots[0]["starts_at"]) if slots else noon, zone),
        parts=_parts(times),
        missing=_missing(len(slots) - len(to_come), [state for _, state in shown]),
    )


def _state(slot: Mapping[str, Any], my_slot_id: str | None) -> TimeState | None:
    if slot["id"] == my_slot_id:
        return TimeState.MINE
    if slot["is_available"]:
        return TimeState.FREE
    return TimeState.HELD if slot["state"] == "HELD" else None


def _time(slot: Mapping[str, Any], state: TimeState, zone: ZoneInfo) -> Time:
    return Time(
        slot_id=slot["id"],
        version=slot["version"],
        time=clock_time(instant(slot["starts_at"]), zone),
        until=clock_time(instant(slot["ends_at"]), zone),
        starts_at=slot["starts_at"],
        state=state,
    )


def _parts(times: Sequence[Time]) -> tuple[DayPart, ...]:
    groups: dict[str, list[Time]] = {N_("Morning"): [], N_("Afternoon"): [], N_("Evening"): []}
    for time in times:
        hour = int(time.time[:2])
        groups["Morning" if hour < NOON_HOUR else "Afternoon" if hour < EVENING_HOUR else "Evening"].append(
            time
        )
    return tuple(DayPart(_(name), tuple(found)) for name, found in groups.items() if found)


def _missing(past: int, states: Sequence[TimeState | None]) -> tuple[str, ...]:
    booked, held = states.count(None), states.count(TimeState.HELD)
    reasons = []
    if booked:
        reasons.append(ngettext("%(num)s time is booked.", "%(num)s times are booked.", booked))
    if held:
        reasons.append(
            ngettext(
                "%(num)s time is on hold for somebody and may come back within minutes.",
                "%(num)s times are on hold for somebody and may come back within minutes.",
                held,
            )
        )
    if past:
        reasons.append(ngettext("%(num)s time has passed.", "%(num)s times have passed.", past))
    reasons.append(_("At other hours the practice is closed or the doctor is away."))
    return tuple(reasons)
