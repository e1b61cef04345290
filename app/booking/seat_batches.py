"""Groups that want the best seats of one show at the same moment, in one transaction.

They choose in turn from one look at the hall, each without what those before it chose, and one statement
claims all of it. Who lost seats to another node chooses again. Whatever is not plain - nothing together, a
lapsed hold in the way, a key seen before, near a limit, a constraint that speaks - goes on alone."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from app.booking.batch_claims import Left
from app.booking.batch_rows import as_json, counted
from app.booking.batch_statements import WAIT_BRIEFLY, WRITE_DOWN
from app.booking.seat_choices import Choice, GroupWish, choose_in_turn
from app.booking.seat_plan import SeatPlan
from app.booking.seat_rows import Group, group_of
from app.booking.seat_statements import (
    APPEND_GROUPS,
    IN_TURN,
    LOOK_AT_HALL,
    TAKE_GROUPS,
    HallLook,
    TakenSeat,
)
from app.commits import send_ahead
from app.database import TransientFailure
from app.direct import ask, ask_first
from app.errors import NotFound, OutcomeUnknown, Unavailable
from app.idempotency import Document

if TYPE_CHECKING:
    from app.booking.engine import Engine

log = structlog.get_logger("booking")
#: Whoever lost seats to somebody else so often goes on alone.
MOST_CHOICES = 8


@dataclass(frozen=True, slots=True)
class Seated:
    """Committed: the booking's document, the change as others hear of it, and its number."""

    document: Document
    change: Document
    stream: str
    number: int
    #: What the allowance had left after it, when it was counted.
    remaining: int | None


@dataclass(frozen=True, slots=True)
class Unsure:
    """The reply to COMMIT was lost: this change was made, or nothing was. None: not even that is known."""

    change: Document | None = None


Seating = Seated | Unsure | Left


@dataclass(frozen=True, slots=True)
class Claimed:
    """The seats that could be locked, those of each group that got all of its own, and who may not."""

    locked: set[int]
    seats: dict[uuid.UUID, list[TakenSeat]]
    barred: set[uuid.UUID]


def seat_together(engine: Engine, showtime_id: int, wishes: Sequence[GroupWish]) -> list[Seating]:
    """What became of each wish; nothing is raised but the end of the process."""
    made: list[Group] = []
    try:
        plan, wanted = _plan_of(engine, showtime_id), _one_per_key(wishes)
        try:
            fates = _seat(engine, plan, wanted, made, in_turn=True)
        except Unavailable:
            if made:
                raise
            # Whoever has the turn does not come back; the claim decides without it too.
            fates = _seat(engine, plan, wanted, made, in_turn=False)
    except OutcomeUnknown:
        fates = {each.booking_id: Unsure(each.change) for each in made}
    except (NotFound, Unavailable, TransientFailure, DBAPIError) as reason:
        log.info("A batch was undone; each group goes on alone.", topic="booking", reason=repr(reason))
        return [Left.TO_ITSELF for _ in wishes]
    return [fates.get(wish.booking_id, Left.TO_ITSELF) for wish in wishes]


def _plan_of(engine: Engine, showtime_id: int) -> SeatPlan:
    known = engine.plans.known(showtime_id)
    if known is not None:
        return known
    with engine.database.read() as connection:
        return engine.plans.of(connection, showtime_id)


def _one_per_key(wishes: Sequence[GroupWish]) -> list[GroupWish]:
    """The first to use a key; the others will see what came of it."""
    first: dict[object, GroupWish] = {}
    for wish in wishes:
        request = wish.request
        first.setdefault((request.scope, request.key) if request else wish.booking_id, wish)
    return list(first.values())


def _seat(
    engine: Engine, plan: SeatPlan, wishes: Sequence[GroupWish], made: list[Group], *, in_turn: bool
) -> dict[uuid.UUID, Seating]:
    """Fills `made` before anything can be committed."""

    def take(tx: Connection) -> None:
        show = {"showtime_id": plan.showtime_id}
        turn = ((WAIT_BRIEFLY, {}), (IN_TURN, show)) if in_turn else ((WAIT_BRIEFLY, {}),)
        for row in ask_first(tx, LOOK_AT_HALL, {"wishes": as_json(counted(wishes)), **show}, turn):
            hall = HallLook(*row)
            for choice, seats in _take_all(tx, plan, hall, wishes):
                made.append(group_of(engine, plan, hall, choice, seats))

    numbers: dict[uuid.UUID, int] = {}

    def write(tx: Connection, _taken: None) -> Callable[[], object]:
        if not made:
            return lambda: None
        send_ahead(tx, WRITE_DOWN, {"made": as_json([row for each in made for row in each.rows])})
        changes = as_json([each.entry(place) for place, each in enumerate(made, 1)])
        told = {"stream": made[0].stream, "count": str(len(made)), "changes": changes}
        appended = send_ahead(tx, APPEND_GROUPS, told)
        if appended is None:
            raise AssertionError("a batch is written to PostgreSQL alone")
        return lambda: numbers.update(appended.rows)

    engine.database.run(take, write, attempts=1)
    return {
        each.booking_id: Seated(
            each.document, each.change, each.stream, numbers[each.change_id], each.remaining
        )
        for each in made
    }


def _take_all(
    tx: Connection, plan: SeatPlan, hall: HallLook, wishes: Sequence[GroupWish]
) -> list[tuple[Choice, list[TakenSeat]]]:
    """Who got which seats. Raises TransientFailure if one of a group was lost after it was locked."""
    waiting = [wish for wish in wishes if str(wish.booking_id) in hall.bookings]
    taken, lapsed = _ids(hall.taken), _ids(hall.lapsed)
    got: list[tuple[Choice, list[TakenSeat]]] = []
    for _ in range(MOST_CHOICES):
        choices = choose_in_turn(plan, taken, lapsed, waiting)
        claimed = _claim(tx, plan.showtime_id, choices)
        got += [(c, claimed.seats[c.wish.booking_id]) for c in choices if c.wish.booking_id in claimed.seats]
        lost = {slot_id for each in choices for slot_id in each.slot_ids} - claimed.locked
        if not lost:
            break
        taken |= lost | {seat.id for seats in claimed.seats.values() for seat in seats}
        served = claimed.seats.keys() | claimed.barred
        waiting = [wish for wish in waiting if wish.booking_id not in served]
    return got


def _claim(tx: Connection, showtime_id: int, choices: Sequence[Choice]) -> Claimed:
    if not choices:
        return Claimed(set(), {}, set())
    wanted = [
        {"booking_id": each.wish.booking_id, "slot_id": slot_id, "origin": each.wish.actor.origin}
        for each in choices
        for slot_id in each.slot_ids
    ]
    rows = ask(tx, TAKE_GROUPS, {"wanted": as_json(wanted), "showtime_id": showtime_id})
    seats: dict[uuid.UUID, list[TakenSeat]] = {}
    for slot_id, booking_id, _was_held, starts_at, ends_at, fence, version, now in rows:
        if fence is not None:
            seat = TakenSeat(slot_id, starts_at, ends_at, fence, version, now, showtime_id)
            seats.setdefault(booking_id, []).append(seat)
    if any(len(seats.get(c.wish.booking_id, c.slot_ids)) != len(c.slot_ids) for c in choices):
        raise TransientFailure
    return Claimed({row[0] for row in rows}, seats, {row[1] for row in rows if row[2]})


def _ids(listed: str) -> set[int]:
    return set(map(int, listed.split(","))) if listed else set()
