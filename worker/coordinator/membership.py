"""Who is there and who lives: heartbeats over calls, Redis and SQL feed the failure detector."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count
from random import Random
from typing import Any

from app.algorithms.failure_detector import (
    BeatSeen,
    DetectorEffect,
    DetectorEvent,
    FailureDetector,
    Heartbeat,
    PeersChanged,
    Refuted,
    RowSeen,
    Status,
    StatusChanged,
)
from app.algorithms.steps import Received, Send, Started, StartTimer
from app.algorithms.wire import detector_message, pack
from app.coordination import membership
from app.coordination.cards import Card
from app.coordination.heartbeats import Beat, Heartbeats
from app.coordination.letters import understand
from app.coordination.membership import DRAINING, LEFT, UP, Wishes
from app.coordination.rpc.messages import Caller
from app.coordination.rpc.peers import Peer, this_machine
from app.coordination.settings import read_settings
from app.version import code_version
from worker.coordinator.frame import Document, Duty, Frame
from worker.coordinator.loop import Timers

MESSAGE_SECONDS = 0.8
#: Shorter outages of Redis or SQL are hiccups.
REDIS_GONE_SECONDS = DATABASE_GONE_SECONDS = 3.0


@dataclass(frozen=True)
class Sign:
    """A detector's message and the card of who sends it."""

    card: Card
    message: dict[str, Any]


@dataclass(frozen=True)
class Known:
    """Everything SQL says about the cluster in one look."""

    wishes: Wishes
    peers: dict[str, tuple[Peer, int]]  # with the incarnation
    left: frozenset[str]
    settings: dict[str, str]
    seen: tuple[RowSeen, ...] = ()


class Membership(Duty):
    name, every_seconds = "membership", 0.5

    def __init__(self, frame: Frame, heartbeats: Heartbeats) -> None:
        self._frame = frame
        self._heartbeats = heartbeats
        self._detector = FailureDetector(frame.node, frame.incarnation, Random())  # noqa: S311 - no secret
        self._timers = Timers(frame.loop, self._feed)
        self._sql = frame.background("membership-sql")
        self._redis = frame.background("membership-redis")
        self._cards: dict[str, Card] = {}
        self._numbers = count(1)
        self._known: dict[str, Peer] = dict(frame.client.book.all())
        self._gone: dict[str, int] = {}  # who said good-bye, and in which incarnation
        self._last_beat = 0
        self._beat_at = float("-inf")
        self._redis_seen_at = self._database_seen_at = frame.clock.elapsed()
        self._started_at = frame.instant()
        self.settings: dict[str, str] = {}
        self.is_draining = False
        #: Others add what they know of this node: load, connections, clock.
        self.card_details: list[Callable[[], Document]] = []
        self.on_change: list[Callable[[], object]] = []
        frame.methods.expose("membership.say", Sign, self._hear)
        frame.methods.expose("membership.leave", Card, self._see_off)
        frame.methods.expose("membership.look", None, self._look_now)

    # For other duties

    def live(self) -> dict[str, Card]:
        """The others that are not dead, with what each last said of itself."""
        live = self._detector.live
        return {node: card for node, card in self._cards.items() if node in live}

    def everyone(self) -> frozenset[str]:
        """All that should be there, this node included and the dead too: a majority is counted of them."""
        return frozenset(self._known.keys() - self._gone.keys() | {self._frame.node})

    def healthy(self) -> dict[str, Card]:
        """Those of the others whose silence is not yet suspicious."""
        alive = {node for node, peer in self._detector.peers.items() if peer.status is Status.ALIVE}
        return {node: card for node, card in self._cards.items() if node in alive}

    def silences(self, now: float) -> dict[str, float]:
        """For how many seconds each of the others has not been heard."""
        return {node: now - peer.heard_at for node, peer in self._detector.peers.items()}

    def sees_redis(self, now: float) -> bool:
        return now - self._redis_seen_at <= REDIS_GONE_SECONDS

    def sees_database(self, now: float) -> bool:
        return now - self._database_seen_at <= DATABASE_GONE_SECONDS

    def database_answered(self, now: float) -> None:
        self._database_seen_at = max(now, self._database_seen_at)

    def card(self) -> Card:
        """What this node says of itself now."""
        now, config = self._frame.clock.elapsed(), self._frame.config
        card = Card(
            node=self._frame.node,
            incarnation=self._detector.incarnation,
            address=config.address,
            rpc_url=config.rpc_address,
            machine=this_machine(),
            weight=config.node_weight,
            status=DRAINING if self.is_draining else UP,
            started_at=self._started_at,
            version=code_version(),
            sees_redis=self.sees_redis(now),
            sees_database=self.sees_database(now),
            number=next(self._numbers),
        )
        for details in self.card_details:
            card = replace(card, **details())
        return card

    # The duty

    def begin(self, now: float) -> None:
        self._update_peers()
        self._feed(Started())

    def tick(self, now: float) -> None:
        if now - self._beat_at < 1.0:
            return
        self._beat_at = now
        card, number = self.card(), self._last_beat
        if not self._redis.waiting:
            self._redis.submit(lambda: self._heartbeats.exchange(card, number), self._take_beats)
        self._look_at_sql(card)

    def document(self, now: float) -> Document:
        return {
            "draining": self.is_draining,
            "doubt": round(self._detector.doubt, 2),
            "sees_redis": self.sees_redis(now),
            "sees_database": self.sees_database(now),
            "nodes": [
                self.card().describe(Status.ALIVE, 0.0),
                *(
                    (self._cards.get(node) or Card(node, 0, "")).describe(peer.status, now - peer.heard_at)
                    for node, peer in self._detector.peers.items()
                ),
            ],
        }

    def end(self) -> None:
        farewell = replace(self.card(), status=LEFT)
        for node in self._detector.live:
            self._frame.client.tell(node, "membership.leave", farewell, MESSAGE_SECONDS)
        self._redis.submit(lambda: self._heartbeats.leave(self._frame.node))
        database, stamp = self._frame.database, self._frame.stamper.peek()
        self._sql.submit(lambda: database.run(lambda tx: membership.beat(tx, farewell, stamp)))

    # What comes in

    def _hear(self, sign: Sign, caller: Caller) -> None:
        self._meet(caller.node, sign.card)
        self._feed(Received(caller.node, understand(detector_message, sign.message)))

    def _see_off(self, card: Card, caller: Caller) -> None:
        self._gone[caller.node] = card.incarnation
        self._frame.chronicle.noticed("node.left", f"{caller.node} left")
        self._update_peers()

    def _look_now(self, _payload: None, _caller: Caller) -> None:
        """The operator has changed something: do not wait for the next second."""
        self._beat_at = float("-inf")
        self.tick(self._frame.clock.elapsed())

    def _meet(self, node: str, card: Card) -> None:
        """Somebody who spoke for itself; a later life brings back who had left."""
        if node == self._frame.node or card.node != node:
            return
        before = self._cards.get(node)
        if before is not None and card.is_older_than(before):
            return
        self._cards[node] = card
        if card.status == LEFT or self._gone.get(node, -1) >= card.incarnation:
            return
        is_new = node not in self._detector.peers or before is None or before.weight != card.weight
        self._gone.pop(node, None)
        self._known[node] = card.peer
        self._frame.client.book.note(card.peer)
        if is_new:
            self._update_peers()

    def _take_beats(self, beats: list[Beat] | None) -> None:
        if beats is None:
            return
        self._redis_seen_at = self._frame.clock.elapsed()
        for beat in beats:
            self._meet(beat.card.node, beat.card)
            heartbeat = Heartbeat(beat.card.incarnation, beat.number)
            self._feed(BeatSeen(beat.card.node, heartbeat, beat.age_seconds))

    def _look_at_sql(self, card: Card) -> None:
        if self._sql.waiting:
            return

        def look() -> Known:
            database, stamper = self._frame.database, self._frame.stamper
            wishes = database.run(lambda tx: membership.beat(tx, card, stamper.peek()))
            with database.read() as connection:
                rows = membership.nodes(connection)
                settings = read_settings(connection)
            peers = {row.id: (Peer(row.id, row.rpc_address, row.machine), row.incarnation) for row in rows}
            left = frozenset(row.id for row in rows if row.status == LEFT)
            seen = tuple(
                RowSeen(row.id, row.incarnation, (row.now - row.last_heartbeat).total_seconds())
                for row in rows
                if row.id not in left
            )
            return Known(wishes, peers, left, settings, seen)

        self._sql.submit(look, self._take_known)
        self._sql.submit(lambda: self._frame.chronicle.save(self._frame.database))

    def _take_known(self, known: Known) -> None:
        self._database_seen_at = self._frame.clock.elapsed()
        self.is_draining, self.settings = known.wishes.is_draining, known.settings
        for node, (peer, incarnation) in known.peers.items():
            card = self._cards.get(node)
            # What a node says itself, by heartbeat, is newer than its row.
            if card is not None and card.incarnation > incarnation:
                continue
            if node in known.left:
                self._gone[node] = incarnation
            elif card is None:
                self._known[node] = peer
                self._frame.client.book.note(peer)
        self._update_peers()
        for row in known.seen:
            self._feed(row)

    # The detector

    def _update_peers(self) -> None:
        peers = frozenset(self._known.keys() - self._gone.keys() - {self._frame.node})
        if peers != self._detector.peers.keys():
            self._feed(PeersChanged(peers))
        self._announce_change()

    def _announce_change(self) -> None:
        for listener in self.on_change:
            listener()

    def _feed(self, event: DetectorEvent) -> None:
        for effect in self._detector.step(event, self._frame.clock.elapsed()):
            self._perform(effect)

    def _perform(self, effect: DetectorEffect) -> None:
        match effect:
            case StartTimer():
                self._timers.perform(effect)
            case Send(to, message):
                if isinstance(message, Heartbeat):
                    self._last_beat = max(message.beat, self._last_beat)
                sign = Sign(self.card(), pack(message))
                self._frame.client.tell(to, "membership.say", sign, MESSAGE_SECONDS)
            case StatusChanged(node, _, before, after):
                self._frame.chronicle.noticed(f"node.{after}", f"{node} is {after}; it was {before}")
                self._announce_change()
            case Refuted(incarnation):
                self._frame.chronicle.noticed(
                    "node.refuted",
                    f"{self._frame.node} was held for dead and takes incarnation {incarnation}",
                )
