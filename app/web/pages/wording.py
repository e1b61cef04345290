"""Days, times and zones in words. English names are ours: the server's locale must not change a page."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
SHORT = 3


def instant(text: str) -> datetime:
    """An ISO 8601 instant of a document as an aware datetime."""
    return datetime.fromisoformat(text)


def weekday_name(day: date) -> str:
    return WEEKDAYS[day.weekday()]


def month_name(day: date) -> str:
    return MONTHS[day.month - 1]


def month_title(day: date) -> str:
    return f"{month_name(day)} {day.year}"


def long_day(day: date) -> str:
    """Thursday 3 December 2026."""
    return f"{weekday_name(day)} {day.day} {month_title(day)}"


def spoken_day(day: date) -> str:
    """Thursday 3 December, for labels inside a month whose year is already said."""
    return f"{weekday_name(day)} {day.day} {month_name(day)}"


def short_day(day: date) -> str:
    """Thu 3 Dec."""
    return f"{weekday_name(day)[:SHORT]} {day.day} {month_name(day)[:SHORT]}"


def near_day(day: date, today: date) -> str:
    """Today, Tomorrow, or Thu 3 Dec; with the year when it is not this one."""
    if day == today:
        return "Today"
    if day == today + timedelta(days=1):
        return "Tomorrow"
    return short_day(day) if day.year == today.year else f"{short_day(day)} {day.year}"


def clock_time(moment: datetime, zone: ZoneInfo) -> str:
    """10:00 on the wall of that zone."""
    return f"{moment.astimezone(zone):%H:%M}"


def zone_offset(moment: datetime, zone: ZoneInfo) -> str:
    """CET, UTC+1: the offset on the day of the appointment, which is not always today's."""
    local = moment.astimezone(zone)
    offset = _offset(local)
    name = local.tzname() or ""
    # Zones without a customary abbreviation call themselves "+03".
    return f"{name}, {offset}" if name[:1].isalpha() and name != "UTC" else offset


def _offset(local: datetime) -> str:
    minutes = int((local.utcoffset() or timedelta()).total_seconds() // 60)
    if minutes == 0:
        return "UTC"
    hours, rest = divmod(abs(minutes), 60)
    sign = "+" if minutes > 0 else "\N{MINUS SIGN}"
    return f"UTC{sign}{hours}" + (f":{rest:02}" if rest else "")


def counted(number: int, singular: str, plural: str | None = None) -> str:
    """1 time, 5 times, no times."""
    noun = singular if number == 1 else plural or f"{singular}s"
    return f"{number or 'no'} {noun}"


def span(seconds: float) -> str:
    """About how long: 40 seconds, 2 minutes."""
    whole = max(1, round(seconds))
    return counted(whole, "second") if whole < 100 else counted(-(-whole // 60), "minute")
