"""Doctors: add, change, take out of the offer; and their usual week."""

from __future__ import annotations

from typing import Any

from flask import redirect, request, url_for
from werkzeug.wrappers import Response

from app.booking.closures import STANDING
from app.booking.documents import booking_documents, select_bookings
from app.database import db_now
from app.directory.doctors import (
    DoctorDraft,
    create_doctor,
    delete_doctor,
    list_doctors,
    read_doctor,
    update_doctor,
)
from app.directory.hours import Stretch, read_week, set_week
from app.errors import Conflict, ValidationFailed
from app.languages.texts import N_
from app.tables.booking import Booking
from app.time_zones import known_time_zones
from app.web.api.fields import Email, Line, PersonName, Phone
from app.web.api.inputs import RequestModel
from app.web.pages.admin.frame import actor, refused, render_admin, wrong_of
from app.web.pages.admin.week import read_typed_week, week_as_typed, week_shown
from app.web.pages.blueprint import pages
from app.web.pages.forms import WORDS, Wrong, read_form, request_key
from app.web.pages.hold import SEE_OTHER
from app.web.pages.wording import clock_time, instant, short_day
from app.web.parts import parts
from app.web.policy import policy

MOST = 200
DOCTOR_WORDS = {
    **WORDS,
    "name": N_("Enter the doctor's name"),
    "specialization": N_("Enter the specialty"),
    "phone": WORDS["patient_phone"],
    "hospital": N_("Keep the place under 200 characters"),
    "timezone": N_("Choose a time zone from the list"),
}


class DoctorForm(RequestModel):
    name: PersonName
    specialization: PersonName
    email: Email | None = None
    phone: Phone | None = None
    hospital: Line | None = None
    timezone: Line | None = None


@pages.get("/admin")
@policy("admin")
def admin() -> str:
    """Every doctor."""
    with parts().database.read() as connection:
        doctors = list_doctors(connection, limit=MOST)
    return render_admin("doctors", "admin", doctors=doctors)


@pages.get("/admin/doctors/new")
@policy("admin")
def admin_new_doctor() -> str:
    """An empty form."""
    return _form(None)


@pages.post("/admin/doctors/new")
@policy("admin")
def admin_add_doctor() -> Response:
    """Add the doctor."""
    read = _read()
    if isinstance(read, Wrong):
        return refused(_form(None, read))
    details = {"timezone": parts().config.clinic_timezone} | read.model_dump(exclude_none=True)
    try:
        done = create_doctor(parts().directory, DoctorDraft(**details), actor(), request_key({}))
    except Conflict as conflict:
        return refused(_form(None, Wrong(request.form.to_dict(), {"email": conflict.detail})))
    return redirect(url_for("pages.admin_doctor", doctor_id=int(done.value["id"]), done="doctor"), SEE_OTHER)


@pages.get("/admin/doctors/<id:doctor_id>")
@policy("admin")
def admin_doctor(doctor_id: int) -> str:
    """A doctor's details, week, and what is booked before they can go."""
    return _form(doctor_id)


@pages.post("/admin/doctors/<id:doctor_id>")
@policy("admin")
def admin_change_doctor(doctor_id: int) -> Response:
    """Change the doctor's details."""
    read = _read()
    if isinstance(read, Wrong):
        return refused(_form(doctor_id, read))
    changes = {name: getattr(read, name) for name in DoctorForm.model_fields}
    if changes["timezone"] is None:
        del changes["timezone"]
    try:
        update_doctor(parts().directory, doctor_id, changes, actor(), request_key({}))
    except Conflict as conflict:
        return refused(_form(doctor_id, Wrong(request.form.to_dict(), {"email": conflict.detail})))
    return redirect(url_for("pages.admin_doctor", doctor_id=doctor_id, done="doctor"), SEE_OTHER)


@pages.post("/admin/doctors/<id:doctor_id>/delete")
@policy("admin")
def admin_delete_doctor(doctor_id: int) -> Response:
    """Take the doctor out of the offer; refused while anybody is booked with them."""
    delete_doctor(parts().directory, doctor_id, actor(), request_key({}))
    return redirect(url_for("pages.admin", done="deleted"), SEE_OTHER)


@pages.post("/admin/doctors/<id:doctor_id>/hours")
@policy("admin")
def admin_hours(doctor_id: int) -> Response:
    """Set the usual week."""
    try:
        set_week(parts().directory, doctor_id, read_typed_week(request.form), actor(), request_key({}))
    except ValidationFailed as refusal:
        return refused(_form(doctor_id, wrong_week=wrong_of(refusal)))
    return redirect(url_for("pages.admin_doctor", doctor_id=doctor_id, done="hours"), SEE_OTHER)


def _read() -> DoctorForm | Wrong:
    read = read_form(DoctorForm, request.form, DOCTOR_WORDS)
    if isinstance(read, DoctorForm) and read.timezone and read.timezone not in known_time_zones():
        return Wrong(request.form.to_dict(), {"timezone": DOCTOR_WORDS["timezone"]})
    return read


def _form(doctor_id: int | None, wrong: Wrong | None = None, wrong_week: Wrong | None = None) -> str:
    """The doctor's page; of a form that was refused, what was typed stands in it."""
    doctor: dict[str, Any] = {"timezone": parts().config.clinic_timezone}
    week: list[Stretch] = []
    ahead: list[dict[str, Any]] = []
    if doctor_id is not None:
        with parts().database.read() as connection:
            doctor, week = read_doctor(connection, doctor_id), read_week(connection, doctor_id)
            query = select_bookings().where(
                Booking.doctor_id == doctor_id, Booking.status.in_(STANDING), Booking.ends_at > db_now()
            )
            rows = connection.execute(query.order_by(Booking.starts_at).limit(MOST))
            ahead = booking_documents(connection, list(rows))
    zone = parts().config.zone
    kept = {name: text or "" for name, text in doctor.items() if isinstance(text, str)}
    usual_minutes = parts().config.default_slot_minutes
    return render_admin(
        "doctor",
        "admin",
        wrong=wrong or Wrong(kept, wrong_week.sentences if wrong_week else {}),
        doctor=doctor if doctor_id is not None else None,
        week=week_as_typed(wrong_week.values) if wrong_week else week_shown(week, usual_minutes),
        zones=sorted(known_time_zones()),
        ahead=[
            (f"{short_day(instant(each['starts_at']).astimezone(zone).date())}, "
             f"{clock_time(instant(each['starts_at']), zone)}", each)
            for each in ahead
        ],
    )  # fmt: skip
