"""Which seats each of several groups is to get when they want the best of one show together. Pure."""

from __future__ import annotations

import uuid
from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from app.booking.best_seats import SeatWish, best_choice
from app.booking.rules import Actor
from app.booking.seat_plan import SeatPlan
from app.booking.strays import warnings
from app.coordination.stamps import Stamp
from app.idempotency import Document, RequestKey

if TYPE_CHECKING:
    from app.booking.allowances import Allowance
    from app.booking.claims import PatientDetails


@dataclass(frozen=True, slots=True)
class GroupWish:
    """The best seats for one group, at once."""

    seats: SeatWish
    patient: PatientDetails
    actor: Actor
    request: RequestKey | None
    stamp: Stamp
    #: To be counted against the allowance; None: one more is surely allowed.
    allowance: Allowance | None = None
    booking_id: uuid.UUID = field(default_factory=uuid.uuid4)
    notice_id: uuid.UUID = field(default_factory=uuid.uuid4)


@dataclass(frozen=True, slots=True)
class Choice:
    """The seats one group is to get, and what it may want to know about those beside them."""

    wish: GroupWish
    slot_ids: tuple[int, ...]
    warnings: Sequence[Document]


def choose_in_turn(
    plan: SeatPlan, taken: Set[int], lapsed: Set[int], wishes: Sequence[GroupWish]
) -> list[Choice]:
    """Whoever finds seats, the best there are without those of the ones before.

    Whose best seats are under a hold that has lapsed is left out: somebody has to end that hold first."""
    gone = set(taken)
    choices = []
    for wish in wishes:
        slot_ids = best_choice(plan, gone, wish.seats)
        if slot_ids is None:
            continue
        if lapsed.isdisjoint(slot_ids):
            choices.append(Choice(wish, slot_ids, warnings(plan, slot_ids, gone)))
        gone.update(slot_ids)
    return choices
