"""Why a booking was refused. Every loser of a race learns the truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import reduce
from typing import Any

from app.errors import Refusal
from app.languages.texts import N_, Said, said


class Reason(StrEnum):
    """Why a slot cannot be had."""

    SLOT_TAKEN = "SLOT_TAKEN"
    SLOT_HELD = "SLOT_HELD"
    SLOT_BLOCKED = "SLOT_BLOCKED"
    OVERLAP = "OVERLAP"
    #: Of the best available: too few seats are left, or no so many side by side.
    SOLD_OUT = "SOLD_OUT"
    NOT_TOGETHER = "NOT_TOGETHER"


WORDS = {
    Reason.SLOT_TAKEN: N_("This time is already booked."),
    Reason.SLOT_BLOCKED: N_("This time is not offered."),
    Reason.OVERLAP: N_("Another booking overlaps this time."),
}
#: The most final first: what is sold does not come back, what is held may.
SEAT_WORDS = {
    Reason.SLOT_TAKEN: (N_("Seat %(seats)s is already sold."), N_("Seats %(seats)s are already sold.")),
    Reason.SLOT_BLOCKED: (N_("Seat %(seats)s is not for sale."), N_("Seats %(seats)s are not for sale.")),
    Reason.SLOT_HELD: (
        N_("Seat %(seats)s is being booked by somebody right now."),
        N_("Seats %(seats)s are being booked by somebody right now."),
    ),
}
#: Of held seats it is known when they may come back.
SEATS_COME_BACK = (
    N_("Seat %(seats)s is being booked by somebody right now; it may be free again in %(wait)s s."),
    N_("Seats %(seats)s are being booked by somebody right now; they may be free again in %(wait)s s."),
)


@dataclass(frozen=True)
class LostSeat:
    """A seat that cannot be had, and why."""

    id: int
    row: str
    number: int
    reason: Reason
    seconds_left: int | None = None

    def document(self) -> dict[str, Any]:
        told = {"id": str(self.id), "row": self.row, "number": self.number, "reason": self.reason.value}
        return told | ({"retry_after_seconds": self.seconds_left} if self.seconds_left else {})


class BookingConflict(Refusal):
    """Somebody else has the slot; alternatives are free ones nearby."""

    code = "BOOKING_CONFLICT"
    title = "That time is not free"

    @classmethod
    def because(cls, reason: Reason, seconds_left: int | None = None, **extras: Any) -> BookingConflict:
        if reason is Reason.SLOT_HELD:
            detail = said(
                "Somebody is booking this time right now; it may be free again in %(seconds)s s.",
                seconds=seconds_left,
            )
            return cls(detail, reason=reason.value, retry_after_seconds=seconds_left, **extras)
        return cls(WORDS[reason], reason=reason.value, **extras)

    @classmethod
    def of_seats(cls, lost: Sequence[LostSeat]) -> BookingConflict:
        """All seats were wanted together and these cannot be had; nothing was taken."""
        reasons = [reason for reason in SEAT_WORDS if any(seat.reason is reason for seat in lost)]
        sentences = [
            _seats_words(reason, [seat for seat in lost if seat.reason is reason]) for reason in reasons
        ]
        first = next(seat for seat in lost if seat.reason is reasons[0])
        waits = [seat.seconds_left for seat in lost if seat.seconds_left]
        wait = max(waits) if waits and reasons[0] is Reason.SLOT_HELD else None
        return cls(
            reduce(lambda one, other: said("%(one)s %(other)s", one=one, other=other), sentences),
            reason=reasons[0].value,
            slot_id=str(first.id),
            seats=[seat.document() for seat in lost],
            retry_after_seconds=wait,
        )

    @property
    def retryable(self) -> bool:
        return bool(self.extras.get("reason") == Reason.SLOT_HELD or self.extras.get("on_hold"))


class SeriesConflict(Refusal):
    """Some times of a repeating appointment cannot be had, and it was to be all of them or none."""

    code = "SERIES_CONFLICT"
    title = "Not all times are free"

    @classmethod
    def of(cls, refused: Sequence[dict[str, Any]], wanted: int, done: str) -> SeriesConflict:
        verb = "is" if len(refused) == 1 else "are"
        words = f"{len(refused)} of {wanted} times {verb} not free. Nothing was {done}."
        return cls(words, refused=list(refused))


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


class TooLateToChange(Refusal):
    """The clinic's deadline for patients has passed; the front desk can still help."""

    code = "TOO_LATE_TO_CHANGE"
    title = "It is too late to change this online"


class TooManyExtensions(Refusal):
    code = "TOO_MANY_EXTENSIONS"
    title = "This hold cannot be extended again"


def _seats_words(reason: Reason, seats: Sequence[LostSeat]) -> Said:
    """Seat B14 is already sold. Seats B14 and B15 are already sold."""
    names = [f"{seat.row}{seat.number}" for seat in seats]
    listed = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
    waits = [seat.seconds_left for seat in seats if seat.seconds_left]
    forms = SEATS_COME_BACK if waits else SEAT_WORDS[reason]
    return said(forms[0 if len(names) == 1 else 1], seats=listed, wait=max(waits, default=0))
