"""Public holidays: proposed by country and region, looked at with what they would close, then applied."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from flask import redirect, request, url_for
from sqlalchemy import Connection
from werkzeug.wrappers import Response

from app.booking.holiday_plan import DoctorZone, PlannedDay, close_days, plan_days
from app.directory.doctors import list_doctors
from app.directory.placing import read_now
from app.directory.public_holidays import Holiday, countries, country_of, public_holidays
from app.directory.wall_time import local_day
from app.errors import ValidationFailed
from app.languages.days import country_names
from app.languages.texts import _
from app.web.pages.admin.frame import refused, render_admin
from app.web.pages.admin.slots import MOST_DOCTORS
from app.web.pages.blueprint import pages
from app.web.pages.desk.days import desk_url
from app.web.pages.forms import Wrong, request_key
from app.web.pages.hold import SEE_OTHER
from app.web.pages.wording import clock_time, instant, long_day
from app.web.parts import parts
from app.web.policy import policy
from app.web.staff import desk_actor

YEARS_AHEAD = 2
LONGEST_KEY_LIST = 100


@pages.get("/admin/holidays")
@policy("admin")
def admin_holidays() -> str | Response:
    """The holidays of a country's year that are to come, each with what closing it would do."""
    try:
        return _page(request.args)
    except ValidationFailed as refusal:
        told = {each["field"]: each["message"] for each in refusal.extras["errors"]}
        return refused(_page({}, Wrong(request.args.to_dict(), told)))


@pages.post("/admin/holidays")
@policy("admin")
def admin_close_holidays() -> Response:
    """Close the chosen days for every doctor."""
    chosen = set(request.form.getlist("day")[:LONGEST_KEY_LIST])
    with parts().database.read() as connection:
        proposed, doctors = _proposed(connection, request.form), _doctors(connection)
    days = [each for each in proposed if each.day.isoformat() in chosen]
    if not days:
        return refused(
            _page(request.form, Wrong(request.form.to_dict(), {"days": _("Choose the days to close")}))
        )
    key = request_key({"days": sorted(chosen)}, variant="holidays")
    close_days(parts().engine, days, doctors, desk_actor(), key)
    again: dict[str, Any] = {name: request.form.get(name, "") for name in ("country", "region", "year")}
    return redirect(url_for("pages.admin_holidays", **again, done="holidays"), SEE_OTHER)


def _page(asked: Mapping[str, str], wrong: Wrong | None = None) -> str:
    with parts().database.read() as connection:
        today = local_day(read_now(connection), parts().config.zone)
        typed = _filled(asked, today.year)
        doctors = _doctors(connection)
        planned = plan_days(connection, _proposed(connection, typed), doctors) if "year" in asked else []
    names = country_names()
    return render_admin(
        "holidays",
        "admin_slots",
        wrong=wrong,
        typed=typed,
        countries=sorted(((code, names.get(code, code)) for code in countries()), key=lambda each: each[1]),
        regions=countries().get(typed["country"], ()),
        years=[str(today.year + ahead) for ahead in range(YEARS_AHEAD + 1)],
        days=[_line(each) for each in planned],
        is_shown="year" in asked,
        doctors=len(doctors),
    )


def _filled(asked: Mapping[str, str], year: int) -> dict[str, str]:
    usual = country_of(parts().config.zone) or ""
    country = asked.get("country") or usual
    region = asked.get("region", "")
    # Whoever changes the country has not chosen a region of it yet.
    kept = region if region in countries().get(country, ()) else ""
    return {"country": country, "region": kept, "year": asked.get("year") or str(year)}


def _proposed(connection: Connection, asked: Mapping[str, str]) -> list[Holiday]:
    """Raises ValidationFailed for a country or year that is none."""
    today = local_day(read_now(connection), parts().config.zone)
    year = asked.get("year", "")
    if not year.isdecimal() or not today.year <= int(year[:6]) <= today.year + YEARS_AHEAD:
        raise ValidationFailed.of("year", _("choose this year or one of the next"))
    language = parts().config.clinic_language
    found = public_holidays(asked.get("country", ""), asked.get("region"), int(year), language)
    return [each for each in found if each.day > today]


def _doctors(connection: Connection) -> list[DoctorZone]:
    found = list_doctors(connection, limit=MOST_DOCTORS)
    return [DoctorZone(int(each["id"]), ZoneInfo(each["timezone"])) for each in found]


def _line(planned: PlannedDay) -> dict[str, Any]:
    return {
        "day": planned.holiday.day.isoformat(),
        "words": long_day(planned.holiday.day),
        "name": planned.holiday.name,
        "offered": planned.offered,
        "is_closed": planned.is_closed,
        "bookings": [
            {
                "time": clock_time(instant(each["starts_at"]), ZoneInfo(each["timezone"])),
                "patient": each["patient_name"],
                "doctor": each["doctor"]["name"],
                "url": desk_url(planned.holiday.day, booking=each["id"]),
            }
            for each in planned.bookings
        ],
    }
