"""A race anybody with the admin role can start: one slot, many clients, one winner."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel, Field, StrictInt

from app.booking.race import run_race
from app.web.api.answers import answer
from app.web.api.inputs import RequestModel
from app.web.parts import parts
from app.web.policy import policy

api = APIBlueprint("concurrent", __name__, url_prefix="/api/concurrent", tag="Proof")


class RaceBody(RequestModel):
    clients: StrictInt = Field(10, ge=2, le=100)


class RaceDocument(BaseModel):
    slot_id: str
    clients: int
    winners: int
    losers: int
    live_bookings_in_database: int
    winner: dict[str, Any] | None
    attempts: list[dict[str, Any]]


@api.post("")
@policy("admin")
@api.input(RaceBody, arg_name="body")
@api.output(RaceDocument)
def race(body: RaceBody) -> Response:
    """Let clients race for a slot of their own."""
    result = run_race(parts().engine, body.clients)
    return answer(result, message=f"{result['winners']} winner, {result['losers']} told why they lost")
