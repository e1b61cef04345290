"""Making times: first exactly what would be made and what left out, then the same by one press."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from flask import redirect, request, url_for
from sqlalchemy import Connection
from werkzeug.wrappers import Response

from app.booking.actions import ClosureDraft, Interval, close_time
from app.directory.bulk import create_slots, preview_slots
from app.directory.doctors import list_doctors
from app.directory.generation import Window
from app.directory.hours import create_from_hours, preview_from_hours
from app.directory.placing import read_now
from app.directory.wall_time import day_bounds, local_day
from app.errors import Refusal, ValidationFailed
from app.languages.texts import N_, _, translated
from app.web.pages.admin.frame import actor, refused, render_admin
from app.web.pages.blueprint import pages
from app.web.pages.forms import Wrong, request_key
from app.web.pages.hold import SEE_OTHER, slot_id_in
from app.web.pages.picker import date_in
from app.web.pages.wording import short_day
from app.web.parts import parts
from app.web.policy import policy
from app.web.staff import desk_actor

MOST_DOCTORS = 200
MOST_DAYS_SHOWN = 62
SKIPPED_WORDS = {
    "NO_SUCH_LOCAL_TIME": N_("the clocks skip this time"),
    "CLOCK_CHANGE": N_("the clocks change"),
    "IN_THE_PAST": N_("has passed"),
    "ALREADY_THERE": N_("is there already"),
    "OVERLAP": N_("overlaps another time"),
    "CLOSED": N_("is closed"),
}


@dataclass(frozen=True)
class Asked:
    """A doctor and days; by the usual week, or the same hours every day."""

    doctor_id: int
    first: date
    last: date
    by_hours: bool
    window: Window | None


@pages.get("/admin/slots")
@policy("admin")
def admin_slots() -> str:
    """Ask for the times to make and show them."""
    return _page(request.args)


@pages.post("/admin/slots")
@policy("admin")
def admin_make_slots() -> Response:
    """Make exactly what was shown, as far as it is still free."""
    try:
        asked = _read(request.form)
        if asked.window is None:
            create_from_hours(
                parts().directory, asked.doctor_id, asked.first, asked.last, actor(), request_key({})
            )
        else:
            create_slots(parts().directory, asked.doctor_id, asked.window, actor(), request_key({}))
    except ValidationFailed:
        return refused(_page(request.form))
    return redirect(url_for("pages.admin_slots", done="slots"), SEE_OTHER)


@pages.post("/admin/holiday")
@policy("admin")
def admin_holiday() -> Response:
    """Close a day for every doctor: a public holiday, an outing."""
    day, reason = date_in(request.form.get("day")), request.form.get("reason", "").strip()[:200]
    if day is None or not reason:
        return refused(_page({}, Wrong(request.form.to_dict(), {"day": N_("Choose the day and say why")})))
    begin, end = day_bounds(day, parts().config.zone)
    with parts().database.read() as connection:
        doctors = list_doctors(connection, limit=MOST_DOCTORS)
    for doctor in doctors:
        draft = ClosureDraft(Interval(int(doctor["id"]), begin, end), reason)
        key = request_key({"day": day.isoformat()}, variant=f"holiday-{doctor['id']}")
        close_time(parts().engine, draft, desk_actor(), key)
    return redirect(url_for("pages.admin_slots", done="holiday"), SEE_OTHER)


def _page(typed: Mapping[str, str], wrong: Wrong | None = None) -> str:
    with parts().database.read() as connection:
        doctors = list_doctors(connection, limit=MOST_DOCTORS)
        today = local_day(read_now(connection), parts().config.zone)
        preview, refusal = _preview(connection, typed) if typed.get("doctor_id") else (None, "")
    return render_admin(
        "slots",
        "admin_slots",
        wrong=wrong,
        doctors=doctors,
        typed=_filled(typed, today),
        preview=preview,
        refusal=refusal,
    )


def _preview(connection: Connection, typed: Mapping[str, str]) -> tuple[dict[str, Any] | None, str]:
    try:
        asked = _read(typed)
        if asked.window is None:
            report = preview_from_hours(connection, asked.doctor_id, asked.first, asked.last)
        else:
            report = preview_slots(connection, asked.doctor_id, asked.window)
    except Refusal as refusal:
        return None, _words(refusal)
    days = list(report["days"].items())
    return {
        **report,
        "shown": [(short_day(date.fromisoformat(day)), times) for day, times in days[:MOST_DAYS_SHOWN]],
        "more_days": max(0, len(days) - MOST_DAYS_SHOWN),
        "left_out": [
            (f"{short_day(date.fromisoformat(each['slot_date']))}, {each['slot_time']}",
             _(SKIPPED_WORDS[each["reason"]]))
            for each in report["skipped_times"][:MOST_DAYS_SHOWN]
        ],
    }, ""  # fmt: skip


def _words(refusal: Refusal) -> str:
    """What is wrong, without the names that programs have for our fields."""
    told = [translated(each["message"]) for each in refusal.extras.get("errors", ())]
    words = "; ".join(told) or translated(refusal.detail)
    return words[:1].upper() + words[1:]


def _read(typed: Mapping[str, str]) -> Asked:
    """Raises ValidationFailed naming what cannot be read."""
    first = date_in(typed.get("first"))
    last = date_in(typed.get("last")) or first
    if first is None or last is None:
        raise ValidationFailed.of("first", N_("choose the days"))
    doctor_id, by_hours = slot_id_in(typed.get("doctor_id", "")), typed.get("how") != "window"
    if by_hours:
        return Asked(doctor_id, first, last, True, None)
    try:
        opens, closes = (_minutes(typed.get(name, "")) for name in ("opens", "closes"))
        duration = int(typed.get("minutes", ""))
    except ValueError:
        raise ValidationFailed.of("opens", N_("enter times such as 09:00 and a length in minutes")) from None
    window = Window(first, last, opens, closes, duration, typed.get("weekends") != "yes")
    return Asked(doctor_id, first, last, False, window)


def _minutes(text: str) -> int:
    moment = datetime.combine(date.min, time.fromisoformat(text))
    return moment.hour * 60 + moment.minute


def _filled(typed: Mapping[str, str], today: date) -> dict[str, str]:
    config = parts().config
    proposed = {
        "doctor_id": "",
        "how": "hours",
        "first": today.isoformat(),
        "last": today.isoformat(),
        "opens": f"{config.clinic_start_hour:02}:00",
        "closes": f"{config.clinic_end_hour % 24:02}:00",
        "minutes": str(config.default_slot_minutes),
        "weekends": "",
    }
    return {name: typed.get(name) or value for name, value in proposed.items()}
