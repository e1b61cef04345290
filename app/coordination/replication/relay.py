"""The leader's relay: what was committed goes to the bus, in order, within moments.

It remembers nothing. Each round compares how far Redis is with how far the database is, so a restart, a
second relay, an outage of Redis and an emptied Redis are all the same to it."""

from __future__ import annotations

import time
from itertools import groupby

from app.clock import Clock
from app.coordination.leadership import Term
from app.coordination.outbox import HEARTBEAT_STREAM
from app.coordination.replication.bell import Bell
from app.coordination.replication.bus import Away, Batch, Bus
from app.coordination.replication.unpublished import Unpublished, look
from app.database import Database

RECORDS_AT_ONCE = 500
#: A commit whose bell was lost waits so long.
SHIFT_SECONDS = 1.0
#: After a round, so that under load all commits of such a moment share the next: a round costs the leader,
#: Redis and every reader about the same for one change as for fifty. The first after a silence does not wait.
BREATH_SECONDS = 0.06


class Relay:
    def __init__(self, database: Database, bus: Bus, bell: Bell, clock: Clock) -> None:
        self._database = database
        self._bus = bus
        self._bell = bell
        self._clock = clock
        self.published = 0

    def run(self, term: Term) -> None:
        """Relay for a second, woken by each commit. Raises Deposed when the term has ended."""
        until = self._clock.elapsed() + SHIFT_SECONDS
        while (left := until - self._clock.elapsed()) > 0:
            if self.catch_up(term):
                time.sleep(BREATH_SECONDS)
            self._bell.wait(left)

    def catch_up(self, term: Term) -> int:
        """Publish everything that is committed now; nothing while Redis is away. Returns how many records."""
        before, is_all = self.published, False
        try:
            while not is_all:
                found = look(self._database, term, self._bus.heads(), RECORDS_AT_ONCE)
                # The heartbeat by itself: when something before it failed, it must not be there.
                for together in plan(found):
                    self._bus.publish(together)
                    self.published += sum(len(batch.records) for batch in together)
                is_all = found.is_all  # what was committed meanwhile rings for itself
        except Away:
            pass
        return self.published - before


def plan(found: Unpublished) -> tuple[list[Batch], list[Batch]]:
    """What to append, and the heartbeat to append after it: only when nothing that was seen with it is left,
    because it tells readers that everything before it is there."""
    batches = [
        Batch(stream, records[-1].seq, records)
        for stream, records in ((s, list(group)) for s, group in groupby(found.records, lambda r: r.stream))
    ]
    # Trimmed before anybody relayed them: say at least that they were, and readers take a snapshot.
    batches += [Batch(stream, head, ()) for stream, head in found.trimmed.items()]
    is_beating = found.is_all and found.beats
    return batches, [Batch(HEARTBEAT_STREAM, found.beats[-1].seq, found.beats)] if is_beating else []
