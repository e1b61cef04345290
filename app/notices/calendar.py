"""Calendar entries: one per booking for its whole life, so that a calendar updates and never doubles it.

RFC 5545 for the text, RFC 5546 (iTIP) for METHOD and SEQUENCE."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parseaddr
from enum import StrEnum
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from app.languages.texts import _
from app.notices.appointment import Appointment
from app.notices.ical_lines import folded, instant, quoted, text_value, wall_time
from app.notices.typed_text import one_line
from app.notices.vtimezone import vtimezone_lines

PRODUCT = "-//Oneslot//Booking//EN"


class Method(StrEnum):
    REQUEST = "REQUEST"
    CANCEL = "CANCEL"
    PUBLISH = "PUBLISH"


@dataclass(frozen=True)
class Entry:
    """One version of a booking's calendar entry."""

    appointment: Appointment
    method: Method
    #: Grows with every change of the booking; a calendar keeps the higher one.
    sequence: int
    #: When this version was made (DTSTAMP).
    made_at: datetime
    #: The sender of our mails, such as "Oneslot <bookings@example.org>".
    organizer: str
    manage_url: str | None = None
    is_cancelled: bool = False


def uid(booking_id: uuid.UUID) -> str:
    """The same through every move and for the cancellation."""
    return f"{booking_id}@oneslot"


def calendar_text(entry: Entry) -> bytes:
    """The entry as the content of an .ics file."""
    return calendar_of([entry])


def calendar_of(entries: Sequence[Entry]) -> bytes:
    """Several entries of one zone, by start, in one file; each keeps its own UID, as its later mails will.

    Only a PUBLISH may hold more than one (RFC 5546 section 3.2)."""
    spans = [span(entry.appointment) for entry in entries]
    zoned = [
        entry.appointment for entry, (_start, _end, is_zoned) in zip(entries, spans, strict=True) if is_zoned
    ]
    # It holds for the year before and the year after: of a series the year before its last.
    years = (zoned[0].local_start.year, zoned[-1].local_start.year - 1) if zoned else ()
    zone = vtimezone_lines(zoned[0].zone, max(years)) if zoned else b""
    events = (line for entry, when in zip(entries, spans, strict=True) for line in _event(entry, *when))
    return folded(_head(entries[0].method)) + zone + folded(events) + folded(["END:VCALENDAR"])


def download(booking: Mapping[str, Any], organizer: str, manage_url: str | None = None) -> bytes:
    """The .ics file of a booking document, for "Add to calendar"."""
    entry = Entry(
        Appointment.from_document(booking),
        Method.PUBLISH,
        booking["sequence"],
        datetime.fromisoformat(booking["updated_at"]),
        organizer,
        manage_url,
        is_cancelled=booking["status"] == "CANCELLED",
    )
    return calendar_text(entry)


def _head(method: Method) -> Iterator[str]:
    yield "BEGIN:VCALENDAR"
    yield "VERSION:2.0"
    yield f"PRODID:{PRODUCT}"
    yield "CALSCALE:GREGORIAN"
    yield f"METHOD:{method.value}"


def _event(entry: Entry, start: datetime, end: datetime, is_zoned: bool) -> Iterator[str]:
    appointment = entry.appointment
    is_cancelled = entry.is_cancelled or entry.method is Method.CANCEL
    yield "BEGIN:VEVENT"
    yield f"UID:{uid(appointment.booking_id)}"
    yield f"SEQUENCE:{entry.sequence}"
    yield instant("DTSTAMP", entry.made_at)
    for name, moment in (("DTSTART", start), ("DTEND", end)):
        yield wall_time(name, moment, appointment.zone.key) if is_zoned else instant(name, moment)
    yield f"SUMMARY:{text_value(appointment.summary)}"
    yield f"STATUS:{'CANCELLED' if is_cancelled else 'CONFIRMED'}"
    yield "TRANSP:OPAQUE"
    yield "CLASS:PRIVATE"
    yield f"DESCRIPTION:{text_value(_description(entry))}"
    if appointment.place:
        yield f"LOCATION:{text_value(appointment.place)}"
    if entry.manage_url:
        yield f"URL:{entry.manage_url}"
    yield _organizer(entry.organizer)
    # A PUBLISH has no attendees (RFC 5546 section 3.2.1): it is copied, not answered.
    if entry.method is not Method.PUBLISH and appointment.patient_email:
        yield _attendee(appointment)
    yield "END:VEVENT"


def span(appointment: Appointment) -> tuple[datetime, datetime, bool]:
    """Start and end on the clinic's wall clock, and True; in UTC when that clock shows an hour twice.

    A local time that occurs twice means the first one (RFC 5545 section 3.3.5), so the second
    cannot be written with a zone."""
    start, end = appointment.local_start, appointment.local_end
    if start.fold or end.fold or appointment.zone == ZoneInfo("UTC"):
        return start.astimezone(UTC), end.astimezone(UTC), False
    return start, end, True


def _description(entry: Entry) -> str:
    lines = [_("Reference %(reference)s", reference=entry.appointment.reference)]
    if entry.appointment.seats:
        lines.append(_("Seats %(seats)s", seats=", ".join(entry.appointment.seats)))
    if entry.manage_url:
        lines.append(f"{_('See, move or cancel it')}: {entry.manage_url}")
    return "\n".join(lines)


@lru_cache(maxsize=8)
def _organizer(sender: str) -> str:
    name, address = parseaddr(sender)
    return f"ORGANIZER;CN={quoted(one_line(name) or 'Oneslot')}:mailto:{address}"


def _attendee(appointment: Appointment) -> str:
    name = quoted(one_line(appointment.patient_name or _("Patient")))
    address = one_line(appointment.patient_email or "")
    # Whoever booked has agreed already; a calendar need not ask.
    answered = "PARTSTAT=ACCEPTED;ROLE=REQ-PARTICIPANT;RSVP=FALSE"
    return f"ATTENDEE;CN={name};{answered}:mailto:{address}"
