"""The page of a booking: just booked, upcoming, moved, past, cancelled; and its calendar entry."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import redirect, render_template, url_for
from werkzeug.wrappers import Response

from app.audit import fingerprints
from app.booking.deadline import change_until
from app.languages.texts import _, ngettext
from app.notices.calendar import download
from app.web.pages.blueprint import pages
from app.web.pages.guests import Guest, guest_of
from app.web.pages.hold import SEE_OTHER
from app.web.pages.lapsed import lapsed_page
from app.web.pages.tickets import ticket_of
from app.web.pages.visits import Visit, visit_of_booking
from app.web.pages.wording import clock_time, instant, long_day
from app.web.parts import parts
from app.web.policy import policy

#: So long after confirming, the page still says "booked" first.
NEWS_LASTS = timedelta(minutes=15)
GUARD = "one_live_booking_per_slot"


@dataclass(frozen=True)
class Panel:
    """The head of the page: what became of the booking."""

    title: str
    words: str
    #: It can still be moved or cancelled.
    is_live: bool = False


@dataclass(frozen=True)
class Deadline:
    """The clinic's policy for this booking in words; empty without one."""

    words: str
    is_over: bool


@pages.get("/m/<token>")
@policy("public")
def manage(token: str) -> Response | str:
    """A booking as its owner sees it."""
    guest = guest_of(token)
    if guest.is_held:
        return redirect(url_for("pages.details", token=token), SEE_OTHER)
    if guest.was_only_held:
        return lapsed_page(guest)
    visit = visit_of_booking(guest.booking)
    return render_template(
        "booking.html",
        visit=visit,
        speech=guest.speech,
        panel=panel_of(guest, visit),
        ticket=ticket_of(guest.booking) if guest.showtime_id else None,
        processed=_processed(guest),
        deadline=_deadline(guest),
        again_url=_again_url(guest),
        series_url=None if guest.showtime_id else url_for("pages.series", token=token),
        is_repeated=guest.booking["series_id"] is not None,
        calendar_url=url_for("pages.calendar_entry", token=token),
        move_url=url_for("pages.move", token=token),
        cancel_url=url_for("pages.cancel", token=token),
    )


def changeable_until(guest: Guest) -> datetime:
    """The last moment at which its owner may move or cancel it."""
    with parts().database.read() as connection:
        return change_until(connection, instant(guest.booking["starts_at"]))


def _deadline(guest: Guest) -> Deadline:
    until = changeable_until(guest)
    if until == instant(guest.booking["starts_at"]):
        return Deadline("", is_over=False)
    if guest.now > until:
        return Deadline(_("It is too late to move or cancel it online. Please call us."), is_over=True)
    day = long_day(until.astimezone(guest.zone).date())
    words = _(
        "You can move or cancel it until %(day)s, %(time)s.", day=day, time=clock_time(until, guest.zone)
    )
    return Deadline(words, is_over=False)


def _again_url(guest: Guest) -> str:
    """Where to book the like of it again."""
    if guest.showtime_id is not None:
        return url_for("pages.movie", movie_id=int(guest.booking["showtime"]["movie"]["id"]))
    return url_for("pages.times", doctor_id=int(guest.booking["doctor_id"]))


@pages.get("/m/<token>/appointment.ics")
@policy("public")
def calendar_entry(token: str) -> Response:
    """The appointment for a calendar program; cancelled ones too, so that it can be removed there."""
    guest = guest_of(token)
    if guest.is_held or guest.was_only_held:
        return lapsed_page(guest)
    config = parts().config
    entry = download(guest.booking, config.mail_from, config.base_url + url_for("pages.manage", token=token))
    kind = "seats" if guest.showtime_id else "appointment"
    name = f"{kind}-{guest.booking['reference']}.ics"
    return Response(
        entry,
        content_type="text/calendar; charset=utf-8; method=PUBLISH",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def panel_of(guest: Guest, visit: Visit) -> Panel:
    """What the page says first, by the booking's state and the time of looking."""
    booking, speech = guest.booking, guest.speech
    when = _("%(day)s at %(time)s, %(whose)s.", day=visit.day, time=visit.time, whose=visit.whose)
    if booking["status"] == "CANCELLED":
        cancelled = long_day(instant(booking["cancelled_at"]).astimezone(guest.zone).date())
        return Panel(
            speech.cancelled, f"{_('Cancelled on %(day)s.', day=cancelled)} {speech.cancelled_words}"
        )
    if not guest.is_confirmed or instant(booking["starts_at"]) <= guest.now:
        return Panel(speech.passed, when)
    if booking["sequence"] > 0:
        return Panel(speech.moved, f"{when} {speech.moved_words}", is_live=True)
    if _is_news(booking, guest.now):
        return Panel(speech.booked, when, is_live=True)
    return Panel(speech.yours, when, is_live=True)


def _is_news(booking: dict[str, Any], now: datetime) -> bool:
    return booking["confirmed_at"] is not None and now - instant(booking["confirmed_at"]) < NEWS_LASTS


def _processed(guest: Guest) -> list[tuple[str, str]]:
    """Which node wrote it and what kept others from writing over it."""
    booking = guest.booking
    with parts().database.read() as connection:
        audit = fingerprints.of_booking(connection, guest.booking_id)
    vector = ", ".join(f"{node} {count}" for node, count in sorted(booking["vector_clock"].items()))
    return [
        (_("Node"), booking["processed_by"]),
        (_("Logical clock"), str(booking["logical_clock"])),
        (_("Vector clock"), vector or _("empty")),
        (_("Fence"), str(booking["fence"])),
        (_("Guarded by"), GUARD),
        (_("Booking"), booking["id"]),
        (_("Held at"), booking["created_at"]),
        (_("Confirmed at"), booking["confirmed_at"] or _("not confirmed")),
        (
            _("Audit"),
            f"{ngettext('%(num)s entry', '%(num)s entries', audit.entries)}, SHA-256 {audit.sha256}",
        ),
    ]
