"""Which days a country's clinics are closed, against calendars known by heart."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

import pytest

from app.directory.public_holidays import countries, country_of, public_holidays
from app.errors import ValidationFailed


def days(country: str, region: str | None, year: int) -> set[date]:
    return {each.day for each in public_holidays(country, region, year, "en")}


def easter(year: int) -> date:
    """Easter Sunday by the anonymous Gregorian computus (Meeus, Astronomical Algorithms, chapter 8)."""
    a, b, c = year % 19, year // 100, year % 100
    d = (19 * a + b - b // 4 - (b - (b + 8) // 25 + 1) // 3 + 15) % 30
    e = (32 + 2 * (b % 4) + 2 * (c // 4) - d - c % 4) % 7
    month, day = divmod(d + e - 7 * ((a + 11 * d + 22 * e) // 451) + 114, 31)
    return date(year, month, day + 1)


@pytest.mark.parametrize("year", range(2024, 2034))
def test_easter_moves_as_the_computus_says(year: int) -> None:
    monday = date.fromordinal(easter(year).toordinal() + 1)

    assert monday in days("DE", None, year)


def test_a_region_has_holidays_of_its_own() -> None:
    assert days("DE", "BE", 2026) - days("DE", None, 2026) == {date(2026, 3, 8)}
    assert date(2026, 1, 6) in days("DE", "BY", 2026)


def test_names_are_in_the_clinics_language_where_there_are_such() -> None:
    english, german = (public_holidays("DE", None, 2026, language)[0].name for language in ("en", "de"))

    assert (english, german) == ("New Year's Day", "Neujahr")
    assert public_holidays("US", None, 2026, "de")[0].day == date(2026, 1, 1)


def test_a_clinics_zone_tells_its_country() -> None:
    zones = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC")

    assert [country_of(ZoneInfo(zone)) for zone in zones] == ["DE", "US", "AU", None]


@pytest.mark.parametrize(("country", "region", "field"), [("XX", None, "country"), ("DE", "ZZ", "region")])
def test_what_is_not_known_names_its_field(country: str, region: str | None, field: str) -> None:
    with pytest.raises(ValidationFailed, match=field):
        public_holidays(country, region, 2026, "en")


def test_every_country_and_region_has_a_list() -> None:
    assert len(countries()) > 100
    assert "BE" in countries()["DE"]
