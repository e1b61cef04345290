"""Days, times and zones in words of the reader's language: the server's locale must not change a page."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from app.languages.days import long_day, month_title, short_day, spoken_day, zone_name
from app.languages.texts import _, ngettext, translated
from app.web.failures import Failure

__all__ = [
    "clock_time", "instant", "long_day", "minutes", "month_title", "near_day", "seconds", "short_day",
    "span", "spoken_day", "words_of", "zone_offset",
]  # fmt: skip


def instant(text: str) -> datetime:
    """An ISO 8601 instant of a document as an aware datetime."""
    return datetime.fromisoformat(text)


def near_day(day: date, today: date) -> str:
    """Today, Tomorrow, or Thu 3 Dec; with the year when it is not this one."""
    if day == today:
        return _("Today")
    if day == today + timedelta(days=1):
        return _("Tomorrow")
    return short_day(day) if day.year == today.year else f"{short_day(day)} {day.year}"


def clock_time(moment: datetime, zone: ZoneInfo) -> str:
    """10:00 on the wall of that zone."""
    return f"{moment.astimezone(zone):%H:%M}"


def zone_offset(moment: datetime, zone: ZoneInfo) -> str:
    """CET, UTC+1: the offset on the day of the appointment, which is not always today's."""
    local = moment.astimezone(zone)
    offset = _offset(local)
    name = zone_name(local)
    # Zones without a customary abbreviation call themselves "+03".
    return f"{name}, {offset}" if name[:1].isalpha() and name != "UTC" else offset


def _offset(local: datetime) -> str:
    minutes = int((local.utcoffset() or timedelta()).total_seconds() // 60)
    if minutes == 0:
        return "UTC"
    hours, rest = divmod(abs(minutes), 60)
    sign = "+" if minutes > 0 else "\N{MINUS SIGN}"
    return f"UTC{sign}{hours}" + (f":{rest:02}" if rest else "")


def words_of(failure: Failure) -> str:
    """What a refusal says, in the language that is meant; of a form every field with its reason."""
    wrong = failure.extras.get("errors")
    if not wrong:
        return translated(failure.detail)
    return "; ".join(f"{each['field']}: {translated(each['message'])}" for each in wrong)


def seconds(number: int) -> str:
    """1 second, 40 seconds."""
    return ngettext("%(num)s second", "%(num)s seconds", number)


def minutes(number: int) -> str:
    """1 minute, 30 minutes."""
    return ngettext("%(num)s minute", "%(num)s minutes", number)


def span(duration: float) -> str:
    """About how long: 40 seconds, 2 minutes."""
    whole = max(1, round(duration))
    return seconds(whole) if whole < 100 else minutes(-(-whole // 60))
