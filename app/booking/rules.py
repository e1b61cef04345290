"""Pure decisions about slots and holds, on plain values."""

from __future__ import annotations

import math
import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.booking.errors import BookingConflict, LostSeat, Reason, SlotInPast
from app.errors import NotFound, Refusal
from app.tables.booking import BookingStatus, SlotState

MOST_SLOTS = 10
MOST_EXTENSIONS = 10
LONGEST_HOLD_SECONDS = 30 * 60
#: No 0/O, 1/I/L, 2/Z, 5/S, 8/B: a reference is read out on the telephone.
REFERENCE_LETTERS = "ACDEFGHJKMNPQRTUVWXY34679"
CANCELLABLE = frozenset({BookingStatus.PENDING, BookingStatus.CONFIRMED})


@dataclass(frozen=True)
class SeatLabel:
    """What is printed on a seat."""

    row: str
    number: int

    def __str__(self) -> str:
        return f"{self.row}{self.number}"


@dataclass(frozen=True)
class SlotFacts:
    """A slot as the database shows it, and the database's time of looking."""

    id: int
    state: SlotState
    starts_at: datetime
    hold_until: datetime | None
    fence: int
    now: datetime
    seat: SeatLabel | None = None


def is_free(slot: SlotFacts) -> bool:
    """Open, or under a hold whose deadline has come, noticed or not."""
    lapsed = slot.hold_until is not None and slot.hold_until <= slot.now
    return slot.state is SlotState.OPEN or (slot.state is SlotState.HELD and lapsed)


def refusal_for(slot: SlotFacts) -> Refusal | None:
    """The true reason why the slot cannot be claimed, or None when it can."""
    if slot.starts_at <= slot.now:
        words = "This show has begun." if slot.seat else "This time is in the past."
        return SlotInPast(words, slot_id=str(slot.id))
    if is_free(slot):
        return None
    if slot.state is SlotState.BLOCKED:
        return BookingConflict.because(Reason.SLOT_BLOCKED, slot_id=str(slot.id))
    if slot.state is SlotState.HELD and slot.hold_until is not None:
        left = max(1, math.ceil((slot.hold_until - slot.now).total_seconds()))
        return BookingConflict.because(Reason.SLOT_HELD, seconds_left=left, slot_id=str(slot.id))
    return BookingConflict.because(Reason.SLOT_TAKEN, slot_id=str(slot.id))


def refusal_of_all(wanted: Sequence[int], found: Sequence[SlotFacts]) -> Refusal | None:
    """Why the slots cannot be had together: the first that cannot, or every seat that cannot.

    An unknown slot is not found."""
    missing = set(wanted) - {slot.id for slot in found}
    if missing:
        return NotFound("There is no such slot.", slot_id=str(min(missing)))
    in_order = sorted(found, key=lambda slot: slot.id)
    refused = [(slot, refusal) for slot in in_order if (refusal := refusal_for(slot))]
    if not refused:
        return None
    lost = [
        LostSeat(slot.id, slot.seat.row, slot.seat.number, Reason(refusal.extras["reason"]),
                 refusal.extras.get("retry_after_seconds"))
        for slot, refusal in refused
        if slot.seat and isinstance(refusal, BookingConflict)
    ]  # fmt: skip
    return BookingConflict.of_seats(lost) if lost else refused[0][1]


def may_extend(extensions: int, expires_at: datetime | None, latest: datetime) -> bool:
    """Whether a hold that must end by latest has time left to get."""
    return extensions < MOST_EXTENSIONS and (expires_at is None or expires_at < latest)


def new_reference() -> str:
    """Six letters a person can say, such as QX7-4RM; unique by constraint."""
    # Asked for once: the system's randomness costs more than all the rest of a reference.
    number, letters = secrets.randbelow(len(REFERENCE_LETTERS) ** 6), ""
    for _ in range(6):
        number, place = divmod(number, len(REFERENCE_LETTERS))
        letters += REFERENCE_LETTERS[place]
    return f"{letters[:3]}-{letters[3:]}"


def parse_reference(text: str) -> str | None:
    """The canonical form of a typed reference, hyphen or not, any case; None when it cannot be one."""
    letters = "".join(letter for letter in text.upper() if letter.isalnum())
    if len(letters) != 6 or any(letter not in REFERENCE_LETTERS for letter in letters):
        return None
    return f"{letters[:3]}-{letters[3:]}"


@dataclass(frozen=True)
class Actor:
    """Who acts: a user, a guest with a manage token, or the system itself."""

    label: str
    user_id: uuid.UUID | None = None
    is_staff: bool = False
    token_for: uuid.UUID | None = None
    #: Whose bookings staff may see; None: every doctor's, and those at the cinema.
    doctors: frozenset[int] | None = None
    #: A keyed digest of where the request came from; None for the system itself, which nothing limits.
    origin: str | None = None
    #: So many times the usual limits.
    limit_factor: int = 1
    #: May raise the capacity of a taken time, with a reason.
    may_overbook: bool = False

    def may_see(self, booking_id: uuid.UUID, owner: uuid.UUID | None, doctor_id: int | None) -> bool:
        """Own bookings, those of a presented token, or for staff those of their doctors."""
        is_owner = self.user_id is not None and self.user_id == owner
        return is_owner or self.token_for == booking_id or self.may_serve(doctor_id)

    def may_serve(self, doctor_id: int | None) -> bool:
        """Whether this is staff of that doctor."""
        return self.is_staff and (self.doctors is None or doctor_id in self.doctors)


SYSTEM = Actor("system", is_staff=True)
GUEST = Actor("guest")
