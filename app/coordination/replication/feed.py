"""Keeps one replica up to date: from the bus, from the database while Redis is away, else from a neighbour.

One thread per process calls turn() again and again. Whatever was missed (a gap, an emptied Redis, a start
with nothing) ends the same way: the database is asked for the rest, or for the whole stream."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

import structlog
from sqlalchemy import select

from app.clock import Clock
from app.coordination.outbox import HEARTBEAT_STREAM, Record
from app.coordination.replication import snapshot
from app.coordination.replication.bell import Bell
from app.coordination.replication.bus import Away, Bus, OutboxSource, Source, news_in
from app.coordination.replication.node_replica import NodeReplica
from app.coordination.replication.rows import moment
from app.database import Database, db_now
from app.errors import Unavailable

IDLE_SECONDS = 0.5
RECORDS_AT_ONCE = 500
MOST_STEPS = 200
TIME_SECONDS, SHORT_OF_TIME_SECONDS = 10.0, 1.0
PURGE_SECONDS, OVERFLOW_SECONDS = 3600.0, 60.0
log = structlog.get_logger("replica")


class Feed:
    """`ask_neighbour` brings what a neighbour has, when neither Redis nor the database can; `observe` is
    shown every change, for the stamp in it."""

    def __init__(
        self,
        replica: NodeReplica,
        database: Database,
        bus: Bus,
        bell: Bell,
        clock: Clock,
        ask_neighbour: Callable[[], object] = lambda: None,
        observe: Callable[[Mapping[str, Any]], object] = lambda _change: None,
    ) -> None:
        self._replica = replica
        self._database = database
        self._bus = bus
        self._outbox = OutboxSource(database)
        self._bell = bell
        self._clock = clock
        self._ask_neighbour = ask_neighbour
        self._observe = observe
        self._stopped = threading.Event()
        self._due: dict[str, float] = {}
        #: bus, outbox, peers: where the last changes came from.
        self.fed_by = "nothing"
        self.heads: Mapping[str, int] = {}

    def start(self) -> None:
        threading.Thread(target=self._run, name="replica", daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()

    def turn(self, wait_seconds: float = IDLE_SECONDS) -> None:
        """Wait for the bell or for so long, then take in what is new."""
        told = self._hear(self._bell.wait(wait_seconds))
        self._look_after_the_replica()
        if self._replica.is_overflowing:
            return
        # A bell may have been missed, so only a look at all heads lets the heartbeat in.
        if told and HEARTBEAT_STREAM not in told and self.fed_by == self._bus.name:
            self._try(lambda: self._take_told(told))
        else:
            self._try(self._take_all)

    def rebuild(self) -> None:
        """Take every stream anew from the database. Raises Unavailable."""
        self.retake(self._outbox.heads().keys() - {HEARTBEAT_STREAM})

    def retake(self, streams: Iterable[str]) -> None:
        """Take these streams anew from the database. Raises Unavailable."""
        self._snapshot(streams)
        self._replica.rebuilds += 1

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                self.turn()
            except Exception:
                log.exception("A round of the replica's feed failed.")
                self._stopped.wait(IDLE_SECONDS)
        self._bell.close()

    def _hear(self, sounds: Iterable[bytes]) -> dict[str, int]:
        """Apply the changes that were told and come next; how far the streams go that were told of."""
        told: dict[str, int] = {}
        for sound in sounds:
            try:
                news = news_in(sound)
            except ValueError:
                log.warning("Something on the bus's channel is no doorbell.")
                continue
            told |= news.heads
            self._take_next(news.records)
        return told

    def _take_next(self, records: Iterable[Record]) -> None:
        """Of streams that are known here; what is missing before a change is asked for later."""
        known = self._replica.vector
        self._take([each for each in records if each.stream != HEARTBEAT_STREAM and each.stream in known])

    def _take(self, records: Sequence[Record]) -> set[str]:
        for record in records:
            self._observe(record.payload)
        return self._replica.take(records) if records else set()

    def _try(self, take: Callable[[], None]) -> None:
        try:
            take()
        except (Away, Unavailable) as trouble:
            self.fed_by = "peers"
            log.debug("The replica cannot be fed.", detail=str(trouble))
            self._ask_neighbour()

    def _take_told(self, told: Mapping[str, int]) -> None:
        self.heads = {**self.heads, **told}
        try:
            self._bring_to(self._bus, told)
        except Away:
            self._take_from(self._outbox)

    def _take_all(self) -> None:
        try:
            self._take_from(self._bus)
        except Away:
            self._take_from(self._outbox)

    def _take_from(self, source: Source) -> None:
        heads = dict(source.heads())
        self.heads = heads
        beat = heads.pop(HEARTBEAT_STREAM, 0)
        is_complete = self._bring_to(source, heads)
        self.fed_by = source.name
        if is_complete and beat > self._replica.vector.known(HEARTBEAT_STREAM):
            records = source.records_after({HEARTBEAT_STREAM: beat - 1}, 1)
            if records and records[0].seq == beat:
                self._replica.install_heartbeat(records[0])

    def _bring_to(self, source: Source, heads: Mapping[str, int]) -> bool:
        """Apply everything up to these heads; False when there was too much for one turn."""
        whole: set[str] = set()  # what the database itself has no more of, whatever the heads say
        for _ in range(MOST_STEPS):
            behind = self._replica.lacking({s: head for s, head in heads.items() if s not in whole})
            if not behind:
                return True
            if self._replica.is_overflowing:
                return False
            whole |= self._step(source, behind)
        return False

    def _step(self, source: Source, behind: Mapping[str, int]) -> set[str]:
        """Apply some of what is missing; the streams for which the database was asked for everything."""
        unknown = [stream for stream, known in behind.items() if known == 0][: snapshot.STREAMS_AT_ONCE]
        if unknown:
            return self._snapshot(unknown)
        some = dict(list(behind.items())[: snapshot.STREAMS_AT_ONCE])
        records = source.records_after(some, RECORDS_AT_ONCE)
        missing = self._take(records)
        if source is not self._outbox or len(records) < RECORDS_AT_ONCE:
            missing |= some.keys() - {record.stream for record in records}
        if not missing:
            return set()
        if source is self._outbox:
            return self._snapshot(missing)
        return self._step(self._outbox, {stream: self._replica.vector.known(stream) for stream in missing})

    def _snapshot(self, streams: Iterable[str]) -> set[str]:
        whole = set(streams)
        remaining = iter(sorted(whole))
        while some := list(islice(remaining, snapshot.STREAMS_AT_ONCE)):
            horizon = self._replica.horizon
            since = None if horizon is None else moment(horizon)
            self._replica.install(snapshot.take_snapshot(self._database, some, since))
        return whole

    def _look_after_the_replica(self) -> None:
        if self._is_due("time", TIME_SECONDS if self._replica.time.is_known else SHORT_OF_TIME_SECONDS):
            self._learn_the_time()
        if self._is_due("purge", PURGE_SECONDS):
            self._replica.purge()
        if self._replica.is_overflowing and self._is_due("overflow", OVERFLOW_SECONDS):
            self._replica.begin_anew()

    def _learn_the_time(self) -> None:
        try:
            with self._database.read() as connection:
                connection.execute(select(1))  # the first statement of a connection pays for its checks
                asked_at = self._clock.elapsed()
                shown = connection.execute(select(db_now())).scalar_one()
                self._replica.time.learn(shown, asked_at, self._clock.elapsed())
        except Unavailable:
            return

    def _is_due(self, what: str, every_seconds: float) -> bool:
        now = self._clock.elapsed()
        if now < self._due.get(what, float("-inf")):
            return False
        self._due[what] = now + every_seconds
        return True
