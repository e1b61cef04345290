"""Who is alive: heartbeats, second opinions, incarnations, and doubt about oneself first.

Sources: A. Das, I. Gupta, A. Motivala, "SWIM", DSN 2002 (indirect ping, suspicion, incarnation); A. Dadgar,
J. Phillips, J. Currey, "Lifeguard", DSN-W 2018 (a slow node lengthens its own timeouts). Unlike SWIM no one
takes another's word for a death: every node judges by what it heard itself or through helpers."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from random import Random

from app.algorithms.quorum import Outcome, decide
from app.algorithms.steps import Received, Send, Started, StartTimer, TimerFired

TIMER = "detector"
MAX_DOUBT = 3.0


class Status(StrEnum):
    ALIVE = "alive"
    SUSPECT = "suspect"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class DetectorSettings:
    """Beats each second; with the tick, a death is found within five."""

    tick_seconds: float = 0.25
    beat_seconds: float = 1.0
    suspect_seconds: float = 3.0
    dead_seconds: float = 4.6
    late_seconds: float = 0.2
    helpers: int = 2


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The sender lives: its beat-th sign in this incarnation."""

    incarnation: int
    beat: int


@dataclass(frozen=True, slots=True)
class PingRequest:
    """I cannot hear this node: please ask it."""

    target: str


@dataclass(frozen=True, slots=True)
class Ping:
    """Answer with a heartbeat, please."""


@dataclass(frozen=True, slots=True)
class Vouch:
    """You asked about this node: I have just heard it."""

    node: str
    heartbeat: Heartbeat


@dataclass(frozen=True, slots=True)
class Accusation:
    """I hold you for dead in this incarnation; take a new one if you live."""

    incarnation: int


DetectorMessage = Heartbeat | PingRequest | Ping | Vouch | Accusation


@dataclass(frozen=True, slots=True)
class BeatSeen:
    """A heartbeat found in Redis, so many seconds old by Redis's own clock."""

    node: str
    heartbeat: Heartbeat
    age_seconds: float


@dataclass(frozen=True, slots=True)
class RowSeen:
    """The database says that a node was alive in this incarnation so many of its own seconds ago. Needs no
    number of a beat: a row that is read again is older."""

    node: str
    incarnation: int
    age_seconds: float


@dataclass(frozen=True, slots=True)
class PeersChanged:
    """The configured members, without oneself."""

    peers: frozenset[str]


@dataclass(frozen=True, slots=True)
class StatusChanged:
    node: str
    incarnation: int
    before: Status
    after: Status


@dataclass(frozen=True, slots=True)
class Refuted:
    """Store this incarnation: the next life must have a higher one."""

    incarnation: int


DetectorEvent = Started | TimerFired | PeersChanged | BeatSeen | RowSeen | Received[DetectorMessage]
DetectorEffect = Send[DetectorMessage] | StartTimer | StatusChanged | Refuted


@dataclass(slots=True)
class Peer:
    heard_at: float
    status: Status = Status.ALIVE  # until its silence says otherwise
    incarnation: int = 0  # Only grows.
    beat: int = 0
    asked_at: float = float("-inf")

    def is_news(self, heartbeat: Heartbeat) -> bool:
        """Later than all that was heard. A dead node is revived by a new incarnation only, so that neither
        late nor repeated messages of its former life can do it."""
        if self.status is Status.DEAD:
            return heartbeat.incarnation > self.incarnation
        return (heartbeat.incarnation, heartbeat.beat) > (self.incarnation, self.beat)


class FailureDetector:
    """`incarnation` must be higher than in any former life of this node."""

    def __init__(
        self,
        node: str,
        incarnation: int,
        random: Random,
        settings: DetectorSettings | None = None,
    ) -> None:
        self.node = node
        self.incarnation = incarnation
        self.peers: dict[str, Peer] = {}
        self.doubt = 0.0  # about oneself: 0 (punctual) to 3
        self._random = random
        self._settings = settings or DetectorSettings()
        self._beat = 0
        self._next_beat_at = float("-inf")
        self._next_tick_at: float | None = None
        self._asked_by: dict[str, set[str]] = {}

    @property
    def live(self) -> frozenset[str]:
        """Everyone not dead, suspects too; without oneself."""
        return frozenset(node for node, peer in self.peers.items() if peer.status is not Status.DEAD)

    @property
    def is_self_suspect(self) -> bool:
        return self.doubt >= 1

    def step(self, event: DetectorEvent, now: float) -> list[DetectorEffect]:
        match event:
            case PeersChanged(peers):
                self.peers = {node: self.peers.get(node) or Peer(now) for node in sorted(peers)}
                return []
            case BeatSeen(node, heartbeat, age_seconds):
                is_fresh = age_seconds < self._settings.suspect_seconds
                return self._hear(node, heartbeat, now - age_seconds) if is_fresh else []
            case RowSeen(node, incarnation, age_seconds):
                is_fresh = age_seconds < self._settings.suspect_seconds
                return self._see(node, incarnation, now - age_seconds) if is_fresh else []
            case Received(sender, message):
                return self._receive(sender, message, now)
            case _:
                return self._tick(now)

    def _receive(self, sender: str, message: DetectorMessage, now: float) -> list[DetectorEffect]:
        match message:
            case Heartbeat():
                return self._hear(sender, message, now)
            case PingRequest(target):
                self._asked_by.setdefault(target, set()).add(sender)
                return [Send(target, Ping())]
            case Ping():
                return [Send(sender, self._own_beat())]
            case Vouch(node, heartbeat):
                return self._hear(node, heartbeat, now)
            case _:
                return self._refute(message)

    def _refute(self, accusation: Accusation) -> list[DetectorEffect]:
        if accusation.incarnation < self.incarnation:
            return []
        self.incarnation = accusation.incarnation + 1
        return [Refuted(self.incarnation), *self._beat_to_all()]

    def _hear(self, node: str, heartbeat: Heartbeat, heard_at: float) -> list[DetectorEffect]:
        peer = self.peers.get(node)
        if peer is None:
            return []
        if not peer.is_news(heartbeat):
            if peer.status is Status.DEAD:
                return [Send(node, Accusation(peer.incarnation))]
            return []
        before = peer.status
        peer.incarnation, peer.beat = heartbeat.incarnation, heartbeat.beat
        peer.heard_at = max(heard_at, peer.heard_at)
        peer.status = Status.ALIVE
        effects: list[DetectorEffect] = [
            Send(asker, Vouch(node, heartbeat)) for asker in sorted(self._asked_by.pop(node, ()))
        ]
        if before is not Status.ALIVE:
            effects.append(StatusChanged(node, peer.incarnation, before, Status.ALIVE))
        return effects

    def _see(self, node: str, incarnation: int, alive_at: float) -> list[DetectorEffect]:
        peer = self.peers.get(node)
        if peer is None or incarnation < peer.incarnation:
            return []
        if incarnation > peer.incarnation:
            return self._hear(node, Heartbeat(incarnation, 0), alive_at)
        before = peer.status
        if before is Status.DEAD:
            return [Send(node, Accusation(incarnation))]
        peer.heard_at = max(alive_at, peer.heard_at)
        peer.status = Status.ALIVE
        return [StatusChanged(node, incarnation, before, Status.ALIVE)] if before is not Status.ALIVE else []

    def _tick(self, now: float) -> list[DetectorEffect]:
        self._notice_own_lateness(now)
        self._next_tick_at = now + self._settings.tick_seconds
        effects: list[DetectorEffect] = [StartTimer(TIMER, self._settings.tick_seconds)]
        if now >= self._next_beat_at:
            self._next_beat_at = now + self._settings.beat_seconds
            effects += self._beat_to_all()
        for node, peer in self.peers.items():
            effects += self._judge(node, peer, now)
        return effects

    def _notice_own_lateness(self, now: float) -> None:
        late = now - (now if self._next_tick_at is None else self._next_tick_at)
        if late <= self._settings.late_seconds:
            self.doubt = max(self.doubt - 0.1, 0.0)
            return
        self.doubt = min(self.doubt + 1.0, MAX_DOUBT)
        for peer in self.peers.values():
            peer.heard_at += late  # a node that was not listening cannot call others silent

    def _judge(self, node: str, peer: Peer, now: float) -> list[DetectorEffect]:
        patience = 1.0 + self.doubt
        silence = now - peer.heard_at
        if peer.status is Status.DEAD or silence < self._settings.suspect_seconds * patience:
            return []
        before = peer.status
        if before is Status.SUSPECT and silence >= self._settings.dead_seconds * patience:
            peer.status = Status.DEAD
            return [StatusChanged(node, peer.incarnation, before, Status.DEAD)]
        effects: list[DetectorEffect] = []
        if before is Status.ALIVE:
            peer.status = Status.SUSPECT
            effects.append(StatusChanged(node, peer.incarnation, before, Status.SUSPECT))
        if now >= peer.asked_at + self._settings.beat_seconds:
            peer.asked_at = now
            effects += [Send(helper, PingRequest(node)) for helper in self._helpers(node)]
        return effects

    def _helpers(self, target: str) -> list[str]:
        able = [node for node, peer in self.peers.items() if node != target and peer.status is Status.ALIVE]
        return self._random.sample(able, min(self._settings.helpers, len(able)))

    def _own_beat(self) -> Heartbeat:
        self._beat += 1
        return Heartbeat(self.incarnation, self._beat)

    def _beat_to_all(self) -> list[DetectorEffect]:
        beat = self._own_beat()
        return [Send(node, beat) for node in self.peers]


def is_dead_to_a_majority(node: str, views: Mapping[str, Mapping[str, Status]]) -> bool:
    """`views`: what each observer, the node itself left out, thinks of everyone."""
    observers = [observer for observer in views if observer != node]
    votes = {observer: views[observer].get(node) is Status.DEAD for observer in observers}
    return decide(votes, observers) is Outcome.WON
