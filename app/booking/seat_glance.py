"""A look at sets of slots, shared by everybody of this process who asks at once.

Sets overlap in every way and hardly two are equal, so one read looks at all their slots together. What is
offered instead is found in the plan of the hall, among the seats that were free a moment ago."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from itertools import chain

from sqlalchemy import Connection

from app.batches import Batches
from app.booking import rules, statements
from app.booking.alternatives import nearest_free
from app.booking.errors import BookingConflict
from app.booking.remembered import Remembered
from app.booking.rules import SlotFacts
from app.booking.seat_plan import SeatPlans
from app.booking.seating import nearest_in, seats_taken
from app.database import Database
from app.directory.documents import Document
from app.errors import OutcomeUnknown, Refusal, Unavailable

LONGEST_WAIT_SECONDS = 6.0
#: For so long the same seats are offered instead: hints, which cost more than the refusal itself.
HINTS_SECONDS = 0.25
Slots = tuple[int, ...]


class SetGlance:
    """Those who ask while a look is under way share the next one."""

    def __init__(self, database: Database, plans: SeatPlans) -> None:
        self._database = database
        self._plans = plans
        self._looks: Batches[Slots, Refusal | Unavailable | None] = Batches(
            longest_wait_seconds=LONGEST_WAIT_SECONDS
        )
        self._taken: Remembered[int, Set[int]] = Remembered(HINTS_SECONDS)
        self._hints: Remembered[int, list[Document]] = Remembered(HINTS_SECONDS)

    def is_for(self, slot_ids: Slots) -> bool:
        """All but a single slot, unless it is a seat of a hall that this process knows."""
        return len(slot_ids) != 1 or self._plans.with_seat(slot_ids[0]) is not None

    def refusal(self, slot_ids: Slots) -> Refusal | None:
        """Why the slots cannot be had together now; None when they can. Raises Unavailable."""
        try:
            found = self._looks.share(slot_ids, self._look, _no_answer())
        except OutcomeUnknown as late:
            raise _no_answer() from late
        if isinstance(found, Unavailable):
            raise _no_answer()
        return found and found.again()

    def _look(self, sets: Sequence[Slots]) -> list[Refusal | None]:
        with self._database.read() as connection:
            wanted = sorted(set(chain.from_iterable(sets)))
            facts = {slot.id: slot for slot in statements.look_at_slots(connection, wanted)}
            return [self._refusal_of(connection, slot_ids, facts) for slot_ids in sets]

    def _refusal_of(
        self, connection: Connection, slot_ids: Slots, facts: Mapping[int, SlotFacts]
    ) -> Refusal | None:
        found = [facts[slot_id] for slot_id in slot_ids if slot_id in facts]
        refusal = rules.refusal_of_all(slot_ids, found)
        if isinstance(refusal, BookingConflict) and "slot_id" in refusal.extras:
            refusal.extras["alternatives"] = self._instead(connection, int(refusal.extras["slot_id"]))
        return refusal

    def _instead(self, connection: Connection, slot_id: int) -> list[Document]:
        known = self._hints.get(slot_id)
        return self._hints.put(slot_id, self._nearest(connection, slot_id)) if known is None else known

    def _nearest(self, connection: Connection, slot_id: int) -> list[Document]:
        plan = self._plans.with_seat(slot_id)
        if plan is None:  # a doctor's time, or a hall this process has not seen
            return nearest_free(connection, slot_id)
        taken = self._taken.get(plan.showtime_id)
        if taken is None:
            taken = self._taken.put(plan.showtime_id, seats_taken(connection, plan.showtime_id))
        return nearest_in(plan, slot_id, taken)


def _no_answer() -> Unavailable:
    return Unavailable("The database does not answer.", retry_after_seconds=5)
