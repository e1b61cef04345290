"""Public holidays of a country, or of a region of it: a proposal. An administrator decides what is closed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

import holidays

from app.errors import ValidationFailed

ALPHA_2 = 2


@dataclass(frozen=True, order=True)
class Holiday:
    day: date
    name: str


@cache
def countries() -> dict[str, tuple[str, ...]]:
    """Each known country by its ISO 3166 code, with the codes of its regions."""
    known = holidays.list_supported_countries(include_aliases=False)
    return {code: tuple(regions) for code, regions in sorted(known.items()) if len(code) == ALPHA_2}


@cache
def country_of(zone: ZoneInfo) -> str | None:
    """The country of which this is a zone (tzdata's zone.tab); None for UTC and the like."""
    table = files("tzdata").joinpath("zoneinfo", "zone.tab").read_text("utf-8")
    rows = (line.split("\t") for line in table.splitlines() if line and not line.startswith("#"))
    found = next((row[0] for row in rows if row[2] == zone.key), None)
    return found if found in countries() else None


def public_holidays(country: str, region: str | None, year: int, language: str) -> list[Holiday]:
    """The holidays of that year by day, named in the language where the country's list has it.

    Raises ValidationFailed for a country or region that is not known."""
    if country not in countries():
        raise ValidationFailed.of("country", "choose a country from the list")
    if region and region not in countries()[country]:
        raise ValidationFailed.of("region", "choose a region of this country")
    found = holidays.country_holidays(
        country, subdiv=region or None, years=year, language=_tongue(country, language)
    )
    return sorted(Holiday(day, name) for day, name in found.items() if day.year == year)


def _tongue(country: str, language: str) -> str | None:
    spoken = holidays.country_holidays(country).supported_languages
    return next((tongue for tongue in spoken if tongue.partition("_")[0] == language), None)
