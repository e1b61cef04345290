"""What the appointment slip shows: of a booking, of a slot, or of a day before a time is chosen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from app.web.pages.wording import (
    SHORT,
    clock_time,
    counted,
    instant,
    long_day,
    month_name,
    weekday_name,
    zone_offset,
)


@dataclass(frozen=True)
class Leaf:
    """A sheet of a tear-off calendar."""

    weekday: str
    number: int
    month: str

    @classmethod
    def of(cls, day: date) -> Leaf:
        return cls(weekday_name(day)[:SHORT], day.day, month_name(day)[:SHORT])


@dataclass(frozen=True)
class Visit:
    """An appointment in words; what is None is not chosen yet."""

    doctor: str
    specialization: str
    place: str | None
    zone: str | None = None
    leaf: Leaf | None = None
    day: str | None = None
    time: str | None = None
    until: str | None = None
    starts_at: str | None = None
    length: str | None = None
    patient: str | None = None
    email: str | None = None
    reason: str | None = None
    reference: str | None = None
    stamp: str | None = None


STAMPS = {
    "CONFIRMED": "Booked",
    "CANCELLED": "Cancelled",
    "ARRIVED": "Arrived",
    "COMPLETED": "Done",
    "NO_SHOW": "Missed",
}


def visit_of_booking(booking: Mapping[str, Any]) -> Visit:
    doctor = booking["doctor"]
    return Visit(
        **_when(booking, ZoneInfo(doctor["timezone"])),
        doctor=doctor["name"],
        specialization=doctor["specialization"],
        place=doctor["hospital"],
        patient=booking["patient_name"],
        email=booking["patient_email"],
        reason=booking["reason"],
        reference=booking["reference"],
        stamp=STAMPS.get(booking["status"]),
    )


def visit_of_slot(slot: Mapping[str, Any], doctor: Mapping[str, Any]) -> Visit:
    return Visit(
        **_when(slot, ZoneInfo(doctor["timezone"])),
        doctor=doctor["name"],
        specialization=doctor["specialization"],
        place=doctor["hospital"],
    )


def visit_on_day(doctor: Mapping[str, Any], day: date | None) -> Visit:
    """A day without a time: what one knows while choosing."""
    return Visit(
        doctor=doctor["name"],
        specialization=doctor["specialization"],
        place=doctor["hospital"],
        leaf=Leaf.of(day) if day else None,
        day=long_day(day) if day else None,
    )


def _when(span: Mapping[str, Any], zone: ZoneInfo) -> dict[str, Any]:
    starts_at, ends_at = instant(span["starts_at"]), instant(span["ends_at"])
    day = starts_at.astimezone(zone).date()
    return {
        "zone": zone_words(starts_at, zone),
        "leaf": Leaf.of(day),
        "day": long_day(day),
        "time": clock_time(starts_at, zone),
        "until": clock_time(ends_at, zone),
        "starts_at": span["starts_at"],
        "length": counted(int((ends_at - starts_at).total_seconds() // 60), "minute"),
    }


def zone_words(moment: datetime, zone: ZoneInfo) -> str:
    """Europe/Berlin (CET, UTC+1)."""
    return f"{zone.key} ({zone_offset(moment, zone)})"
