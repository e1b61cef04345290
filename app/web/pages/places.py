"""The times a series would take, as lines for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from app.languages.texts import N_, _
from app.web.pages.wording import clock_time, instant, long_day, short_day, zone_offset

#: Why a time cannot be had, in a few words.
REASONS = {
    "SLOT_TAKEN": N_("taken"),
    "SLOT_HELD": N_("being booked by somebody"),
    "SLOT_BLOCKED": N_("not offered"),
}


@dataclass(frozen=True)
class PlaceLine:
    day: str
    time: str
    zone: str
    is_free: bool
    why: str
    #: Free times nearby, in words.
    nearby: str


def place_lines(places: Iterable[Mapping[str, Any]], zone: ZoneInfo) -> list[PlaceLine]:
    return [_line(place, zone) for place in places]


def _line(place: Mapping[str, Any], zone: ZoneInfo) -> PlaceLine:
    local = datetime.fromisoformat(place["local_time"])
    starts_at = instant(place["starts_at"]) if place["starts_at"] else None
    near = [instant(each["starts_at"]) for each in place.get("alternatives") or ()]
    return PlaceLine(
        day=long_day(local.date()),
        time=f"{local:%H:%M}",
        zone=zone_offset(starts_at, zone) if starts_at else "",
        is_free=place["is_free"],
        why="" if place["is_free"] else _why(place),
        nearby=", ".join(f"{short_day(at.astimezone(zone).date())} {clock_time(at, zone)}" for at in near),
    )


def _why(place: Mapping[str, Any]) -> str:
    if place["starts_at"] is None:
        return _("skipped by the change of the clocks")
    if place.get("code") == "SLOT_IN_PAST":
        return _("over")
    return _(REASONS.get(place.get("reason") or "", N_("not free")))
