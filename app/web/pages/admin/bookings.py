"""Bookings with filters, and the clinic's rules."""

from __future__ import annotations

from typing import Any

from flask import redirect, request, url_for
from werkzeug.wrappers import Response

from app.booking.reading import BookingFilter, bookings_after
from app.clinic import rules
from app.clinic.rules import ClinicRules
from app.directory.doctors import list_doctors
from app.directory.wall_time import day_bounds
from app.languages.texts import N_
from app.tables.booking import BookingStatus
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
    """Bookings by doctor, status and day; the address is the saved view."""
    status, doctor = request.args.get("status", ""), request.args.get("doctor_id", "")
    first, last = date_in(request.args.get("first")), date_in(request.args.get("last"))
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
    note_sight("bookings", others_bookings(found[:PAGE]))
    return render_admin(
        "bookings",
        "admin_bookings",
        bookings=[_line(each, zone) for each in found[:PAGE]],
        has_more=len(found) > PAGE,
        doctors=doctors,
        statuses=[(each.value, status_words(each.value)) for each in BookingStatus],
        asked=request.args,
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
