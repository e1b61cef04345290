"""Seats as anybody may see them: which are free, and never who has the others."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence, Set
from heapq import nsmallest
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, String, bindparam, cast, func, select

from app.booking.documents import price_text
from app.booking.free_slots import NOW, is_free
from app.booking.seat_plan import SEAT_COLUMNS, Seat, SeatPlan, seat_of
from app.directory.documents import Document
from app.tables.booking import Slot, SlotState

OPEN = SlotState.OPEN.value
DIGEST_CHARACTERS = 16
State = tuple[str, int]


def _of_unfree(told: ColumnElement[str]) -> Select[str]:
    """This of all seats that cannot be had now, in one text: a row each costs Python ten times as much."""
    of_show = Slot.showtime_id == bindparam("showtime_id")
    return select(func.aggregate_strings(told, ",")).where(of_show, ~is_free())


ID = cast(Slot.id, String)
TAKEN = _of_unfree(ID)
STATES = _of_unfree(ID + ":" + cast(Slot.state, String) + ":" + cast(Slot.version, String))


def seats_taken(connection: Connection, showtime_id: int) -> set[int]:
    """The seats that cannot be had now; a hold is over at its deadline, noticed or not."""
    taken = connection.execute(TAKEN, {"showtime_id": showtime_id}).scalar()
    return set(map(int, taken.split(","))) if taken else set()


def seat_states(connection: Connection, showtime_id: int) -> dict[int, State]:
    """State and version of the seats that are not free; a lapsed hold reads as free."""
    told = connection.execute(STATES, {"showtime_id": showtime_id}).scalar()
    seats = (seat.split(":") for seat in told.split(",")) if told else ()
    return {int(slot_id): (state, int(version)) for slot_id, state, version in seats}


def count_on_hold(connection: Connection, showtime_id: int, zone: str | None = None) -> int:
    """How many seats somebody is booking right now."""
    query = select(func.count()).where(
        Slot.showtime_id == showtime_id, Slot.state == SlotState.HELD, Slot.hold_until > NOW
    )
    if zone is not None:
        query = query.where(Slot.seat_zone == zone)
    return int(connection.execute(query).scalar_one())


def free_counts(connection: Connection, showtime_ids: Sequence[int]) -> dict[str, int]:
    """How many seats each showtime has left, by its id; one that is sold out is left out."""
    rows = connection.execute(
        select(Slot.showtime_id, func.count().label("free"))
        .where(Slot.showtime_id.in_(showtime_ids), is_free())
        .group_by(Slot.showtime_id)
    )
    return {str(row.showtime_id): row.free for row in rows}


def nearest_free_seats(connection: Connection, seat: Row[*tuple[Any, ...]], limit: int = 3) -> list[Document]:
    """The free seats at the same showtime that are closest to one that was lost."""
    distance = func.abs(Slot.seat_x - seat.seat_x) + 2 * func.abs(Slot.seat_y - seat.seat_y)
    rows = connection.execute(
        select(*SEAT_COLUMNS)
        .where(
            Slot.showtime_id == seat.showtime_id,
            Slot.starts_at > NOW,
            Slot.id != seat.id,
            Slot.seat_kind == seat.seat_kind,
            is_free(),
        )
        .order_by(distance, Slot.id)
        .limit(limit)
    )
    return [seat_document(seat_of(row)) for row in rows]


def nearest_in(plan: SeatPlan, slot_id: int, taken: Set[int], limit: int = 3) -> list[Document]:
    """What nearest_free_seats() gives when these seats are taken, without asking the database."""
    lost = plan.by_id[slot_id]
    free = (
        seat for seat in plan.seats if seat.kind is lost.kind and seat.id != slot_id and seat.id not in taken
    )
    near = nsmallest(limit, free, key=lambda seat: (abs(seat.x - lost.x) + 2 * abs(seat.y - lost.y), seat.id))
    return [seat_document(seat) for seat in near]


def seat_document(seat: Seat, state: str = OPEN, version: int | None = None) -> Document:
    """A seat of a plan as the API shows it."""
    shown = {
        "id": str(seat.id),
        "row": seat.row,
        "number": seat.number,
        "kind": seat.kind.value,
        "zone": seat.zone,
        "price": price_text(seat.price_cents),
        "price_cents": seat.price_cents,
        "x": seat.x,
        "y": seat.y,
        "state": state,
    }
    return shown if version is None else {**shown, "version": version}


def states_digest(states: Mapping[int, State]) -> str:
    """Differs whenever a seat's state does: every write raises a version, and time ends holds."""
    told = ",".join(f"{slot_id}:{state}:{version}" for slot_id, (state, version) in sorted(states.items()))
    return hashlib.sha256(told.encode()).hexdigest()[:DIGEST_CHARACTERS]


def zone_prices(plan: SeatPlan) -> list[Document]:
    """The zones of a plan, from the screen backwards."""
    return [
        {"name": name, "price": price_text(cents), "price_cents": cents} for name, cents in plan.zones.items()
    ]


def seats_payload(plan: SeatPlan, states: dict[int, State]) -> list[Document]:
    """Every seat of the plan with its state."""
    free = (OPEN, None)
    return [seat_document(seat, *states.get(seat.id, free)) for seat in plan.seats]


def sparse_payload(plan: SeatPlan, states: dict[int, State]) -> list[Document]:
    """Only the seats that are not free: whoever knows the plan's version knows the rest."""
    return [
        {"id": str(seat.id), "state": states[seat.id][0], "version": states[seat.id][1]}
        for seat in plan.seats
        if seat.id in states
    ]
