"""The waitlist for people: stand in line, see where one stands, leave. An offer is a hold like any other."""

from __future__ import annotations

import hmac
from datetime import date, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.booking import manage_token
from app.booking.actions import GUEST, PatientDetails, WaitWish, join_waitlist, leave_waitlist
from app.booking.waitlist import read_entry
from app.directory.doctors import read_doctor
from app.directory.placing import read_now
from app.directory.wall_time import day_bounds, local_day
from app.errors import Conflict, NotFound
from app.languages.texts import said
from app.web.api.request_keys import keyed_digest
from app.web.pages.blueprint import pages
from app.web.pages.forms import PatientForm, Wrong, read_form, request_key
from app.web.pages.hold import SEE_OTHER
from app.web.pages.offers import new_key
from app.web.pages.picker import date_in
from app.web.pages.wording import instant, long_day
from app.web.parts import parts
from app.web.policy import policy

UNPROCESSABLE = 422
LONGEST_WAIT = timedelta(days=90)


@pages.get("/doctors/<id:doctor_id>/wait")
@policy("public")
def wait(doctor_id: int) -> str:
    """Ask for which days one waits, and for whom."""
    return _form(doctor_id, Wrong(request.args.to_dict()))


@pages.post("/doctors/<id:doctor_id>/wait")
@policy("public")
def wait_now(doctor_id: int) -> Response | tuple[str, int]:
    """Stand in line; sent twice, one stands there once."""
    read = read_form(PatientForm, request.form)
    first, last = date_in(request.form.get("first")), date_in(request.form.get("last"))
    sentences = dict(read.sentences) if isinstance(read, Wrong) else {}
    if first is None or last is None or not timedelta() <= last - first <= LONGEST_WAIT:
        sentences["first"] = said("Choose the days, %(days)s at most", days=LONGEST_WAIT.days)
    if isinstance(read, Wrong) or sentences or first is None or last is None:
        return _form(doctor_id, Wrong(request.form.to_dict(), sentences)), UNPROCESSABLE
    with parts().database.read() as connection:
        zone = ZoneInfo(read_doctor(connection, doctor_id)["timezone"])
    details = read.details()
    patient = PatientDetails(details.name, details.email, details.phone, language=details.language)
    wish = WaitWish(doctor_id, day_bounds(first, zone)[0], day_bounds(last, zone)[1], patient)
    try:
        joined = join_waitlist(parts().engine, wish, GUEST, request_key({"doctor_id": doctor_id}))
    except Conflict as conflict:
        return _form(
            doctor_id, Wrong(request.form.to_dict(), {"patient_email": conflict.detail})
        ), UNPROCESSABLE
    return redirect(url_for("pages.place_in_line", token=_issue(joined.value["id"])), SEE_OTHER)


@pages.get("/wait/<token>")
@policy("public")
def place_in_line(token: str) -> str:
    """Where one stands, or the offer."""
    with parts().database.read() as connection:
        entry = read_entry(connection, _read(token))
    zone = ZoneInfo(entry["timezone"])
    last = instant(entry["starts_before"]) - timedelta(seconds=1)
    offer = entry["offer_id"]
    return render_template(
        "place_in_line.html",
        entry=entry,
        first_day=long_day(instant(entry["starts_from"]).astimezone(zone).date()),
        last_day=long_day(last.astimezone(zone).date()),
        offer_url=url_for("pages.manage", token=manage_token.issue(parts().config.secret_key, UUID(offer)))
        if offer
        else None,
        leave_url=url_for("pages.leave_line", token=token),
        key=new_key(),
    )


@pages.post("/wait/<token>/leave")
@policy("public")
def leave_line(token: str) -> Response:
    """Wait no longer."""
    leave_waitlist(parts().engine, _read(token), GUEST, request_key({}))
    return redirect(url_for("pages.place_in_line", token=token), SEE_OTHER)


def _form(doctor_id: int, typed: Wrong) -> str:
    with parts().database.read() as connection:
        doctor = read_doctor(connection, doctor_id)
        today = local_day(read_now(connection), ZoneInfo(doctor["timezone"]))
    first = date_in(typed.values.get("first")) or date_in(typed.values.get("date")) or today
    last = date_in(typed.values.get("last")) or first + timedelta(days=13)
    return render_template(
        "wait.html",
        doctor=doctor,
        days={"first": _shown(first), "last": _shown(last), "today": _shown(today)},
        values=typed.values,
        wrong=typed.sentences,
        found=typed.summary,
        key=new_key(),
    )


def _shown(day: date) -> str:
    return day.isoformat()


def _issue(entry_id: str) -> str:
    return f"{entry_id}.{keyed_digest(f'waitlist {entry_id}')[:32]}"


def _read(token: str) -> UUID:
    """Raises NotFound for a forged token."""
    entry_id, _, proof = token.partition(".")
    expected = keyed_digest(f"waitlist {entry_id}")[:32]
    if not hmac.compare_digest(proof.encode(), expected.encode()):
        raise NotFound("There is no such place in line.")
    return UUID(entry_id)
