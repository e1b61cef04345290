"""Slots and what is free: seen by anybody, made and taken away by admins."""

from __future__ import annotations

from apiflask import APIBlueprint
from flask import Response, current_app, request

from app.booking.availability import read_slot
from app.coordination.replication.levels import Level
from app.directory.bulk import create_slots
from app.directory.slots import create_slot, delete_slot
from app.web.api.answers import answer
from app.web.api.availability import UNCHANGED, day_question, day_response
from app.web.api.booking_answers import current_actor
from app.web.api.directory_answers import (
    AvailabilityDocument,
    BulkDocument,
    RemovedSlotDocument,
    SlotDocument,
    created,
    seat_page,
    slot_page,
)
from app.web.api.directory_inputs import AvailabilityQuery, BulkBody, SlotBody, SlotQuery
from app.web.api.freshness import read_fresh, read_from_primary, say_freshness
from app.web.api.request_keys import request_key
from app.web.fast_lane import FAST_LANE
from app.web.parts import parts
from app.web.policy import policy

api = APIBlueprint("slots", __name__, url_prefix="/api", tag="Slots")


@api.get("/slots")
@policy("public")
@api.input(SlotQuery, location="query", arg_name="query")
@api.output(list[SlotDocument])  # type: ignore[arg-type]  # APIFlask takes it
def list_slots(query: SlotQuery) -> Response:
    """List slots by time: those of doctors, or with showtime_id the seats of that showtime."""
    if query.showtime_id is not None:
        return seat_page(query, query.showtime_id)
    return slot_page(query, query.doctor_id)


@api.post("/slots")
@policy("admin")
@api.input(SlotBody, arg_name="body")
@api.output(SlotDocument, status_code=201)
def add_slot(body: SlotBody) -> Response:
    """Add a slot."""
    draft = body.draft(parts().config.default_slot_minutes)
    done = create_slot(parts().directory, draft, current_actor().label, request_key(body))
    return created(done, "/api/slots", "Slot created")


@api.post("/slots/bulk")
@policy("admin")
@api.input(BulkBody, arg_name="body")
@api.output(BulkDocument, status_code=201)
def add_slots(body: BulkBody) -> Response:
    """Add every slot of a day or of a range of days that is not there yet."""
    config = parts().config
    window = body.window(config.clinic_start_hour, config.clinic_end_hour, config.default_slot_minutes)
    done = create_slots(parts().directory, body.doctor_id, window, current_actor().label, request_key(body))
    message = f"Created {done.value['created']} appointment slots"
    return answer(done.value, 201, message=message, replayed=done.replayed)


@api.get("/slots/<id:slot_id>")
@policy("public")
@api.output(SlotDocument)
def show_slot(slot_id: int) -> Response:
    """Show a slot."""
    with parts().database.read() as connection:
        return read_from_primary(answer(read_slot(connection, slot_id)))


@api.delete("/slots/<id:slot_id>")
@policy("admin")
@api.output(RemovedSlotDocument)
def remove_slot(slot_id: int) -> Response:
    """Take a slot away; one that was ever booked is closed and keeps its past bookings."""
    done = delete_slot(parts().directory, slot_id, current_actor().label, request_key())
    shown = {name: done.value[name] for name in ("id", "outcome")}
    return answer(shown, message=done.value["message"], replayed=done.replayed)


@api.get("/availability")
@policy("public")
@api.input(AvailabilityQuery, location="query", arg_name="query")
@api.output(AvailabilityDocument)
@api.doc(responses=UNCHANGED)
def show_availability(query: AvailabilityQuery) -> Response:
    """Show what is left of a doctor's day."""
    served = read_fresh(day_question(parts().config, query.doctor_id, query.date), query.consistency)
    if query.consistency in (None, Level.EVENTUAL):
        current_app.extensions[FAST_LANE].learn(request.environ["QUERY_STRING"], query.doctor_id, query.date)
    return say_freshness(day_response(served.value), served)
