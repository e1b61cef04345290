"""Booking at the counter: a free time, whoever walks in, one more on purpose."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from flask import redirect, render_template, request
from werkzeug.wrappers import Response

from app.booking import actions
from app.booking.actions import Claim, FirstFree, Interval, Overbooking, PatientDetails
from app.booking.availability import read_slot
from app.booking.wall import read_for
from app.directory.patients import PatientDraft, create_patient, find_patient, read_patient, search_patients
from app.directory.placing import read_now
from app.errors import Conflict, NotFound
from app.languages.texts import N_
from app.web.api.fields import Email, PersonName, Phone, ResourceId, Uuid
from app.web.api.inputs import RequestModel
from app.web.pages.blueprint import pages
from app.web.pages.desk.board import refused_form
from app.web.pages.desk.days import DeskDay, desk_url
from app.web.pages.forms import WORDS, Reason, Wrong, read_form, request_key
from app.web.pages.hold import SEE_OTHER, wanted_slot_id
from app.web.pages.wording import instant
from app.web.parts import parts
from app.web.policy import policy
from app.web.sightings import note_sight
from app.web.staff import desk_actor, desk_reader, require_served

WHY = N_("Say in a few words why this time must hold one more")


class CounterForm(RequestModel):
    """Somebody on file, or at least a name."""

    patient_id: Uuid | None = None
    patient_name: PersonName | None = None
    patient_phone: Phone | None = None
    patient_email: Email | None = None
    reason: Reason | None = None


class WalkInForm(CounterForm):
    doctor_id: ResourceId | None = None


@pages.post("/desk/book")
@policy("staff")
def desk_book() -> Response:
    """Book a free time at once."""
    slot_id = wanted_slot_id(request.form)
    patient = _patient(CounterForm)
    if isinstance(patient, Wrong):
        return refused_form(patient, slot=str(slot_id))
    key = request_key({"slot_id": slot_id}, variant=str(slot_id))
    done = actions.hold_slot(parts().engine, Claim((slot_id,), patient, instant=True), desk_actor(), key)
    return _back_to(done.value)


@pages.post("/desk/walk-in")
@policy("staff")
def desk_walk_in() -> Response:
    """Give somebody who stands here the next free time of today, and mark them as arrived."""
    form = read_form(WalkInForm, request.form)
    patient = _patient(WalkInForm)
    if isinstance(form, Wrong):
        return refused_form(form, panel="walk-in")
    if isinstance(patient, Wrong):
        return refused_form(patient, panel="walk-in")
    if form.doctor_id:
        require_served(form.doctor_id)
    with parts().database.read() as connection:
        today = DeskDay.asked(read_now(connection), parts().config.zone)
    _, midnight = today.bounds
    wanted = FirstFree(
        patient,
        doctor_ids=(form.doctor_id,) if form.doctor_id else _all_served(),
        starts_before=midnight,
        instant=True,
        has_arrived=True,
    )
    key = request_key({"doctor_id": form.doctor_id}, variant="walk-in")
    return _back_to(actions.hold_first_free(parts().engine, wanted, desk_actor(), key).value)


@pages.post("/desk/overbook")
@policy("staff")
def desk_overbook() -> Response:
    """One more at a time that is taken: with a reason, for those who may."""
    slot_id = wanted_slot_id(request.form)
    patient = _patient(CounterForm)
    why = request.form.get("why", "").strip()[:500]
    if isinstance(patient, Wrong) or not why:
        wrong = patient if isinstance(patient, Wrong) else Wrong(request.form.to_dict())
        words = {**wrong.sentences, **({} if why else {"why": WHY})}
        return refused_form(Wrong({**wrong.values, "why": why}, words), slot=str(slot_id), panel="overbook")
    with parts().database.read() as connection:
        slot = read_slot(connection, slot_id)
    require_served(int(slot["doctor_id"]))
    interval = Interval(int(slot["doctor_id"]), instant(slot["starts_at"]), instant(slot["ends_at"]))
    key = request_key({"slot_id": slot_id}, variant=f"overbook-{slot_id}")
    done = actions.overbook(parts().engine, Overbooking(interval, why), patient, desk_actor(), key)
    return _back_to(done.value)


@pages.get("/desk/patients")
@policy("staff")
def desk_patients() -> str:
    """Who on file matches what is typed: a fragment for the panel."""
    q = request.args.get("q", "")[:100]
    with read_for(parts().database, desk_actor()) as connection:
        matches = search_patients(connection, desk_reader(), q)
    note_sight("patients", [each["id"] for each in matches], searched=True)
    return render_template("desk/matches.html", matches=matches, q=q, chosen="")


def _all_served() -> tuple[int, ...]:
    """Every doctor of this staff; empty means any, for staff of the whole practice."""
    doctors = desk_actor().doctors
    if doctors is not None and not doctors:
        raise NotFound("There is no doctor of yours.")
    return tuple(sorted(doctors or ()))


def _patient(model: type[CounterForm]) -> PatientDetails | Wrong:
    """Who comes: from the file, or as typed and put on file when there is an address to know them by."""
    read = read_form(model, request.form)
    if isinstance(read, Wrong):
        return read
    if read.patient_id is not None:
        with read_for(parts().database, desk_actor()) as connection:
            known = read_patient(connection, desk_reader(), read.patient_id)
        return PatientDetails(known["name"], known["email"], known["phone"], read.reason, read.patient_id)
    if read.patient_name is None:
        typed: Mapping[str, str] = request.form.to_dict()
        return Wrong(typed, {"patient_name": WORDS["patient_name"]})
    patient = PatientDetails(read.patient_name, read.patient_email, read.patient_phone, read.reason)
    return _on_file(patient) if read.patient_email else patient


def _on_file(patient: PatientDetails) -> PatientDetails:
    """The same person with the id of their record, which is made if there is none."""
    address = patient.email or ""
    with parts().database.read() as connection:
        known = find_patient(connection, address)
    if known is None:
        draft = PatientDraft(patient.name, address, patient.phone)
        try:
            known = create_patient(parts().directory, draft, desk_actor().label).value
        except Conflict:
            return patient  # somebody else has just put them on file
    if known["name"] != patient.name:
        return patient  # one address, two people: a parent and a child
    return PatientDetails(patient.name, address, patient.phone, patient.reason, UUID(known["id"]))


def _back_to(booking: Mapping[str, str]) -> Response:
    """The day of the booking with the booking open."""
    day = instant(booking["starts_at"]).astimezone(parts().config.zone).date()
    return redirect(desk_url(day, slot=booking["slot_id"]), SEE_OTHER)
