"""More or fewer slots under one hold: the seats a person picks one after the other.

The countdown is the hold's and belongs to all of its slots; changing them does not restart it."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from app.booking import rules, statements
from app.booking.claims import (
    bind_slots,
    lock_all,
    oust_lapsed,
    read_booking,
    require_one_owner,
    take_all,
    wanted_slots,
    with_warnings,
)
from app.booking.engine import Act, Engine
from app.booking.rules import Actor
from app.booking.seen import let_go, seen_by, set_booking, why_not_pending
from app.booking.statements import SlotRow
from app.booking.turns import Fences, Turn, take_turns
from app.database import TransientFailure
from app.errors import ValidationFailed
from app.idempotency import Answer, Document, RequestKey
from app.tables.booking import Booking, BookingStatus


def add_slots(
    engine: Engine,
    booking_id: uuid.UUID,
    slot_ids: Iterable[int],
    actor: Actor,
    request: RequestKey | None = None,
) -> Answer:
    """Take more slots into a hold, all of them or none; they lapse with it.

    Raises BookingConflict, SlotInPast, HoldExpired, WrongState, NotFound, ValidationFailed."""
    wanted = wanted_slots(slot_ids)

    def add(act: Act, fences: Fences, waits: bool) -> Document:
        owned = _pending_and_locked(act, booking_id, actor, wanted if waits else ())
        new = [slot_id for slot_id in wanted if slot_id not in owned]
        if len(owned) + len(new) > rules.MOST_SLOTS:
            raise ValidationFailed.of("slot_ids", f"a booking has at most {rules.MOST_SLOTS} slots")
        if new:
            if not waits:
                lock_all(act.tx, new, waits)
            rows = take_all(act, new, booking_id, fences, _deadline(act.tx, booking_id))
            oust_lapsed(act, new, "next claim")
            bind_slots(act, booking_id, rows)
            _changed(act, booking_id, "add", rows)
        return with_warnings(act, read_booking(act.tx, booking_id))

    with engine.database.read() as connection:
        ours = statements.fences_of(connection, booking_id)
    # The lock of what is ours already is ours too, under the name of an earlier request.
    missing = tuple(slot_id for slot_id in wanted if slot_id not in ours)
    turn = Turn(missing, actor, request, f"{booking_id}+{uuid.uuid4()}")
    return take_turns(engine, turn, add)


def drop_slots(
    engine: Engine,
    booking_id: uuid.UUID,
    slot_ids: Iterable[int],
    actor: Actor,
    request: RequestKey | None = None,
) -> Answer:
    """Give some slots of a hold back; at least one stays, or the hold is released instead.

    Raises HoldExpired, WrongState, NotFound, ValidationFailed."""
    wanted = wanted_slots(slot_ids)
    dropped: dict[int, int] = {}

    def drop(act: Act) -> Document:
        owned = _pending_and_locked(act, booking_id, actor, ())
        dropped.clear()
        dropped.update({slot_id: owned[slot_id] for slot_id in wanted if slot_id in owned})
        if len(dropped) == len(owned):
            raise ValidationFailed.of("slot_ids", "release the hold to give back everything")
        if dropped:
            _changed(act, booking_id, "drop", let_go(act.tx, list(dropped), booking_id, goes_on=True))
        return with_warnings(act, read_booking(act.tx, booking_id))

    answer = engine.perform(actor, request, drop)
    engine.locks.release(dropped)
    return answer


def _pending_and_locked(act: Act, booking_id: uuid.UUID, actor: Actor, new: Iterable[int]) -> dict[int, int]:
    """The slots of a hold that stands, and their fences; they and the new ones are locked, in order.

    Whoever changes the hold locks all of its slots. One that is locked here and still its own keeps
    everybody else out, whatever was added while we waited."""
    before = statements.fences_of(act.tx, booking_id)
    statements.look_at_slots(act.tx, sorted({*before, *new}), lock=True)
    seen = seen_by(act.tx, booking_id, actor)
    if seen.shown_status != BookingStatus.PENDING:
        raise why_not_pending(seen)
    owned = statements.fences_of(act.tx, booking_id)
    if before.keys().isdisjoint(owned):
        raise TransientFailure
    return owned


def _deadline(tx: Connection, booking_id: uuid.UUID) -> datetime:
    """Read under the lock of the hold's slots, so that nobody extends it meanwhile."""
    expires_at: Any = tx.execute(select(Booking.expires_at).where(Booking.id == booking_id)).scalar_one()
    if expires_at is None:
        raise TransientFailure
    return expires_at  # type: ignore[no-any-return]


def _changed(act: Act, booking_id: uuid.UUID, action: str, rows: list[SlotRow]) -> None:
    """Write what goes with slots that came to the hold or left it."""
    remaining = statements.slots_of(act.tx, booking_id)
    require_one_owner(remaining)
    set_booking(act.tx, booking_id, BookingStatus.PENDING, owning=len(remaining),
                starts_at=min(row.starts_at for row in remaining),
                ends_at=max(row.ends_at for row in remaining))  # fmt: skip
    act.audit(action, booking_id, rows)
    act.slots_changed(rows)
