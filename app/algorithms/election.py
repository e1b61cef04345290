"""What an election reacts to and what it orders, shared by bully, ring and the candidacy that runs them."""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

from app.algorithms.election_messages import (
    Condition,
    ElectionCall,
    ElectionMessage,
    Member,
    Nomination,
    RingToken,
)
from app.algorithms.steps import Log, Received, Send, SendFailed, Started, StartTimer, StopTimer, TimerFired


@dataclass(frozen=True, slots=True)
class CandidacySettings:
    """The lease's life must be the same at every node and at the lease's server."""

    ttl_seconds: float = 6.0
    margin_seconds: float = 1.0  # this much earlier a holder stops by its own clock
    renew_seconds: float = 2.0
    retry_seconds: float = 0.5  # after an unanswered renewal
    answer_seconds: float = 1.0  # for the lease's server
    watch_seconds: float = 1.0  # everybody looks at the lease this often
    abstain_seconds: float = 3.0  # after a hand-over
    heir_seconds: float = 0.15  # between an heir's attempts
    preempt_seconds: float = 10.0
    may_preempt: bool = False  # a stronger node that comes back asks a healthy leader to yield


class LeaseView(NamedTuple):
    """The lease as its server shows it."""

    node: str
    epoch: int
    remaining_seconds: float


# Events


@dataclass(frozen=True, slots=True)
class MembersChanged:
    """Who else is alive, as the failure detector says."""

    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class ConditionChanged:
    condition: Condition


@dataclass(frozen=True, slots=True)
class LeaseRead:
    """What the lease's server and the epoch row say now; None when nobody holds it."""

    lease: LeaseView | None
    epoch: int


@dataclass(frozen=True, slots=True)
class LeaseGranted:
    """Only after the epoch row is committed."""

    request: int
    epoch: int


@dataclass(frozen=True, slots=True)
class LeaseRefused:
    """A definite no. An unknown outcome is no event at all: timers take care of it."""

    request: int
    lease: LeaseView | None
    epoch: int


@dataclass(frozen=True, slots=True)
class Triggered:
    """The operator wants an election now; forced: the strongest takes over even from a healthy leader."""

    algorithm: str
    is_forced: bool


@dataclass(frozen=True, slots=True)
class AuditWanted:
    """Send a token round the ring to measure every link; nobody is elected."""


@dataclass(frozen=True, slots=True)
class HandOverWanted:
    to: str | None
    reason: str


ElectionEvent = (
    Started
    | TimerFired
    | Received[ElectionMessage]
    | SendFailed[ElectionMessage]
    | MembersChanged
    | ConditionChanged
    | LeaseRead
    | LeaseGranted
    | LeaseRefused
    | Triggered
    | AuditWanted
    | HandOverWanted
)


# Effects


@dataclass(frozen=True, slots=True)
class ReadLease:
    """Ask the lease's server; answer with LeaseRead."""


@dataclass(frozen=True, slots=True)
class TryLease:
    """Take the lease under a token of this node's life, then commit the epoch row."""

    request: int


@dataclass(frozen=True, slots=True)
class RenewLease:
    request: int
    epoch: int


@dataclass(frozen=True, slots=True)
class ReleaseLease:
    """Compare the owner, then delete."""

    epoch: int


@dataclass(frozen=True, slots=True)
class BecameLeader:
    epoch: int


@dataclass(frozen=True, slots=True)
class SteppedDown:
    epoch: int
    reason: str


@dataclass(frozen=True, slots=True)
class Won:
    """An algorithm's verdict that this node should try; the candidacy turns it into TryLease."""

    is_forced: bool


ElectionEffect = (
    Send[ElectionMessage]
    | StartTimer
    | StopTimer
    | Log
    | ReadLease
    | TryLease
    | RenewLease
    | ReleaseLease
    | BecameLeader
    | SteppedDown
    | Won
)


# What bully and ring have in common


@dataclass(frozen=True, slots=True)
class Begin:
    is_forced: bool = False
    is_audit: bool = False


@dataclass(frozen=True, slots=True)
class Settled:
    """There is a leader: stop."""


@dataclass(frozen=True, slots=True)
class Announce:
    epoch: int


AlgorithmEvent = (
    Begin | Settled | Announce | TimerFired | Received[ElectionMessage] | SendFailed[ElectionMessage]
)


def asks_by_force(event: AlgorithmEvent) -> bool:
    """Whether it belongs to an election in which the strongest takes over even from a healthy leader."""
    subject = event.message if isinstance(event, Received) else event
    return isinstance(subject, Begin | ElectionCall | RingToken | Nomination) and subject.is_forced


@dataclass(frozen=True, slots=True)
class View:
    """What an algorithm may know of its node."""

    me: Member
    condition: Condition
    members: tuple[Member, ...]
    has_leader: bool
    epoch: int


class ElectionAlgorithm(Protocol):
    """Decides who should try to lead. Same inputs, same effects, so that one can replace the other."""

    @property
    def is_running(self) -> bool: ...
    @property
    def is_forced(self) -> bool: ...
    def step(self, event: AlgorithmEvent, view: View, now: float) -> list[ElectionEffect]: ...
