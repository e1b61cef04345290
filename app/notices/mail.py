"""The mail of one notice: plain text, simple HTML, and the calendar entry twice.

Calendars act on the text/calendar alternative (RFC 6047); people without one save the attachment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime, parseaddr
from functools import lru_cache, partial
from pathlib import Path
from textwrap import fill

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from app.languages.catalogue import direction
from app.languages.days import long_day
from app.languages.texts import N_, _, language, plural_form
from app.notices.appointment import Appointment
from app.notices.calendar import Entry, Method, calendar_text
from app.notices.errors import NobodyToTell
from app.notices.letter import CONTENT, Letter, sealed, write
from app.notices.queue import Claim, Kind
from app.notices.typed_text import name_to_greet


@dataclass(frozen=True)
class Wording:
    """How mails speak of a booking."""

    titles: Mapping[Kind, str]
    openings: Mapping[Kind, str]
    again: str
    #: Why the mail comes to this address.
    why: str
    file: str


VISIT = Wording(
    titles={
        Kind.CONFIRMATION: N_("Appointment confirmed"),
        Kind.CANCELLATION: N_("Appointment cancelled"),
        Kind.RESCHEDULE: N_("Appointment moved"),
        Kind.OFFER: N_("A time is free for you"),
        Kind.REMINDER: N_("Your appointment is near"),
    },
    openings={
        Kind.CONFIRMATION: N_("Your appointment is confirmed."),
        Kind.CANCELLATION: N_("Your appointment was cancelled. This time is no longer reserved for you:"),
        Kind.RESCHEDULE: N_("Your appointment was moved. This is the new time:"),
        Kind.OFFER: N_("You waited for a time like this one. It is held for you for a short while:"),
        Kind.REMINDER: N_("We look forward to seeing you:"),
    },
    again=N_("See it, or book another time"),
    why=N_(
        "You get this mail because this address was given when the appointment was made. "
        "If that was not you, you can ignore it."
    ),
    file="appointment.ics",
)
SHOW = Wording(
    titles={
        Kind.CONFIRMATION: N_("Seats booked"),
        Kind.CANCELLATION: N_("Seats cancelled"),
        Kind.RESCHEDULE: N_("Seats changed"),
        Kind.REMINDER: N_("Your show is near"),
    },
    openings={
        Kind.CONFIRMATION: N_("Your seats are booked. The ticket is on the page below."),
        Kind.CANCELLATION: N_("Your booking was cancelled. These seats are no longer reserved for you:"),
        Kind.RESCHEDULE: N_("Your seats were changed. These are the new ones:"),
        Kind.REMINDER: N_("We look forward to seeing you:"),
    },
    again=N_("See it, or book other seats"),
    why=N_(
        "You get this mail because this address was given when the booking was made. "
        "If that was not you, you can ignore it."
    ),
    file="showtime.ics",
)
#: An offer is nobody's appointment yet, and of what a reminder tells the calendar knows.
WITHOUT_CALENDAR = frozenset({Kind.OFFER, Kind.REMINDER})
TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=select_autoescape(["html"]),
    undefined=StrictUndefined,
    keep_trailing_newline=True,
    extensions=["jinja2.ext.i18n"],
)
TEMPLATES.install_gettext_callables(_, plural_form, newstyle=True)  # type: ignore[attr-defined]
TEMPLATES.filters["wrapped"] = lru_cache(maxsize=64)(partial(fill, width=72))
TEMPLATES.globals.update(language=language, direction=direction)


def compose(claim: Claim, appointment: Appointment, sender: str, manage_url: str) -> Letter:
    """The same mail each time for one notice, so that a repeat is recognised by its Message-ID.

    Raises NobodyToTell without an address, Undeliverable with one that no mail server could take."""
    if not appointment.patient_email:
        raise NobodyToTell
    wording = SHOW if appointment.movie else VISIT
    title = _(wording.titles[claim.kind])
    words = {
        "title": title,
        "opening": _(wording.openings[claim.kind]),
        "again": _(wording.again),
        "why": _(wording.why),
        "name": name_to_greet(appointment.patient_name),
        "details": _details(appointment),
        "manage_url": manage_url,
    }
    subject = f"{title}: {_day_and_time(appointment.local_start)} ({appointment.reference})"
    to = appointment.patient_name, appointment.patient_email
    message = write(sender, to, headers(claim, sender, subject), *rendered(claim.kind, words))
    if claim.kind not in WITHOUT_CALENDAR:
        method = Method.CANCEL if claim.kind is Kind.CANCELLATION else Method.REQUEST
        entry = Entry(appointment, method, claim.sequence, claim.created_at, sender, manage_url)
        text = calendar_text(entry)
        message.add_alternative(
            text.decode(), subtype="calendar", params={"method": method.value}, content_manager=CONTENT
        )
        message.add_attachment(
            text, maintype="application", subtype="ics", filename=wording.file, content_manager=CONTENT
        )
    return sealed(message)


def rendered(template: str, words: Mapping[str, object]) -> tuple[str, str]:
    """A mail's plain text and its HTML."""
    return (
        TEMPLATES.get_template(f"{template}.txt").render(words),
        TEMPLATES.get_template(f"{template}.html").render(words),
    )


def when(appointment: Appointment) -> str:
    """ "Monday 14 June 2027, 10:30 to 11:00, Europe/Berlin time (UTC+02:00)": the offset of that very day."""
    start, end = appointment.local_start, appointment.local_end
    ends = f"{end:%H:%M}" if start.date() == end.date() else _day_and_time(end)
    return _(
        "%(start)s to %(end)s, %(zone)s time (UTC%(offset)s)",
        start=_day_and_time(start),
        end=ends,
        zone=appointment.zone.key,
        offset=start.isoformat()[-6:],
    )


def when_for_reader(appointment: Appointment) -> str:
    """The start on the reader's own clocks, where those show something else; else empty."""
    if appointment.reader_zone is None or not appointment.is_elsewhere:
        return ""
    start = appointment.starts_at.astimezone(appointment.reader_zone)
    zone = appointment.reader_zone.key
    return _(
        "%(start)s, %(zone)s time (UTC%(offset)s)",
        start=_day_and_time(start),
        zone=zone,
        offset=start.isoformat()[-6:],
    )


def _day_and_time(moment: datetime) -> str:
    return f"{long_day(moment)}, {moment:%H:%M}"


def _details(appointment: Appointment) -> Sequence[tuple[str, str]]:
    """Never the reason and never the specialty: a mailbox is read by others too."""
    told = [
        (_("When"), when(appointment)),
        (_("Your time"), when_for_reader(appointment)),
        (_("With"), appointment.doctor),
        (_("Movie"), appointment.movie),
        (_("Where"), appointment.place),
        (_("Seats"), ", ".join(appointment.seats)),
        (_("Reference"), appointment.reference),
    ]
    return [(label, value) for label, value in told if value]


def headers(claim: Claim, sender: str, subject: str) -> Mapping[str, str]:
    """What stands above a mail beside who writes and who reads."""
    host = parseaddr(sender)[1].rpartition("@")[2]
    return {
        "Subject": subject,
        "Message-ID": f"<{claim.notice_id}@{host}>",
        # One conversation per booking.
        "References": f"<{claim.booking_id}@{host}>",
        "Date": format_datetime(claim.created_at),
        "Auto-Submitted": "auto-generated",  # RFC 3834: no holiday replies, please
    }
