"""Where each time of a series would take place, and why some cannot be had."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from app.booking import rules, statements
from app.booking.documents import Document, instant
from app.booking.errors import BookingConflict, Reason
from app.booking.free_slots import nearest_free
from app.booking.recurrence import Occasion
from app.booking.rules import SlotFacts
from app.errors import Refusal
from app.tables.booking import Slot, SlotState

SKIPPED = "The clocks are put forward over this time on that day."


@dataclass(frozen=True)
class Place:
    """A time of the series and its slot; with a refusal it cannot be had."""

    occasion: Occasion
    slot: SlotFacts | None
    refusal: Refusal | None = None

    def document(self) -> Document:
        told = {
            "local_time": self.occasion.local.isoformat(timespec="minutes"),
            "starts_at": instant(self.occasion.starts_at),
            "slot_id": str(self.slot.id) if self.slot else None,
            "is_free": self.refusal is None,
        }
        if self.refusal is None:
            return told
        extras = self.refusal.extras
        return {
            **told,
            "code": self.refusal.code,
            "reason": extras.get("reason"),
            "detail": self.refusal.detail,
            "alternatives": extras.get("alternatives", []),
        }


def find_places(
    tx: Connection,
    doctor_id: int,
    length: timedelta,
    times: Sequence[Occasion],
    *,
    lock: bool,
    own: Collection[int] = (),
) -> list[Place]:
    """A place for each time, in order; with lock nobody else changes the slots until the transaction ends.

    own are slots the series has itself and gives up: those count as free."""
    starts = [each.starts_at for each in times if each.starts_at]
    slots = _slots(tx, doctor_id, starts, length)
    facts = {
        fact.id: fact for fact in statements.look_at_slots(tx, sorted({*slots.values(), *own}), lock=lock)
    }
    places = [_place(each, facts.get(slots.get(each.starts_at, 0)), own) for each in times]
    return [_with_alternatives(tx, doctor_id, place) for place in places]


def _slots(
    tx: Connection, doctor_id: int, starts: Sequence[datetime], length: timedelta
) -> dict[datetime | None, int]:
    """The slot that begins then and is long enough; of several the one that is not blocked."""
    rows = tx.execute(
        select(Slot.id, Slot.starts_at, Slot.ends_at)
        .where(Slot.doctor_id == doctor_id, Slot.lane == 0, Slot.starts_at.in_(starts))
        .order_by(Slot.state != SlotState.BLOCKED, Slot.id)
    )
    return {row.starts_at: row.id for row in rows if row.ends_at - row.starts_at >= length}


def _place(occasion: Occasion, slot: SlotFacts | None, own: Collection[int]) -> Place:
    if occasion.starts_at is None:
        conflict = BookingConflict(SKIPPED, reason=Reason.SLOT_BLOCKED.value)
        return Place(occasion, None, conflict)
    if slot is None:
        return Place(occasion, None, BookingConflict.because(Reason.SLOT_BLOCKED))
    if slot.id in own:
        return Place(occasion, slot)
    return Place(occasion, slot, rules.refusal_for(slot))


def _with_alternatives(tx: Connection, doctor_id: int, place: Place) -> Place:
    if not isinstance(place.refusal, BookingConflict):
        return place
    told = type(place.refusal)(
        place.refusal.detail,
        **{**place.refusal.extras, "alternatives": nearest_free(tx, doctor_id, place.occasion.around)},
    )
    return replace(place, refusal=told)
