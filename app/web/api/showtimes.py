"""Showtimes and their seats: seen and booked by anybody, made by admins."""

from __future__ import annotations

from apiflask import APIBlueprint
from flask import Response, request

from app.booking import actions
from app.booking.seat_plan import SeatPlan
from app.booking.seating import (
    State,
    free_counts,
    seat_states,
    seats_payload,
    sparse_payload,
    states_digest,
    zone_prices,
)
from app.coordination.outbox import showtime_stream
from app.directory.scheduling import create_showtimes, preview_showtimes
from app.directory.showtimes import read_showtime
from app.web.api.answers import answer
from app.web.api.booking_answers import NewBookingDocument, created, current_actor, patient_details
from app.web.api.cinema_answers import PREVIEW, ProgramDocument, SeatMapDocument, ShowtimeDocument
from app.web.api.cinema_inputs import BestBody, SeatsQuery, ShowtimeBody
from app.web.api.freshness import read_fresh, read_from_primary, say_freshness
from app.web.api.request_keys import request_key
from app.web.parts import parts
from app.web.policy import policy
from app.web.reads import Question

api = APIBlueprint("showtimes", __name__, url_prefix="/api/showtimes", tag="Movies")
NOT_MODIFIED = 304
UNCHANGED = {NOT_MODIFIED: "No seat has changed since the ETag in If-None-Match"}


@api.post("")
@policy("admin")
@api.input(ShowtimeBody, arg_name="body")
@api.output(ProgramDocument, status_code=201)
@api.doc(responses=PREVIEW)
def add_showtimes(body: ShowtimeBody) -> Response:
    """Add one showtime or a week of repeats with their seats, or with `preview` see what would be made."""
    program = body.program()
    if body.preview:
        with parts().database.read() as connection:
            shown = preview_showtimes(connection, program)
        return answer({"preview": True, **shown}, message="Nothing was changed")
    done = create_showtimes(parts().directory, program, current_actor().label, request_key(body))
    message = f"Created {done.value['created']} showtimes"
    return answer(done.value, 201, message=message, replayed=done.replayed)


@api.get("/<id:showtime_id>")
@policy("public")
@api.output(ShowtimeDocument)
def show_showtime(showtime_id: int) -> Response:
    """Show a showtime and how many seats it has left."""
    with parts().database.read() as connection:
        showtime = read_showtime(connection, showtime_id)
        free = free_counts(connection, [showtime_id])
    return read_from_primary(answer({**showtime, "free_seats": free.get(showtime["id"], 0)}))


@api.get("/<id:showtime_id>/seats")
@policy("public")
@api.input(SeatsQuery, location="query", arg_name="query")
@api.output(SeatMapDocument)
@api.doc(responses=UNCHANGED)
def show_seats(showtime_id: int, query: SeatsQuery) -> Response:
    """Show every seat with its state, or with `sparse` only those that are not free."""
    plan = _plan_of(showtime_id)
    question = Question(
        streams=frozenset({showtime_stream(showtime_id)}),
        ask_primary=lambda connection: seat_states(connection, showtime_id),
        ask_replica=lambda slots: slots.seat_states(showtime_id),
    )
    served = read_fresh(question, query.consistency)
    etag = f"{plan.version}.{states_digest(served.value)}.{int(query.sparse)}"
    if request.if_none_match.contains_weak(etag):
        return say_freshness(_tagged(Response(status=NOT_MODIFIED), etag), served)
    seen = answer(_seat_map(plan, served.value, query.sparse))
    return say_freshness(_tagged(seen, etag), served)


@api.post("/<id:showtime_id>/best-available")
@policy("public")
@api.input(BestBody, arg_name="body")
@api.output(NewBookingDocument, status_code=201)
def take_best(showtime_id: int, body: BestBody) -> Response:
    """Choose the best free seats for the wish and hold or book them, in one step."""
    is_named = not body.hold or body.patient_name is not None
    patient = patient_details(body, email_required=not body.hold) if is_named else None
    claim = actions.BestClaim(showtime_id, body.wish(), patient, instant=not body.hold)
    done = actions.hold_best(parts().engine, claim, current_actor(), request_key(body))
    return created(done, "Seats held" if body.hold else "Booking confirmed successfully")


def _plan_of(showtime_id: int) -> SeatPlan:
    plans = parts().engine.plans
    known = plans.known(showtime_id)
    if known is not None:
        return known
    with parts().database.read() as connection:
        return plans.of(connection, showtime_id)


def _seat_map(plan: SeatPlan, states: dict[int, State], is_sparse: bool) -> dict[str, object]:
    return {
        "showtime_id": str(plan.showtime_id),
        "layout_version": plan.version,
        "is_sparse": is_sparse,
        "currency": plan.currency,
        "zones": zone_prices(plan),
        "total": len(plan.seats),
        "free": len(plan.seats) - len(states),
        "seats": sparse_payload(plan, states) if is_sparse else seats_payload(plan, states),
    }


def _tagged(response: Response, etag: str) -> Response:
    # Weak: each answer carries the moment it was given. It may be kept, and is asked about before use.
    response.set_etag(etag, weak=True)
    response.headers["Cache-Control"] = "no-cache"
    return response
