"""A quick look at whether slots are taken, shared by everybody of this process who asks at once.

When hundreds want one slot, one read answers all of them; nobody waits for a row lock to hear no."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, wait

from sqlalchemy import Connection

from app.booking import rules, statements
from app.booking.alternatives import nearest_free
from app.booking.errors import BookingConflict
from app.booking.remembered import Remembered
from app.booking.rules import SeatLabel, SlotFacts
from app.booking.seat_glance import SetGlance
from app.booking.seat_plan import SeatPlans
from app.database import Database, can_share
from app.directory.documents import Document
from app.errors import Refusal, Unavailable
from app.tables.booking import SlotState

#: How long a lock may be believed while the database does not confirm it: together about a second.
PAUSES_SECONDS = (0.02, 0.04, 0.08, 0.16, 0.3, 0.4)
LONGEST_READ_SECONDS = 6.0
#: Whoever comes so soon after a refusal of these slots looks first, and tries to claim only what is free.
RECENT_SECONDS = 1.0
#: For so long the same alternatives are offered: they are hints, and cost more than the refusal itself.
HINTS_SECONDS = 0.25
#: Every loser looks, which is too often for SQLAlchemy.
LOOK = """
    SELECT id, state, starts_at, hold_until, fence, clock_timestamp(), seat_row, seat_number
      FROM slots WHERE id = ANY (%(slot_ids)s::bigint[]) ORDER BY id"""
Slots = tuple[int, ...]


class Glance:
    """Reads refusals. Those who ask while a read is under way share the next one: the slot may have
    been freed since that read looked."""

    def __init__(self, database: Database, plans: SeatPlans | None = None) -> None:
        self._database = database
        self._sets = SetGlance(database, plans or SeatPlans())
        self._lock = threading.Lock()
        self._flying: dict[Slots, Future[Refusal | None]] = {}
        self._boarding: dict[Slots, Future[Refusal | None]] = {}
        self._refused: Remembered[Slots, bool] = Remembered(RECENT_SECONDS)
        self._hints: Remembered[int, list[Document]] = Remembered(HINTS_SECONDS)

    def was_refused(self, slot_ids: Slots) -> bool:
        """Whether somebody was refused these slots a moment ago. Says nothing about now."""
        return self._refused.get(slot_ids) is not None

    def refusal(self, slot_ids: Slots) -> Refusal | None:
        """Why the slots cannot be had now; None when they can. Raises Unavailable."""
        if self._sets.is_for(slot_ids):
            found = self._sets.refusal(slot_ids)
            if found is not None:
                self._refused.put(slot_ids, True)
            return found
        with self._lock:
            flight = self._boarding.get(slot_ids)
            if is_first := flight is None:
                flight = self._boarding[slot_ids] = Future()
        if is_first:
            self._fly(slot_ids, flight)
        try:
            found = flight.result(timeout=LONGEST_READ_SECONDS)
        except TimeoutError as late:
            raise Unavailable("The database does not answer.", retry_after_seconds=5) from late
        return found and found.again()

    def confirmed_refusal(self, slot_ids: Slots) -> Refusal | None:
        """The same, waiting about a second for whoever holds the lock to write what they are doing."""
        for pause in PAUSES_SECONDS:
            found = self.refusal(slot_ids)
            if found is not None:
                return found
            time.sleep(pause)
        return self.refusal(slot_ids)

    def _fly(self, slot_ids: Slots, flight: Future[Refusal | None]) -> None:
        try:
            self._wait_for_the_read_under_way(slot_ids)
            with self._lock:
                self._flying[slot_ids] = self._boarding.pop(slot_ids)
            found = self._true_refusal(slot_ids)
            if found is not None:
                self._refused.put(slot_ids, True)
            flight.set_result(found)
        except BaseException as error:
            # Whoever ends this request does not mean to end those that share its read.
            flight.set_exception(error if isinstance(error, Exception) else Unavailable())
            raise
        finally:
            self._land(slot_ids, flight)

    def _true_refusal(self, slot_ids: Slots) -> Refusal | None:
        refusal = rules.refusal_of_all(slot_ids, self._look(slot_ids))
        if isinstance(refusal, BookingConflict) and "slot_id" in refusal.extras:
            refusal.extras["alternatives"] = self._alternatives(int(refusal.extras["slot_id"]))
        return refusal

    def _look(self, slot_ids: Slots) -> list[SlotFacts]:
        if can_share(self._database):
            return look_quickly(self._database, slot_ids)
        with self._database.read() as connection:
            return statements.look_at_slots(connection, slot_ids)

    def _alternatives(self, slot_id: int) -> list[Document]:
        known = self._hints.get(slot_id)
        if known is not None:
            return known
        with self._database.read() as connection:
            return self._hints.put(slot_id, nearest_free(connection, slot_id))

    def _wait_for_the_read_under_way(self, slot_ids: Slots) -> None:
        under_way = self._flying.get(slot_ids)
        if under_way is not None:
            wait([under_way], timeout=LONGEST_READ_SECONDS)

    def _land(self, slot_ids: Slots, flight: Future[Refusal | None]) -> None:
        with self._lock:
            for flights in (self._boarding, self._flying):
                if flights.get(slot_ids) is flight:
                    del flights[slot_ids]


def look_quickly(database: Database, slot_ids: Slots) -> list[SlotFacts]:
    """As statements.look_at_slots(), for PostgreSQL alone."""
    rows = database.pipelines.ask(LOOK, {"slot_ids": f"{{{','.join(map(str, slot_ids))}}}"})
    return [
        SlotFacts(
            slot_id, SlotState(state), starts_at, hold_until, fence, now, row and SeatLabel(row, number)
        )
        for slot_id, state, starts_at, hold_until, fence, now, row, number in rows
    ]


def true_refusal(connection: Connection, slot_ids: Sequence[int]) -> Refusal | None:
    """What the database says, with the nearest free slots of the same kind when it is a conflict."""
    refusal = rules.refusal_of_all(slot_ids, statements.look_at_slots(connection, slot_ids))
    return refusal and with_alternatives(connection, refusal)


def with_alternatives(connection: Connection, refusal: Refusal) -> Refusal:
    if isinstance(refusal, BookingConflict) and "slot_id" in refusal.extras:
        refusal.extras["alternatives"] = nearest_free(connection, int(refusal.extras["slot_id"]))
    return refusal
