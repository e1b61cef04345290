"""What a failure detector hears, says and orders."""

from dataclasses import dataclass
from enum import StrEnum

from app.algorithms.steps import Received, Send, Started, StartTimer, TimerFired


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


DetectorEvent = Started | TimerFired | PeersChanged | BeatSeen | Received[DetectorMessage]
DetectorEffect = Send[DetectorMessage] | StartTimer | StatusChanged | Refuted
