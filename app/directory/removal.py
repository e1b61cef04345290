"""What taking a slot away may do. Pure."""

from __future__ import annotations

from enum import Enum

from app.errors import Conflict, NotFound
from app.tables.booking import SlotState

#: The block_reason of a slot that was taken out of the offer for good.
CLOSED = "closed"


class Removal(Enum):
    """What was done, in words for the person who asked."""

    DELETED = "Slot deleted"
    CLOSED = "Slot closed: it is not offered any more, and its past bookings are kept"


def decide_removal(state: SlotState, block_reason: str | None, is_interval: bool, is_kept: bool) -> Removal:
    """is_kept says that past bookings or a hall need it.

    Raises Conflict while somebody owns the slot, NotFound when it was taken away before."""
    if state is SlotState.BOOKED:
        raise Conflict("This slot is booked. Cancel or move its booking first.", reason="SLOT_TAKEN")
    if state is SlotState.HELD:
        message = "Somebody is booking this slot right now. Try again when the hold has ended."
        raise Conflict(message, reason="SLOT_HELD")
    if is_interval or (block_reason == CLOSED and is_kept):
        raise NotFound("This slot is not offered any more.")
    return Removal.CLOSED if is_kept else Removal.DELETED
