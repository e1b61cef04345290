"""Patients: the front desk's records, nobody else's."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from apiflask import APIBlueprint
from flask import Response

from app.booking.wall import read_for
from app.directory import patients as directory
from app.web.api.answers import answer, answer_page
from app.web.api.booking_answers import current_actor
from app.web.api.directory_answers import PatientDocument, created
from app.web.api.directory_inputs import PatientBody
from app.web.api.freshness import read_from_primary
from app.web.api.inputs import PageQuery
from app.web.api.request_keys import request_key
from app.web.parts import parts
from app.web.policy import policy
from app.web.sightings import note_sight
from app.web.staff import desk_actor, desk_reader

api = APIBlueprint("patients", __name__, url_prefix="/api/patients", tag="Patients")


@api.get("")
@policy("staff")
@api.input(PageQuery, location="query", arg_name="query")
@api.output(list[PatientDocument])  # type: ignore[arg-type]  # APIFlask takes it
def list_patients(query: PageQuery) -> Response:
    """List patients in the order they were entered."""
    after: Any = query.after(datetime, uuid.UUID)
    with read_for(parts().database, desk_actor()) as connection:
        found = directory.list_patients(connection, desk_reader(), after, query.limit + 1)
    note_sight("patients", [each["id"] for each in found[: query.limit]])
    page = answer_page(found, query.limit, lambda patient: (patient["created_at"], patient["id"]))
    return read_from_primary(page)


@api.post("")
@policy("staff")
@api.input(PatientBody, arg_name="body")
@api.output(PatientDocument, status_code=201)
def add_patient(body: PatientBody) -> Response:
    """Add a patient."""
    draft = directory.PatientDraft(**body.model_dump())
    done = directory.create_patient(parts().directory, draft, current_actor().label, request_key(body))
    return created(done, "/api/patients", "Patient created")


@api.get("/<uuid:patient_id>")
@policy("staff")
@api.output(PatientDocument)
def show_patient(patient_id: uuid.UUID) -> Response:
    """Show a patient."""
    with read_for(parts().database, desk_actor()) as connection:
        found = directory.read_patient(connection, desk_reader(), patient_id)
    note_sight("patient", [found["id"]])
    return read_from_primary(answer(found))
