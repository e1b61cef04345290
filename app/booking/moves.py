"""Moving a booking: the old place is kept until the new one is taken."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Row

from app.booking import rules, statements
from app.booking.claims import bind_slots, oust_lapsed, read_booking, require_one_owner, wanted_slots
from app.booking.deadline import refuse_when_too_late
from app.booking.engine import Act, Engine
from app.booking.errors import WrongState
from app.booking.glance import with_alternatives
from app.booking.interval_end import retire_interval
from app.booking.rules import Actor
from app.booking.seen import let_go, seen_by, set_booking, why_ended
from app.booking.statements import SlotRow
from app.booking.waitlist import offer_freed
from app.errors import ValidationFailed
from app.idempotency import Answer, Document, RequestKey
from app.tables.booking import Booking, BookingStatus


def reschedule_booking(
    engine: Engine,
    booking_id: uuid.UUID,
    to: int | Iterable[int],
    actor: Actor,
    request: RequestKey | None = None,
) -> Answer:
    """Move a CONFIRMED booking to another slot, or to as many other seats as it has, in one transaction.

    Raises BookingConflict with alternatives, SlotInPast, WrongState, NotFound, ValidationFailed."""
    wanted = wanted_slots([to] if isinstance(to, int) else to)
    old_fences: dict[int, int] = {}
    left: list[int] = []

    def move(act: Act) -> Document:
        seen = seen_by(act.tx, booking_id, actor)
        old_fences.clear()
        old_fences.update(statements.fences_of(act.tx, booking_id))
        if seen.status != BookingStatus.CONFIRMED:
            raise why_ended(seen)
        refuse_when_too_late(act.tx, actor, seen.starts_at)
        left[:] = [slot_id for slot_id in old_fences if slot_id not in wanted]
        new = [slot_id for slot_id in wanted if slot_id not in old_fences]
        if not new:
            raise ValidationFailed.of("slot_id", "that is what is already booked")
        if seen.showtime_id is not None and len(new) != len(left):
            raise ValidationFailed.of("slot_ids", "choose as many seats as you have")
        freed = put_elsewhere(act, booking_id, seen, wanted, list(old_fences))
        act.notify(booking_id, "reschedule", seen.sequence + 1)
        offer_freed(act, freed)
        return read_booking(act.tx, booking_id)

    answer = engine.perform(actor, request, move)
    engine.locks.release({slot_id: old_fences[slot_id] for slot_id in left if slot_id in old_fences})
    return answer


def put_elsewhere(
    act: Act, booking_id: uuid.UUID, seen: Row[Any], wanted: Sequence[int], old: Sequence[int]
) -> list[SlotRow]:
    """Move the booking from its old slots to the wanted ones, without telling anybody; what that freed."""
    new = [slot_id for slot_id in wanted if slot_id not in old]
    taken, freed = _swap(act, booking_id, seen, new, [slot_id for slot_id in old if slot_id not in wanted])
    set_booking(act.tx, booking_id, BookingStatus.CONFIRMED, owning=len(wanted),
                doctor_id=taken[0].doctor_id, showtime_id=taken[0].showtime_id,
                starts_at=min(row.starts_at for row in taken),
                ends_at=max(row.ends_at for row in taken), is_appointment=False,
                sequence=Booking.sequence + 1)  # fmt: skip
    act.audit("reschedule", booking_id, taken, previous_slots=[str(slot_id) for slot_id in old])
    act.slots_changed([*taken, *freed])
    return freed


def _swap(
    act: Act, booking_id: uuid.UUID, seen: Row[Any], new: list[int], left: list[int]
) -> tuple[list[SlotRow], list[SlotRow]]:
    """Take the new slots, then let the old ones go."""
    looked_at = statements.look_at_slots(act.tx, sorted([*left, *new]), lock=True)
    rows = statements.take_slots(act.tx, new, booking_id, None, None)
    if len(rows) < len(new):
        refusal = rules.refusal_of_all(new, [slot for slot in looked_at if slot.id in new])
        raise with_alternatives(act.tx, refusal or WrongState("This time was changed just now."))
    oust_lapsed(act, new, "next claim")
    bind_slots(act, booking_id, rows)
    freed = let_go(act.tx, left, booking_id, goes_on=True)
    _require_same_kind(statements.slots_of(act.tx, booking_id), seen)
    return rows, retire_interval(act.tx, freed)


def _require_same_kind(rows: Sequence[SlotRow], seen: Row[Any]) -> None:
    """Raises ValidationFailed for a time instead of seats, or seats instead of a time."""
    require_one_owner(rows)
    if (rows[0].showtime_id is None) != (seen.showtime_id is None):
        wanted = "a time of a doctor" if seen.showtime_id is None else "seats at a showtime"
        raise ValidationFailed.of("slot_id", f"choose {wanted}")
