"""Why a booking was refused. Every loser of a race learns the truth."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from app.errors import Refusal


class Reason(StrEnum):
    """Why a slot cannot be had."""

    SLOT_TAKEN = "SLOT_TAKEN"
    SLOT_HELD = "SLOT_HELD"
    SLOT_BLOCKED = "SLOT_BLOCKED"
    OVERLAP = "OVERLAP"


WORDS = {
    Reason.SLOT_TAKEN: "This time is already booked.",
    Reason.SLOT_BLOCKED: "This time is not offered.",
    Reason.OVERLAP: "Another booking overlaps this time.",
}


class BookingConflict(Refusal):
    """Somebody else has the slot; alternatives are free ones nearby."""

    code = "BOOKING_CONFLICT"
    title = "That time is not free"

    @classmethod
    def because(cls, reason: Reason, seconds_left: int | None = None, **extras: Any) -> BookingConflict:
        if reason is Reason.SLOT_HELD:
            detail = f"Somebody is booking this time right now; it may be free again in {seconds_left} s."
            return cls(detail, reason=reason.value, retry_after_seconds=seconds_left, **extras)
        return cls(WORDS[reason], reason=reason.value, **extras)

    @property
    def retryable(self) -> bool:
        return bool(self.extras.get("reason") == Reason.SLOT_HELD)


class HoldExpired(Refusal):
    """The hold's deadline passed before it was confirmed."""

    code = "HOLD_EXPIRED"
    title = "The time was held for too long"


class SlotInPast(Refusal):
    code = "SLOT_IN_PAST"
    title = "That time has passed"


class WrongState(Refusal):
    """The booking is not in a state that allows this, such as cancelling twice."""

    code = "WRONG_STATE"
    title = "The booking does not allow that any more"


class TooManyExtensions(Refusal):
    code = "TOO_MANY_EXTENSIONS"
    title = "This hold cannot be extended again"
