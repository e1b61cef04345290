"""A feed's text: bookings as RFC 5545 has them, the same bytes while nothing changed."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event, vDuration
from sqlalchemy import Connection, and_, or_

from app.booking.documents import booking_documents, select_bookings
from app.database import db_now
from app.feeds.subscriptions import FULL
from app.languages.texts import _, speaking
from app.notices.appointment import Appointment
from app.notices.calendar import PRODUCT, span, uid
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


@dataclass(frozen=True)
class FeedText:
    content: bytes
    #: When the newest of it changed.
    changed_at: datetime


def feed_text(connection: Connection, feed: Any, account_url: str) -> FeedText:
    """What this feed shows now, in its language."""
    bookings = booking_documents(connection, list(connection.execute(_shown(feed))))
    doctor = None
    if feed.doctor_id is not None:
        doctor = connection.execute(Doctor.__table__.select().where(Doctor.id == feed.doctor_id)).one()
    with speaking(feed.language):
        content = _calendar(feed, doctor, bookings, account_url)
    changes = (datetime.fromisoformat(booking["updated_at"]) for booking in bookings)
    return FeedText(content, max(changes, default=feed.changed_at))


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
    events = [_event(feed, booking, account_url) for booking in bookings]
    for zone, years in _zones(bookings).items():
        calendar.add_component(vtimezone(zone, min(years), max(years)))
    for event in events:
        calendar.add_component(event)
    text: bytes = calendar.to_ical()
    return text


def _zones(bookings: Sequence[Document]) -> dict[ZoneInfo, set[int]]:
    """Each zone that is written out, with the years it must be right in."""
    found: dict[ZoneInfo, set[int]] = {}
    for booking in bookings:
        appointment = Appointment.from_document(booking)
        start, end, is_zoned = span(appointment)
        if is_zoned:
            found.setdefault(appointment.zone, set()).update((start.year, end.year))
    return found


def _event(feed: Any, booking: Document, account_url: str) -> Event:
    appointment = Appointment.from_document(booking)
    start, end, _is_zoned = span(appointment)
    is_cancelled = booking["status"] == "CANCELLED"
    event = Event()
    event.add("uid", _uid(feed, appointment.booking_id))
    event.add("sequence", booking["sequence"])
    changed_at = datetime.fromisoformat(booking["updated_at"]).astimezone(UTC)
    event.add("dtstamp", changed_at)
    event.add("last-modified", changed_at)
    event.add("dtstart", start)
    event.add("dtend", end)
    event.add("status", "CANCELLED" if is_cancelled else "CONFIRMED")
    event.add("transp", "TRANSPARENT" if is_cancelled else "OPAQUE")
    event.add("class", "PRIVATE")
    event.add("summary", _("Busy"))
    if feed.shows == FULL:
        _tell_more(event, feed, booking, appointment, account_url)
    return event


def _tell_more(
    event: Event, feed: Any, booking: Document, appointment: Appointment, account_url: str
) -> None:
    """To a doctor who comes, to a patient where to go; to nobody why."""
    of_doctor = feed.doctor_id is not None
    event["summary"] = one_line(booking["patient_name"] or "") if of_doctor else appointment.summary
    event.add("description", _("Reference %(reference)s", reference=appointment.reference))
    if appointment.place and not of_doctor:
        event.add("location", appointment.place)
    if not of_doctor:
        event.add("url", account_url)


def _uid(feed: Any, booking_id: uuid.UUID) -> str:
    """As in the mails; a busy feed has its own, so that nobody can tell which booking it is."""
    return uid(booking_id) if feed.shows == FULL else f"{uuid.uuid5(feed.id, str(booking_id))}@oneslot"
