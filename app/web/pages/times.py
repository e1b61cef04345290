"""Screen 2: the days and times of one doctor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from flask import render_template, request, url_for
from sqlalchemy import Connection

from app.booking.why_not import why_not_offered
from app.directory.doctors import read_doctor
from app.directory.wall_time import reached
from app.languages.days import weekday_names
from app.languages.texts import _, translated
from app.web.pages.blueprint import pages
from app.web.pages.guests import Guest
from app.web.pages.my_hold import current_hold
from app.web.pages.offers import new_key
from app.web.pages.picker import Picker, Wish, read_picker
from app.web.pages.visits import Visit, visit_of_booking, visit_on_day
from app.web.pages.wording import clock_time, instant, month_title
from app.web.parts import parts
from app.web.policy import policy


@dataclass(frozen=True)
class Mine:
    """The time this browser holds now."""

    slot_id: str
    time: str
    until: str
    url: str


@dataclass(frozen=True)
class Moving:
    """A booking that looks for another time; its own is kept meanwhile."""

    token: str
    visit: Visit


@pages.get("/doctors/<id:doctor_id>")
@policy("public")
def times(doctor_id: int) -> str:
    """Pick a time with a doctor."""
    return render_picker(doctor_id)


def render_picker(doctor_id: int, moving: Guest | None = None) -> str:
    """The picker, to book or to move a booking. Raises NotFound for the doctor."""
    held = None if moving else current_hold()
    mine = _mine(held) if held else None
    with parts().database.read() as connection:
        doctor = read_doctor(connection, doctor_id)
        picker = read_picker(connection, doctor, Wish.of(request.args), mine.slot_id if mine else None)
        told = _why(connection, doctor, picker)
    return render_template(
        "times.html",
        heading=_("Pick a new time") if moving else _("Pick a time"),
        doctor=doctor,
        moving=Moving(moving.token, visit_of_booking(moving.booking)) if moving else None,
        visit=visit_on_day(doctor, picker.day.date if picker.day else None),
        weekdays=weekday_names(),
        month=picker.month,
        day=picker.day,
        jump=picker.jump,
        has_free_days=any(cell and cell.free_times for week in picker.month.weeks for cell in week),
        mine=mine if mine and held and held.booking["doctor_id"] == doctor["id"] else None,
        key=new_key(),
        empty_words=_empty_words(doctor, picker),
        asked=request.args.get("ask", ""),
        told=told,
        take_url=url_for("pages.move_check", token=moving.token) if moving else url_for("pages.hold"),
        take_method="get" if moving else "post",
        events_url=url_for_events(doctor_id),
        day_url=_day_url,
        month_url=_month_url,
    )


def _why(connection: Connection, doctor: Mapping[str, Any], picker: Picker) -> str:
    """The answer to "why is this time not offered?", for a time of the day that is shown."""
    try:
        asked = time.fromisoformat(request.args.get("ask", ""))
    except ValueError:
        return ""
    if picker.day is None or asked.tzinfo is not None:
        return ""
    moment = reached(datetime.combine(picker.day.date, asked), ZoneInfo(doctor["timezone"]))
    reason = why_not_offered(connection, int(doctor["id"]), moment)
    return f"{asked:%H:%M}: {translated(reason) if reason else _('It is free; choose it above.')}"


def url_for_events(doctor_id: int) -> str:
    """The event stream may be served by a process of its own, which the balancer knows."""
    return f"/api/events?doctor_id={doctor_id}"


def _mine(held: Guest) -> Mine:
    booking, zone = held.booking, held.zone
    return Mine(
        slot_id=booking["slot_id"],
        time=clock_time(instant(booking["starts_at"]), zone),
        until=clock_time(instant(booking["expires_at"]), zone),
        url=url_for("pages.details", token=held.token),
    )


def _empty_words(doctor: Mapping[str, Any], picker: Picker) -> str:
    if picker.has_any:
        return _("No free times in %(month)s.", month=month_title(picker.month.first))
    return _("%(doctor)s has no free times at the moment.", doctor=doctor["name"])


def _day_url(day: date) -> str:
    return f"{request.path}?date={day.isoformat()}"


def _month_url(first: date) -> str:
    return f"{request.path}?month={first:%Y-%m}"
