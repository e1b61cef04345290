"""Bookings with filters, and the clinic's rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from flask import redirect, request, url_for
from werkzeug.wrappers import Response

from app.accounts.views import LONGEST_NAME, View, remove_view, save_view, views_of
from app.booking.reading import BookingFilter, bookings_after
from app.clinic import rules
from app.clinic.rules import ClinicRules
from app.directory.doctors import list_doctors
from app.directory.wall_time import day_bounds
from app.errors import Conflict
from app.languages.texts import N_, _
from app.tables.booking import BookingStatus
from app.web.callers import required_principal
from app.web.pages.admin.frame import refused, render_admin
from app.web.pages.blueprint import pages
from app.web.pages.desk.days import desk_url
from app.web.pages.forms import Wrong
from app.web.pages.hold import SEE_OTHER
from app.web.pages.picker import date_in
from app.web.pages.visits import status_words
from app.web.pages.wording import clock_time, instant, short_day
from app.web.parts import parts
from app.web.policy import policy
from app.web.sightings import note_sight, others_bookings

PAGE = 50
FILTERS, LONGEST_FILTER = ("doctor_id", "status", "first", "last"), 30
#: The largest sensible value of each number, so that a slip of the finger is caught.
LARGEST = {"change_until_hours": 24 * 14, "reminder_hours": 24 * 7, "waitlist_minutes": 24 * 60}
RULE_WORDS = {
    "change_until_hours": N_("Enter hours from 0 to 336"),
    "reminder_hours": N_("Enter hours from 0 to 168"),
    "waitlist_minutes": N_("Enter minutes from 1 to 1440"),
}


@pages.get("/admin/bookings")
@policy("admin")
def admin_bookings() -> str:
    """Bookings by doctor, status and day; the address is the view."""
    return _bookings(request.args)


@pages.post("/admin/bookings/views")
@policy("admin")
def admin_save_view() -> Response:
    """Keep what is asked for by a name."""
    name, caller = request.form.get("name", "").strip(), required_principal()
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
        return refused(_bookings(request.form, _nameless(_("Enter a short name"))))
    view = View(name, _query_of(request.form))
    try:
        parts().database.run(lambda tx: save_view(tx, caller.user_id, view))
    except Conflict as full:
        return refused(_bookings(request.form, _nameless(full.detail)))
    return redirect(f"{url_for('pages.admin_bookings')}?{view.query}", SEE_OTHER)


@pages.post("/admin/bookings/views/remove")
@policy("admin")
def admin_remove_view() -> Response:
    """Forget a view."""
    caller, name = required_principal(), request.form.get("name", "")
    parts().database.run(lambda tx: remove_view(tx, caller.user_id, name))
    return redirect(url_for("pages.admin_bookings"), SEE_OTHER)


def _nameless(words: str) -> Wrong:
    return Wrong(request.form.to_dict(), {"name": words})


def _query_of(asked: Mapping[str, str]) -> str:
    """The filters alone, as in the address; what is longer than any of ours is none."""
    kept = {name: asked.get(name, "") for name in FILTERS}
    return urlencode({name: text for name, text in kept.items() if 0 < len(text) <= LONGEST_FILTER})


def _bookings(asked: Mapping[str, str], wrong: Wrong | None = None) -> str:
    status, doctor = asked.get("status", ""), asked.get("doctor_id", "")
    first, last = date_in(asked.get("first")), date_in(asked.get("last"))
    zone = parts().config.zone
    narrow = BookingFilter(
        status=BookingStatus(status) if status in BookingStatus.__members__ else None,
        doctor_id=int(doctor) if doctor.isdecimal() and len(doctor) < 19 else None,
        starts_from=day_bounds(first, zone)[0] if first else None,
        starts_before=day_bounds(last, zone)[1] if last else None,
        only_appointments=True,
    )
    with parts().database.read() as connection:
        found = bookings_after(connection, narrow, None, PAGE + 1)
        doctors = list_doctors(connection, limit=200)
        views = views_of(connection, required_principal().user_id)
    note_sight("bookings", others_bookings(found[:PAGE]))
    return render_admin(
        "bookings",
        "admin_bookings",
        wrong=wrong,
        views=views,
        filters=FILTERS,
        bookings=[_line(each, zone) for each in found[:PAGE]],
        has_more=len(found) > PAGE,
        doctors=doctors,
        statuses=[(each.value, status_words(each.value)) for each in BookingStatus],
        asked=asked,
    )


@pages.get("/admin/settings")
@policy("admin")
def admin_rules() -> str:
    """What this clinic does its own way."""
    return _rules(None)


@pages.post("/admin/settings")
@policy("admin")
def admin_set_rules() -> Response:
    """Keep the rules."""
    numbers: dict[str, int] = {}
    sentences: dict[str, str] = {}
    for name, largest in LARGEST.items():
        text = request.form.get(name, "").strip()
        least = 1 if name == "waitlist_minutes" else 0
        if text.isdecimal() and least <= int(text[:6]) <= largest:
            numbers[name] = int(text)
        else:
            sentences[name] = RULE_WORDS[name]
    if sentences:
        return refused(_rules(Wrong(request.form.to_dict(), sentences)))
    kept = ClinicRules(**numbers, desk_may_overbook=request.form.get("desk_may_overbook") == "yes")
    parts().database.run(lambda tx: rules.write(tx, kept))
    return redirect(url_for("pages.admin_rules", done="rules"), SEE_OTHER)


def _rules(wrong: Wrong | None) -> str:
    with parts().database.read() as connection:
        kept = rules.read(connection)
    shown = wrong or Wrong({name: str(getattr(kept, name)) for name in LARGEST})
    return render_admin("rules", "admin_rules", wrong=shown, kept=kept)


def _line(booking: dict[str, Any], zone: Any) -> dict[str, Any]:
    begin = instant(booking["starts_at"])
    day = begin.astimezone(zone).date()
    return {
        **booking,
        "when": f"{short_day(day)} {day.year}, {clock_time(begin, zone)}",
        "url": desk_url(day, booking=booking["id"]),
    }
