"""What the slip shows: of a booking, of a slot or showtime, or of a day before a time is chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from app.languages.days import money, short_month, short_weekday
from app.languages.texts import N_, _
from app.web.pages.wording import (
    clock_time,
    instant,
    long_day,
    minutes,
    zone_offset,
)
from app.web.pages.your_time import your_time


@dataclass(frozen=True)
class Leaf:
    """A sheet of a tear-off calendar."""

    weekday: str
    number: int
    month: str

    @classmethod
    def of(cls, day: date) -> Leaf:
        return cls(short_weekday(day), day.day, short_month(day))


@dataclass(frozen=True)
class Visit:
    """An appointment, or seats at a showtime, in words; what is None is not chosen yet or not of its kind."""

    place: str | None
    doctor: str | None = None
    specialization: str | None = None
    movie: str | None = None
    #: Rating and genre.
    about: str | None = None
    seats: str | None = None
    price: str | None = None
    zone: str | None = None
    leaf: Leaf | None = None
    day: str | None = None
    time: str | None = None
    until: str | None = None
    starts_at: str | None = None
    #: What the reader's clocks show then, if that is something else.
    yours: str | None = None
    length: str | None = None
    patient: str | None = None
    email: str | None = None
    reason: str | None = None
    reference: str | None = None
    stamp: str | None = None

    @property
    def whose(self) -> str:
        """With whom, or what is shown."""
        return _("with %(doctor)s", doctor=self.doctor) if self.doctor else f"“{self.movie}”"


STAMPS = {
    "CONFIRMED": N_("Booked"),
    "CANCELLED": N_("Cancelled"),
    "ARRIVED": N_("Arrived"),
    "IN_ROOM": N_("With the doctor"),
    "COMPLETED": N_("Done"),
    "NO_SHOW": N_("Missed"),
}


#: Every state, for those who work with them.
STATES = {
    "PENDING": N_("on hold"),
    "CONFIRMED": N_("confirmed"),
    "CANCELLED": N_("cancelled"),
    "EXPIRED": N_("expired"),
    "FAILED": N_("failed"),
    "ARRIVED": N_("arrived"),
    "IN_ROOM": N_("in room"),
    "COMPLETED": N_("completed"),
    "NO_SHOW": N_("no-show"),
}


def status_words(status: str) -> str:
    """A booking's state in the language that is meant."""
    return _(STATES[status])


def visit_of_booking(booking: Mapping[str, Any]) -> Visit:
    what = _show_in(booking) if booking["showtime"] else _doctor_in(booking["doctor"])
    return Visit(
        **_when(booking, ZoneInfo(booking["timezone"])),
        **what,
        patient=booking["patient_name"],
        email=booking["patient_email"],
        reason=booking["reason"],
        reference=booking["reference"],
        stamp=_(STAMPS.get(booking["status"], "")) or None,
    )


def visit_of_slot(slot: Mapping[str, Any], doctor: Mapping[str, Any]) -> Visit:
    return Visit(**_when(slot, ZoneInfo(doctor["timezone"])), **_doctor_in(doctor))


def visit_of_showtime(showtime: Mapping[str, Any]) -> Visit:
    """A showtime before seats are chosen."""
    return Visit(**_when(showtime, ZoneInfo(showtime["timezone"])), **_movie_in(showtime))


def visit_on_day(doctor: Mapping[str, Any], day: date | None) -> Visit:
    """A day without a time: what one knows while choosing."""
    return Visit(
        **_doctor_in(doctor),
        leaf=Leaf.of(day) if day else None,
        day=long_day(day) if day else None,
    )


def seat_labels(slots: Sequence[Mapping[str, Any]]) -> str:
    """E7, E8, E9."""
    return ", ".join(f"{slot['row']}{slot['number']}" for slot in slots)


def _doctor_in(doctor: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "doctor": doctor["name"],
        "specialization": doctor["specialization"],
        "place": doctor["hospital"],
    }


def _movie_in(showtime: Mapping[str, Any]) -> dict[str, Any]:
    movie, hall = showtime["movie"], showtime["hall"]
    return {
        "movie": movie["title"],
        "about": f"{movie['rating']}, {movie['genre']}",
        "place": f"{hall['name']}, {hall['place']}",
    }


def _show_in(booking: Mapping[str, Any]) -> dict[str, Any]:
    showtime = booking["showtime"]
    return {
        **_movie_in(showtime),
        "seats": seat_labels(booking["slots"]),
        "price": money(showtime["total_cents"], showtime["currency"]),
    }


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
        "yours": your_time(starts_at, zone),
        "length": minutes(int((ends_at - starts_at).total_seconds() // 60)),
    }


def zone_words(moment: datetime, zone: ZoneInfo) -> str:
    """Europe/Berlin (CET, UTC+1)."""
    return f"{zone.key} ({zone_offset(moment, zone)})"
