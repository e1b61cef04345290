"""The leader's relay: what was committed goes to the bus, in order, within moments.

It remembers nothing. Each round compares how far Redis is with how far the database is, so a restart, a
second relay, an outage of Redis and an emptied Redis are all the same to it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from itertools import groupby

from sqlalchemy import Connection

from app.clock import Clock
from app.coordination import outbox
from app.coordination.leadership import Term, require_term
from app.coordination.outbox import HEARTBEAT_STREAM, Record
from app.coordination.replication.bell import Bell
from app.coordination.replication.bus import Away, Batch, Bus
from app.database import Database

RECORDS_AT_ONCE = 500
#: A stream that Redis does not know is published from here on; what is older nobody waits for.
TAIL = 20
#: A commit whose bell was lost waits so long.
SHIFT_SECONDS = 1.0
#: After a round, so that under load all commits of such a moment share the next: a round costs the leader,
#: Redis and every reader about the same for one change as for fifty. The first after a silence does not wait.
BREATH_SECONDS = 0.03


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
        before = self.published
        try:
            while batches := self._next(term, self._bus.heads()):
                # The heartbeat by itself: when something before it failed, it must not be there.
                for together in (_without_heartbeat(batches), _heartbeat(batches)):
                    self._bus.publish(together)
                    self.published += sum(len(batch.records) for batch in together)
                if sum(len(batch.records) for batch in batches) < RECORDS_AT_ONCE:
                    break  # what was committed meanwhile rings for itself
        except Away:
            pass
        return self.published - before

    def _next(self, term: Term, published: Mapping[str, int]) -> list[Batch]:
        def look(tx: Connection) -> tuple[dict[str, int], Sequence[Record], Sequence[Record]]:
            require_term(tx, term)
            heads = outbox.heads(tx)
            behind = lagging(heads, published)
            is_due = behind.pop(HEARTBEAT_STREAM, None) is not None
            records = outbox.records_after(tx, behind, RECORDS_AT_ONCE)
            last = {HEARTBEAT_STREAM: heads.get(HEARTBEAT_STREAM, 0) - 1}
            beats = outbox.records_after(tx, last, 1) if is_due else []
            return heads, records, beats

        heads, records, beats = self._database.run(look)
        return plan(heads, published, records, beats)


def lagging(heads: Mapping[str, int], published: Mapping[str, int]) -> dict[str, int]:
    """The streams whose head Redis does not have, and after which number to go on."""
    return {
        stream: published.get(stream, max(0, head - TAIL))
        for stream, head in heads.items()
        if published.get(stream, 0) < head
    }


def plan(
    heads: Mapping[str, int],
    published: Mapping[str, int],
    records: Sequence[Record],
    beats: Sequence[Record],
) -> list[Batch]:
    """What to append. The heartbeat goes last, and only when nothing else that these heads say is left: it
    tells readers that everything before it is there."""
    batches = [
        Batch(stream, found[-1].seq, found)
        for stream, found in ((s, list(group)) for s, group in groupby(records, lambda r: r.stream))
    ]
    if len(records) >= RECORDS_AT_ONCE:
        return batches
    reached = {batch.stream for batch in batches} | {HEARTBEAT_STREAM}
    # Trimmed before anybody relayed them: say at least that they were, and readers take a snapshot.
    batches += [Batch(s, heads[s], ()) for s in lagging(heads, published) if s not in reached]
    beats = [beat for beat in beats if beat.seq == heads[HEARTBEAT_STREAM]]
    return batches + ([Batch(HEARTBEAT_STREAM, beats[0].seq, beats)] if beats else [])


def _heartbeat(batches: Sequence[Batch]) -> list[Batch]:
    return [batch for batch in batches if batch.stream == HEARTBEAT_STREAM]


def _without_heartbeat(batches: Sequence[Batch]) -> list[Batch]:
    return [batch for batch in batches if batch.stream != HEARTBEAT_STREAM]
