"""The VTIMEZONE of a zone for the years around an appointment (RFC 5545 section 3.6.5).

icalendar can make one, but writes the start of a daylight period as the wall time after the change;
the standard wants the wall time before it, and calendars that believe it are an hour late that day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from icalendar import Timezone, TimezoneDaylight, TimezoneStandard

ONE_DAY, ONE_MINUTE = timedelta(days=1), timedelta(minutes=1)


@lru_cache(maxsize=64)
def vtimezone(zone: ZoneInfo, year: int, last_year: int | None = None) -> Timezone:
    """The component, not to be changed; right from the start of the year before to the end of the one after
    the last."""
    last_year = last_year or year
    first, last = datetime(year - 1, 1, 1, tzinfo=UTC) - ONE_DAY, datetime(last_year + 2, 1, 1, tzinfo=UTC)
    component = Timezone()
    component.add("tzid", zone.key)
    component.add_component(_period(zone, first, zone_offset(zone, first)))
    for change in changes(zone, first, last):
        component.add_component(_period(zone, change, zone_offset(zone, change - ONE_MINUTE)))
    return component


@lru_cache(maxsize=64)
def vtimezone_lines(zone: ZoneInfo, year: int) -> bytes:
    """The component as it stands in a file."""
    text: bytes = vtimezone(zone, year).to_ical()
    return text


def changes(zone: ZoneInfo, first: datetime, last: datetime) -> Iterator[datetime]:
    """The instants between first and last at which the zone's offset changes."""
    day = first
    while day < last:
        if zone_offset(zone, day) != zone_offset(zone, day + ONE_DAY):
            yield _moment_of_change(zone, day, day + ONE_DAY)
        day += ONE_DAY


def zone_offset(zone: ZoneInfo, instant: datetime) -> timedelta:
    offset = instant.astimezone(zone).utcoffset()
    if offset is None:
        raise AssertionError("an aware datetime in an IANA zone has an offset")
    return offset


def _moment_of_change(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    while after - before > ONE_MINUTE:
        middle = before + (after - before) // ONE_MINUTE // 2 * ONE_MINUTE
        if zone_offset(zone, middle) == zone_offset(zone, before):
            before = middle
        else:
            after = middle
    return after


def _period(zone: ZoneInfo, start: datetime, offset_before: timedelta) -> TimezoneStandard | TimezoneDaylight:
    local = start.astimezone(zone)
    period = TimezoneDaylight() if local.dst() else TimezoneStandard()
    period.add("dtstart", (start + offset_before).replace(tzinfo=None))
    period.add("tzoffsetfrom", offset_before)
    period.add("tzoffsetto", zone_offset(zone, start))
    period.add("tzname", local.tzname())
    return period
