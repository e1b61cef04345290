"""Calendar entries: one per booking for its whole life, so that a calendar updates and never doubles it.

RFC 5545 for the text, RFC 5546 (iTIP) for METHOD and SEQUENCE."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parseaddr
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event, vCalAddress, vText

from app.languages.texts import _
from app.notices.appointment import Appointment
from app.notices.typed_text import one_line
from app.notices.vtimezone import vtimezone

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
    calendar = Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", entries[0].method.value)
    spans = [span(entry.appointment) for entry in entries]
    zoned = [
        entry.appointment for entry, (_start, _end, is_zoned) in zip(entries, spans, strict=True) if is_zoned
    ]
    if zoned:
        # It holds for the year before and the year after: of a series the year before its last.
        years = zoned[0].local_start.year, zoned[-1].local_start.year - 1
        calendar.add_component(vtimezone(zoned[0].zone, max(years)))
    for entry, (start, end, _is_zoned) in zip(entries, spans, strict=True):
        calendar.add_component(_event(entry, start, end))
    text: bytes = calendar.to_ical()
    return text


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


def _event(entry: Entry, start: datetime, end: datetime) -> Event:
    appointment = entry.appointment
    is_cancelled = entry.is_cancelled or entry.method is Method.CANCEL
    event = Event()
    event.add("uid", uid(appointment.booking_id))
    event.add("sequence", entry.sequence)
    event.add("dtstamp", entry.made_at.astimezone(UTC))
    event.add("dtstart", start)
    event.add("dtend", end)
    event.add("summary", appointment.summary)
    event.add("status", "CANCELLED" if is_cancelled else "CONFIRMED")
    event.add("transp", "OPAQUE")
    event.add("class", "PRIVATE")
    event.add("description", _description(entry))
    if appointment.place:
        event.add("location", appointment.place)
    if entry.manage_url:
        event.add("url", entry.manage_url)
    event.add("organizer", _organizer(entry.organizer))
    # A PUBLISH has no attendees (RFC 5546 section 3.2.1): it is copied, not answered.
    if entry.method is not Method.PUBLISH and appointment.patient_email:
        event.add("attendee", _attendee(appointment))
    return event


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


def _organizer(sender: str) -> vCalAddress:
    name, address = parseaddr(sender)
    organizer = vCalAddress(f"mailto:{address}")
    organizer.params["CN"] = vText(one_line(name) or "Oneslot")
    return organizer


def _attendee(appointment: Appointment) -> vCalAddress:
    attendee = vCalAddress(f"mailto:{one_line(appointment.patient_email or '')}")
    attendee.params["CN"] = vText(one_line(appointment.patient_name or _("Patient")).replace('"', "'"))
    attendee.params["ROLE"] = vText("REQ-PARTICIPANT")
    # Whoever booked has agreed already; a calendar need not ask.
    attendee.params["PARTSTAT"] = vText("ACCEPTED")
    attendee.params["RSVP"] = vText("FALSE")
    return attendee
