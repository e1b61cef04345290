"""One mail about several times of a repeating appointment, and one calendar file with all of them."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP

from sqlalchemy import Connection, select

from app.languages.texts import N_, _
from app.notices.appointment import Appointment, read_appointment
from app.notices.calendar import Entry, Method, calendar_of
from app.notices.errors import NobodyToTell
from app.notices.mail import TEMPLATES, VISIT, address, identify, when, when_for_reader
from app.notices.queue import Claim, Kind
from app.notices.typed_text import name_to_greet
from app.tables.booking import Booking


@dataclass(frozen=True)
class Told:
    """One of the times, and the version of its calendar entry."""

    appointment: Appointment
    sequence: int


#: In which state a time must be for the mail to be true of it.
TRUE_OF = {
    Kind.SERIES: "CONFIRMED",
    Kind.SERIES_MOVED: "CONFIRMED",
    Kind.SERIES_CANCELLED: "CANCELLED",
}
TITLES = {
    Kind.SERIES: N_("Appointments confirmed"),
    Kind.SERIES_MOVED: N_("Appointments moved"),
    Kind.SERIES_CANCELLED: N_("Appointments cancelled"),
}
OPENINGS = {
    Kind.SERIES: N_("Your appointments are confirmed. These are the times:"),
    Kind.SERIES_MOVED: N_("Your appointments were moved. These are the new times:"),
    Kind.SERIES_CANCELLED: N_("These appointments were cancelled, and their times are free again:"),
}


def read_told(tx: Connection, claim: Claim) -> list[Told]:
    """Those times of which the mail is true now, by start."""
    rows = tx.execute(
        select(Booking.id, Booking.sequence)
        .where(Booking.id.in_(claim.about), Booking.status == TRUE_OF[claim.kind])
        .order_by(Booking.starts_at, Booking.id)
    ).all()
    return [Told(read_appointment(tx, row.id), row.sequence) for row in rows]


def compose_series(
    claim: Claim, told: Sequence[Told], sender: str, manage_url: Callable[[uuid.UUID], str]
) -> EmailMessage:
    """The mail about these times, of which there is at least one. Raises NobodyToTell, Undeliverable."""
    first = told[0].appointment
    if not first.patient_email:
        raise NobodyToTell
    is_over = claim.kind is Kind.SERIES_CANCELLED
    words = {
        "title": _(TITLES[claim.kind]),
        "opening": _(OPENINGS[claim.kind]),
        "why": _(VISIT.why),
        "name": name_to_greet(first.patient_name),
        "details": [
            (label, text) for label, text in ((_("With"), first.doctor), (_("Where"), first.place)) if text
        ],
        "times": [_line(each.appointment) for each in told],
        "more": _("See them, or book other times")
        if is_over
        else _("See, move or cancel one or all of them"),
        "calendar": _("The attached calendar file removes them from your calendar.")
        if is_over
        else _("The attached calendar file holds all of them."),
        "manage_url": manage_url(first.booking_id),
    }
    message = EmailMessage(policy=SMTP)
    address(message, first, sender)
    message["Subject"] = _(
        "%(title)s: %(count)s with %(doctor)s", title=words["title"], count=len(told), doctor=first.doctor
    )
    identify(message, claim, sender)
    message.set_content(TEMPLATES.get_template("series.txt").render(words))
    message.add_alternative(TEMPLATES.get_template("series.html").render(words), subtype="html")
    entries = [
        Entry(each.appointment, Method.PUBLISH, each.sequence, claim.created_at, sender,
              manage_url(each.appointment.booking_id), is_cancelled=is_over)
        for each in told
    ]  # fmt: skip
    message.add_attachment(
        calendar_of(entries), maintype="text", subtype="calendar", filename="appointments.ics",
        params={"method": Method.PUBLISH.value},
    )  # fmt: skip
    return message


def _line(appointment: Appointment) -> str:
    yours = when_for_reader(appointment)
    return f"{when(appointment)} ({appointment.reference})" + (
        f"; {_('your time')}: {yours}" if yours else ""
    )
