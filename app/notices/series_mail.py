"""One mail about several times of a repeating appointment, and one calendar file with all of them."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from app.languages.texts import N_, _
from app.notices.appointment import Appointment, read_appointments
from app.notices.calendar import Entry, Method, calendar_of
from app.notices.errors import NobodyToTell
from app.notices.letter import CONTENT, Letter, sealed, write
from app.notices.mail import VISIT, headers, rendered, when, when_for_reader
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
    appointments = read_appointments(tx, [row.id for row in rows])
    return [Told(appointments[row.id], row.sequence) for row in rows]


def compose_series(
    claim: Claim, told: Sequence[Told], sender: str, manage_url: Callable[[uuid.UUID], str]
) -> Letter:
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
    subject = _(
        "%(title)s: %(count)s with %(doctor)s", title=words["title"], count=len(told), doctor=first.doctor
    )
    entries = [
        Entry(each.appointment, Method.PUBLISH, each.sequence, claim.created_at, sender,
              manage_url(each.appointment.booking_id), is_cancelled=is_over)
        for each in told
    ]  # fmt: skip
    to = first.patient_name, first.patient_email
    message = write(sender, to, headers(claim, sender, subject), *rendered("series", words))
    message.add_attachment(
        calendar_of(entries), maintype="text", subtype="calendar", filename="appointments.ics",
        params={"method": Method.PUBLISH.value}, content_manager=CONTENT,
    )  # fmt: skip
    return sealed(message)


def _line(appointment: Appointment) -> str:
    yours = when_for_reader(appointment)
    return f"{when(appointment)} ({appointment.reference})" + (
        f"; {_('your time')}: {yours}" if yours else ""
    )
