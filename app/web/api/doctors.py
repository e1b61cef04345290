"""Doctors: found by anybody, kept by admins."""

from __future__ import annotations

from apiflask import APIBlueprint
from flask import Response

from app.directory import doctors as directory
from app.web.api.answers import answer, answer_page
from app.web.api.booking_answers import current_actor
from app.web.api.directory_answers import (
    DoctorDocument,
    RemovedDoctorDocument,
    SlotDocument,
    created,
    slot_page,
)
from app.web.api.directory_inputs import DoctorBody, DoctorChanges, DoctorQuery, DoctorSlotQuery
from app.web.api.freshness import read_from_primary
from app.web.api.request_keys import request_key
from app.web.parts import parts
from app.web.policy import policy

api = APIBlueprint("doctors", __name__, url_prefix="/api/doctors", tag="Doctors")


@api.get("")
@policy("public")
@api.input(DoctorQuery, location="query", arg_name="query")
@api.output(list[DoctorDocument])  # type: ignore[arg-type]  # APIFlask takes it
def list_doctors(query: DoctorQuery) -> Response:
    """List doctors by name."""
    after = query.after(str, int)
    with parts().database.read() as connection:
        found = directory.list_doctors(connection, query.specialization, query.q, after, query.limit + 1)
    page = answer_page(found, query.limit, lambda doctor: (doctor["name"], int(doctor["id"])))
    return read_from_primary(page)


@api.post("")
@policy("admin")
@api.input(DoctorBody, arg_name="body")
@api.output(DoctorDocument, status_code=201)
def add_doctor(body: DoctorBody) -> Response:
    """Add a doctor."""
    details = body.model_dump() | {"timezone": body.timezone or parts().config.clinic_timezone}
    draft = directory.DoctorDraft(**details)
    done = directory.create_doctor(parts().directory, draft, current_actor().label, request_key(body))
    return created(done, "/api/doctors", "Doctor created")


@api.get("/<id:doctor_id>")
@policy("public")
@api.output(DoctorDocument)
def show_doctor(doctor_id: int) -> Response:
    """Show a doctor."""
    with parts().database.read() as connection:
        return read_from_primary(answer(directory.read_doctor(connection, doctor_id)))


@api.put("/<id:doctor_id>")
@policy("admin")
@api.input(DoctorChanges, arg_name="body")
@api.output(DoctorDocument)
def change_doctor(doctor_id: int, body: DoctorChanges) -> Response:
    """Change the given fields of a doctor."""
    changes = body.model_dump(exclude_unset=True)
    done = directory.update_doctor(
        parts().directory, doctor_id, changes, current_actor().label, request_key(body)
    )
    return answer(done.value, message="Doctor updated", replayed=done.replayed)


@api.delete("/<id:doctor_id>")
@policy("admin")
@api.output(RemovedDoctorDocument)
def remove_doctor(doctor_id: int) -> Response:
    """Delete a doctor who has no bookings to come; earlier bookings stay."""
    done = directory.delete_doctor(parts().directory, doctor_id, current_actor().label, request_key())
    return answer(done.value, message="Doctor deleted", replayed=done.replayed)


@api.get("/<id:doctor_id>/slots")
@policy("public")
@api.input(DoctorSlotQuery, location="query", arg_name="query")
@api.output(list[SlotDocument])  # type: ignore[arg-type]  # APIFlask takes it
def list_doctor_slots(doctor_id: int, query: DoctorSlotQuery) -> Response:
    """List the slots of a doctor."""
    return slot_page(query, doctor_id, must_be_there=True)
