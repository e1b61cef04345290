"""What stands beside the board: a free time to book, a booking, a hold, a walk-in, or the waiting room."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID
from zoneinfo import ZoneInfo

from flask import request, url_for
from sqlalchemy import Connection

from app.booking.attendance import why_not
from app.booking.reading import find_booking
from app.booking.series import REPEATABLE
from app.directory.patients import search_patients
from app.errors import NotFound
from app.languages.texts import N_, _
from app.tables.booking import BookingStatus
from app.web.pages.desk.columns import tag_of
from app.web.pages.guests import token_of
from app.web.pages.visits import zone_words
from app.web.pages.wording import clock_time, instant, long_day
from app.web.staff import desk_actor, desk_reader

if TYPE_CHECKING:
    from app.web.pages.desk.board import Board

#: The way forward first; the keys are those of the board.
STEP_WORDS = {
    "ARRIVED": (N_("Arrived"), "a"),
    "IN_ROOM": (N_("In room"), "i"),
    "COMPLETED": (N_("Done"), "d"),
    "NO_SHOW": (N_("No-show"), "x"),
    "CONFIRMED": (N_("Back to booked"), "b"),
}
MOST_NEXT = 8


@dataclass(frozen=True)
class Step:
    """A button that says where the person is."""

    status: str
    words: str
    key: str


@dataclass(frozen=True)
class Person:
    """A line of the waiting room or of who comes next."""

    slot_id: str
    name: str
    time: str
    doctor: str
    since: str | None = None
    minutes: int | None = None


@dataclass(frozen=True)
class Panel:
    """kind names the template's part; the rest is what that part shows."""

    kind: str
    slot: Mapping[str, Any] | None = None
    booking: Mapping[str, Any] | None = None
    doctor: Mapping[str, Any] | None = None
    when: str = ""
    day: str = ""
    zone: str = ""
    steps: Sequence[Step] = ()
    matches: Sequence[Mapping[str, Any]] = ()
    q: str = ""
    waiting: Sequence[Person] = ()
    next: Sequence[Person] = ()
    values: Mapping[str, str] = field(default_factory=dict)
    #: Where it is repeated, or all of its times are; None at the cinema and for a hold.
    series_url: str | None = None


def panel_for(
    connection: Connection, board: Board, asked: Mapping[str, str], moving: Mapping[str, Any] | None
) -> Panel:
    """What the address asks for, as far as it is there."""
    q = (asked.get("q") or "")[:100]
    matches = search_patients(connection, desk_reader(), q) if q else []
    if moving is not None:
        return _of_booking(moving, board, kind="moving")
    if asked.get("panel") == "walk-in":
        return Panel("walk-in", matches=matches, q=q, values=_typed())
    slot = board.slot(asked.get("slot")) or board.slot_of_booking(asked.get("booking"))
    if slot is None:
        return _elsewhere(connection, board, asked) or _waiting_room(board)
    booking = slot["booking"]
    if booking is None:
        kind = "gone" if slot["is_past"] else "free"
        return Panel(kind, slot=slot, matches=matches, q=q, values=_typed(), **_when(slot, board))
    if asked.get("panel") == "overbook":
        return Panel("overbook", slot=slot, booking=booking, matches=matches, q=q, values=_typed(),
                     **_when(slot, board))  # fmt: skip
    if slot["state"] == "HELD":
        return Panel("held", slot=slot, booking=booking, **_when(slot, board))
    full = find_booking(connection, UUID(booking["id"]), desk_actor())
    kind = "cancel" if asked.get("panel") == "cancel" and full["status"] == "CONFIRMED" else "booking"
    return _of_booking(full, board, kind=kind, slot=slot)


def steps_of(status: str, starts_at: datetime, now: datetime) -> list[Step]:
    """The steps that can be taken at this moment, forward ones first."""
    return [
        Step(name, words, key)
        for name, (words, key) in STEP_WORDS.items()
        if why_not(BookingStatus(status), BookingStatus(name), starts_at, now) is None
    ]


def _elsewhere(connection: Connection, board: Board, asked: Mapping[str, str]) -> Panel | None:
    """A booking that is not on this board: of another day, or ended."""
    try:
        booking = find_booking(connection, UUID(asked.get("booking") or ""), desk_actor())
    except (ValueError, NotFound):
        return None
    return _of_booking(booking, board, kind="booking")


def _of_booking(
    booking: Mapping[str, Any], board: Board, kind: str, slot: Mapping[str, Any] | None = None
) -> Panel:
    return Panel(
        kind,
        slot=slot,
        booking={**booking, "tag": tag_of(booking["status"])},
        steps=steps_of(booking["status"], instant(booking["starts_at"]), board.day.now),
        **_when(booking, board),
        series_url=_series_url(booking),
    )


def _series_url(booking: Mapping[str, Any]) -> str | None:
    if booking["status"] not in REPEATABLE and not booking["series_id"]:
        return None
    return url_for("pages.series", token=token_of(dict(booking)))


def _when(span: Mapping[str, Any], board: Board) -> dict[str, Any]:
    zone = board.day.zone
    begin, end = instant(span["starts_at"]), instant(span["ends_at"])
    doctor = span.get("doctor") or next(
        (each for each in board.doctors if each["id"] == span["doctor_id"]), None
    )
    return {
        "doctor": doctor,
        "when": _("%(start)s to %(end)s", start=clock_time(begin, zone), end=clock_time(end, zone)),
        "day": long_day(begin.astimezone(zone).date()),
        "zone": _other_zone(begin, zone, doctor),
    }


def _other_zone(begin: datetime, zone: ZoneInfo, doctor: Mapping[str, Any] | None) -> str:
    """The doctor's own clock, where it shows something else."""
    if doctor is None or doctor["timezone"] == zone.key:
        return ""
    theirs = ZoneInfo(doctor["timezone"])
    return _("%(time)s in %(zone)s", time=clock_time(begin, theirs), zone=zone_words(begin, theirs))


def _waiting_room(board: Board) -> Panel:
    """Who is here and who is next: what the desk looks at when nobody stands there."""
    names = {doctor["id"]: doctor["name"] for doctor in board.doctors}
    here = [slot for slot in board.slots if slot["booking"] and slot["booking"]["status"] == "ARRIVED"]
    soon = [
        slot
        for slot in board.slots
        if slot["booking"] and slot["booking"]["status"] == "CONFIRMED" and not _is_over(slot, board)
    ]
    waiting = sorted((_person(slot, names, board) for slot in here), key=lambda each: each.since or "")
    return Panel("waiting", waiting=waiting, next=[_person(slot, names, board) for slot in soon[:MOST_NEXT]])


def _is_over(slot: Mapping[str, Any], board: Board) -> bool:
    return instant(slot["ends_at"]) < board.day.now - timedelta(hours=1)


def _person(slot: Mapping[str, Any], names: Mapping[str, str], board: Board) -> Person:
    since = slot["booking"]["arrived_at"]
    minutes = int((board.day.now - instant(since)).total_seconds() // 60) if since else None
    return Person(
        slot["id"],
        slot["booking"]["patient_name"],
        clock_time(instant(slot["starts_at"]), board.day.zone),
        names.get(slot["doctor_id"], ""),
        since,
        minutes,
    )


def _typed() -> dict[str, str]:
    """What was typed before a search without JavaScript."""
    return {
        name: request.values.get(name, "")
        for name in ("patient_name", "patient_phone", "patient_email", "reason")
    }
