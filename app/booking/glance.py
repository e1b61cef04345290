"""A quick look at whether slots are taken, shared by everybody of this process who asks at once.

When hundreds want one slot, one read answers all of them; nobody waits for a row lock to hear no."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future

from sqlalchemy import Connection

from app.booking import rules, statements
from app.booking.alternatives import nearest_free
from app.booking.errors import BookingConflict
from app.database import Database
from app.errors import Refusal

#: How long a lock may be believed while the database does not confirm it: together about a second.
PAUSES_SECONDS = (0.02, 0.04, 0.08, 0.16, 0.3, 0.4)
LONGEST_READ_SECONDS = 6.0
Slots = tuple[int, ...]


class Glance:
    """Reads refusals; one read at a time for the same slots."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._flights: dict[Slots, Future[Refusal | None]] = {}

    def refusal(self, slot_ids: Slots) -> Refusal | None:
        """Why the slots cannot be had now; None when they can. Raises Unavailable."""
        with self._lock:
            flight = self._flights.get(slot_ids)
            if is_first := flight is None:
                flight = self._flights[slot_ids] = Future()
        if is_first:
            self._fly(slot_ids, flight)
        found = flight.result(timeout=LONGEST_READ_SECONDS)
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
            with self._database.read() as connection:
                found = true_refusal(connection, slot_ids)
        except BaseException as error:
            self._land(slot_ids)
            flight.set_exception(error)
        else:
            self._land(slot_ids)
            flight.set_result(found)

    def _land(self, slot_ids: Slots) -> None:
        with self._lock:
            del self._flights[slot_ids]


def true_refusal(connection: Connection, slot_ids: Slots) -> Refusal | None:
    """What the database says, with the nearest free slots of the same kind when it is a conflict."""
    refusal = rules.refusal_of_all(slot_ids, statements.look_at_slots(connection, slot_ids))
    return refusal and with_alternatives(connection, refusal)


def with_alternatives(connection: Connection, refusal: Refusal) -> Refusal:
    if isinstance(refusal, BookingConflict) and "slot_id" in refusal.extras:
        refusal.extras["alternatives"] = nearest_free(connection, int(refusal.extras["slot_id"]))
    return refusal
