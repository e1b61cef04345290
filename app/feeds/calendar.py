"""A feed's text: bookings as RFC 5545 has them, the same bytes while nothing changed."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import orjson
from icalendar import Calendar, vDuration
from sqlalchemy import Connection, and_, or_, select

from app.booking.documents import booking_documents, select_bookings
from app.database import db_now
from app.feeds.subscriptions import FULL
from app.languages.texts import _, speaking
from app.notices.appointment import Appointment
from app.notices.calendar import PRODUCT, span, uid
from app.notices.ical_lines import folded, instant, text_value, wall_time
from app.notices.typed_text import one_line
from app.notices.vtimezone import vtimezone
from app.tables.booking import Booking, BookingStatus
from app.tables.directory import Doctor

SHOWN_PAST_DAYS, SHOWN_CANCELLED_DAYS = 90, 30
MOST_SHOWN = 5000
DAY_SECONDS = 24 * 3600
#: How often a program need not look again; what most calendars take for a wish.
REFRESH_MINUTES = 15
STANDING = (
    BookingStatus.CONFIRMED, BookingStatus.ARRIVED, BookingStatus.IN_ROOM, BookingStatus.COMPLETED,
    BookingStatus.NO_SHOW,
)  # fmt: skip
Document = dict[str, Any]
#: Grows when the same bookings are written otherwise.
FORMAT = "1"
END = b"END:VCALENDAR\r\n"
#: Of what a text is made; seats that change change updated_at too.
TOLD = (
    "id", "status", "sequence", "updated_at", "starts_at", "ends_at", "patient_name", "doctor_name",
    "hospital", "timezone", "show_timezone", "title", "hall_name", "place",
)  # fmt: skip


@dataclass(frozen=True)
class Contents:
    """What a feed shows now, not written out yet: most programs that look have it already."""

    rows: Sequence[Any]
    doctor: Any
    #: Equal for equal texts.
    tag: str
    #: When the newest of it changed.
    changed_at: datetime


def contents_of(connection: Connection, feed: Any) -> Contents:
    rows = connection.execute(_shown(feed)).all()
    doctor = None
    if feed.doctor_id is not None:
        doctor = connection.execute(select(Doctor.name).where(Doctor.id == feed.doctor_id)).one()
    told = [[str(row._mapping[name]) for name in TOLD] for row in rows]
    kind = [FORMAT, str(feed.id), feed.shows, feed.language, doctor.name if doctor else ""]
    tag = hashlib.sha256(orjson.dumps([kind, told])).hexdigest()[:32]
    return Contents(rows, doctor, tag, max((row.updated_at for row in rows), default=feed.changed_at))


def text_of(connection: Connection, feed: Any, contents: Contents, account_url: str) -> bytes:
    """The file, in the feed's language."""
    bookings = booking_documents(connection, list(contents.rows))
    with speaking(feed.language):
        return _calendar(feed, contents.doctor, bookings, account_url)


def _shown(feed: Any) -> Any:
    mine = Booking.user_id == feed.user_id if feed.doctor_id is None else Booking.doctor_id == feed.doctor_id
    was_booked = and_(
        Booking.status == BookingStatus.CANCELLED,
        Booking.confirmed_at.is_not(None),
        Booking.cancelled_at > db_now(-SHOWN_CANCELLED_DAYS * DAY_SECONDS),
    )
    wanted = or_(Booking.status.in_(STANDING), was_booked)
    recent = Booking.ends_at > db_now(-SHOWN_PAST_DAYS * DAY_SECONDS)
    return (
        select_bookings()
        .where(mine, wanted, recent)
        .order_by(Booking.starts_at, Booking.id)
        .limit(MOST_SHOWN)
    )


def _calendar(feed: Any, doctor: Any, bookings: Sequence[Document], account_url: str) -> bytes:
    calendar = Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", one_line(doctor.name) if doctor else _("My bookings"))
    calendar.add("refresh-interval", vDuration(timedelta(minutes=REFRESH_MINUTES)), {"VALUE": "DURATION"})
    calendar.add("x-published-ttl", f"PT{REFRESH_MINUTES}M")
    for zone, years in _zones(bookings).items():
        calendar.add_component(vtimezone(zone, min(years), max(years)))
    frame: bytes = calendar.to_ical()
    events = (line for booking in bookings for line in _event(feed, booking, account_url))
    return frame.removesuffix(END) + folded(events) + END


def _zones(bookings: Sequence[Document]) -> dict[ZoneInfo, set[int]]:
    """Each zone that is written out, with the years it must be right in."""
    found: dict[ZoneInfo, set[int]] = {}
    for booking in bookings:
        appointment = Appointment.from_document(booking)
        start, end, is_zoned = span(appointment)
        if is_zoned:
            found.setdefault(appointment.zone, set()).update((start.year, end.year))
    return found


def _event(feed: Any, booking: Document, account_url: str) -> Iterator[str]:
    appointment = Appointment.from_document(booking)
    start, end, is_zoned = span(appointment)
    is_cancelled = booking["status"] == "CANCELLED"
    changed_at = datetime.fromisoformat(booking["updated_at"])
    yield "BEGIN:VEVENT"
    yield f"UID:{_uid(feed, appointment.booking_id)}"
    yield f"SEQUENCE:{booking['sequence']}"
    yield instant("DTSTAMP", changed_at)
    yield instant("LAST-MODIFIED", changed_at)
    for name, moment in (("DTSTART", start), ("DTEND", end)):
        yield wall_time(name, moment, appointment.zone.key) if is_zoned else instant(name, moment)
    yield f"STATUS:{'CANCELLED' if is_cancelled else 'CONFIRMED'}"
    yield f"TRANSP:{'TRANSPARENT' if is_cancelled else 'OPAQUE'}"
    yield "CLASS:PRIVATE"
    if feed.shows == FULL:
        yield from _everything(feed, booking, appointment, account_url)
    else:
        yield "SUMMARY:" + text_value(_("Busy"))
    yield "END:VEVENT"


def _everything(feed: Any, booking: Document, appointment: Appointment, account_url: str) -> Iterator[str]:
    """To a doctor who comes, to a patient where to go; to nobody why."""
    of_doctor = feed.doctor_id is not None
    summary = one_line(booking["patient_name"] or "") if of_doctor else appointment.summary
    yield f"SUMMARY:{text_value(summary)}"
    yield f"DESCRIPTION:{text_value(_('Reference %(reference)s', reference=appointment.reference))}"
    if appointment.place and not of_doctor:
        yield f"LOCATION:{text_value(appointment.place)}"
    if not of_doctor:
        yield f"URL:{account_url}"


def _uid(feed: Any, booking_id: uuid.UUID) -> str:
    """As in the mails; a busy feed has its own, so that nobody can tell which booking it is."""
    return uid(booking_id) if feed.shows == FULL else f"{uuid.uuid5(feed.id, str(booking_id))}@oneslot"
