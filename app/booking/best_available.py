"""The best seats for somebody who leaves the choice to us: chosen and taken in one transaction.

On PostgreSQL callers step around each other (FOR UPDATE SKIP LOCKED): who finds a seat of the best block
locked goes on to the next block and waits for nobody. Inside a process they take turns: all would lock the
same blocks first, and all wait for the same stream at the end, each with a connection."""

from __future__ import annotations

import random
import time
import uuid
from dataclasses import dataclass

from sqlalchemy import Connection, select

from app.booking import rules, statements
from app.booking.best_seats import SeatWish, best_choice, why_none
from app.booking.claims import Claim, PatientDetails, insert_booking, take_all
from app.booking.engine import Act, Engine
from app.booking.errors import BookingConflict, Reason, SlotInPast
from app.booking.rules import Actor
from app.booking.seat_plan import SeatPlan
from app.booking.seating import count_on_hold, seats_taken
from app.booking.seats_together import seat_with_others
from app.database import db_now
from app.errors import ValidationFailed
from app.idempotency import Answer, Document, RequestKey
from app.tables.cinema import Showtime

MOST_TRIES = 10
LONGEST_PAUSE_SECONDS = 0.2


@dataclass(frozen=True)
class BestClaim:
    """Seats of our choice at a showtime: at once (instant) or as a hold that lapses."""

    showtime_id: int
    wish: SeatWish
    patient: PatientDetails | None
    instant: bool = False


class OthersAreChoosing(Exception):
    """Every block that would do is being taken by somebody this very moment, or is given back."""


def hold_best(engine: Engine, claim: BestClaim, actor: Actor, request: RequestKey | None = None) -> Answer:
    """Take the best seats there are for the wish.

    Raises BookingConflict (SOLD_OUT, NOT_TOGETHER), SlotInPast, NotFound, ValidationFailed."""
    if not 1 <= claim.wish.count <= rules.MOST_SLOTS:
        raise ValidationFailed.of("count", f"choose 1 to {rules.MOST_SLOTS} seats")
    if answer := seat_with_others(engine, claim, actor, request):
        return answer
    booking_id = uuid.uuid4()
    for _ in range(MOST_TRIES):
        try:
            with engine.local_queue.turn(claim.showtime_id):
                return engine.perform(actor, request, lambda act: _take_best(act, booking_id, claim))
        except OthersAreChoosing:
            time.sleep(random.uniform(0.01, LONGEST_PAUSE_SECONDS))  # noqa: S311 - jitter, no secret
    raise BookingConflict.because(Reason.SLOT_HELD, seconds_left=1)


def _take_best(act: Act, booking_id: uuid.UUID, claim: BestClaim) -> Document:
    plan = act.engine.plans.of(act.tx, claim.showtime_id)
    _require_to_come(act.tx, claim.showtime_id)
    if claim.wish.zone is not None and claim.wish.zone not in plan.zones:
        raise ValidationFailed.of("zone", f"must be one of {', '.join(plan.zones)}")
    slot_ids = _lock_best(act.tx, plan, claim.wish)
    hold = None if claim.instant else act.engine.hold_seconds
    rows = take_all(act, slot_ids, booking_id, None, hold)
    return insert_booking(act, booking_id, rows, Claim(slot_ids, claim.patient, claim.instant), is_short=True)


def _lock_best(tx: Connection, plan: SeatPlan, wish: SeatWish) -> tuple[int, ...]:
    """The best block whose every seat is ours to take. Raises the refusal, or OthersAreChoosing."""
    taken = seats_taken(tx, plan.showtime_id)
    busy: set[int] = set()
    while choice := best_choice(plan, taken | busy, wish):
        locked = statements.lock_what_is_free(tx, choice)
        if len(locked) == len(choice):
            return choice
        busy |= set(choice) - locked
    if busy:
        raise OthersAreChoosing
    raise why_none(plan, taken, count_on_hold(tx, plan.showtime_id, wish.zone), wish)


def _require_to_come(tx: Connection, showtime_id: int) -> None:
    begun = select(Showtime.id).where(Showtime.id == showtime_id, Showtime.starts_at <= db_now())
    if tx.execute(begun).first() is not None:
        raise SlotInPast("This show has begun.")
