"""Days, times, sums and numbers as the language that is meant now writes them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from functools import cache

from babel import Locale
from babel.dates import get_timezone_name
from babel.numbers import format_currency

from app.languages.texts import language


@dataclass(frozen=True)
class Names:
    """What a language calls its days and months (CLDR), and in which order it says them."""

    weekdays: tuple[str, ...]
    short_weekdays: tuple[str, ...]
    months: tuple[str, ...]
    short_months: tuple[str, ...]
    long: str
    spoken: str
    short: str


#: CLDR's own orders have more signs than a narrow button; these are as people write them by hand.
ORDERS = {
    "en": ("{weekday} {day} {month} {year}", "{weekday} {day} {month}", "{weekday} {day} {month}"),
    "de": ("{weekday}, {day}. {month} {year}", "{weekday}, {day}. {month}", "{weekday} {day}. {month}"),
}


@cache
def names(of: str) -> Names:
    locale = Locale.parse(of)
    days, months = locale.days, locale.months
    return Names(
        tuple(days["stand-alone"]["wide"][number] for number in range(7)),
        tuple(days["stand-alone"]["abbreviated"][number].rstrip(".") for number in range(7)),
        tuple(months["format"]["wide"][number] for number in range(1, 13)),
        tuple(months["stand-alone"]["abbreviated"][number].rstrip(".") for number in range(1, 13)),
        *ORDERS.get(of, ORDERS["en"]),
    )


def weekday_names() -> tuple[str, ...]:
    """Monday to Sunday."""
    return names(language()).weekdays


def weekday_name(day: date) -> str:
    return names(language()).weekdays[day.weekday()]


def short_weekday(day: date) -> str:
    """Thu."""
    return names(language()).short_weekdays[day.weekday()]


def month_name(day: date) -> str:
    return names(language()).months[day.month - 1]


def short_month(day: date) -> str:
    """Dec."""
    return names(language()).short_months[day.month - 1]


def month_title(day: date) -> str:
    return f"{month_name(day)} {day.year}"


def long_day(day: date) -> str:
    """Thursday 3 December 2026."""
    return names(language()).long.format(
        weekday=weekday_name(day), day=day.day, month=month_name(day), year=day.year
    )


def spoken_day(day: date) -> str:
    """Thursday 3 December, for labels inside a month whose year is already said."""
    return names(language()).spoken.format(weekday=weekday_name(day), day=day.day, month=month_name(day))


def short_day(day: date) -> str:
    """Thu 3 Dec."""
    return names(language()).short.format(weekday=short_weekday(day), day=day.day, month=short_month(day))


def zone_name(local: datetime) -> str:
    """CET, in German MEZ; as the zone calls itself where the language has no name of its own."""
    own = local.tzname() or ""
    if language() == "en" or not own[:1].isalpha():
        return own
    return _zone_name(language(), str(local.tzinfo), own, local)


_zone_names: dict[tuple[str, str, str], str] = {}


def _zone_name(of: str, zone: str, own: str, local: datetime) -> str:
    key = (of, zone, own)
    if key not in _zone_names:
        found = get_timezone_name(local, width="short", locale=of)
        # Without a name of its own CLDR says only how far the zone is off, which stands beside it anyway.
        has_name = found[:1].isalpha() and not found.startswith(("GMT", "UTC"))
        _zone_names[key] = found if has_name else own
    return _zone_names[key]


#: A thousand's and a fraction's sign; CLDR's patterns are too slow for the monitor's many numbers.
SIGNS = {"en": (",", "."), "de": (".", ",")}


def decimal(value: float, places: int = 1) -> str:
    """1,234.5, in German 1.234,5."""
    thousand, fraction = SIGNS.get(language(), SIGNS["en"])
    text = f"{value:,.{places}f}"
    return text.replace(",", "\0").replace(".", fraction).replace("\0", thousand)


def money(cents: int, currency: str) -> str:
    """€12.50, in German 12,50 €; a currency without a sign of its own as its code."""
    return str(format_currency(cents / 100, currency, locale=language()))


def country_names() -> dict[str, str]:
    """Countries by their ISO 3166 code."""
    return dict(Locale.parse(language()).territories)
