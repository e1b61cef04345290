"""Drives the candidacy: bully or ring over calls, the lease in Redis and SQL, the term for the leader's
work."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Literal

from app.algorithms.candidacy import BULLY, RING, Candidacy
from app.algorithms.election import (
    AuditWanted,
    BecameLeader,
    CandidacySettings,
    ConditionChanged,
    ElectionEffect,
    ElectionEvent,
    HandOverWanted,
    LeaseGranted,
    LeaseRead,
    LeaseRefused,
    MembersChanged,
    ReadLease,
    ReleaseLease,
    RenewLease,
    SteppedDown,
    Triggered,
    TryLease,
)
from app.algorithms.election_messages import Condition, ElectionMessage, Member
from app.algorithms.lease import LeaseHome, lease_home
from app.algorithms.steps import Log, Received, Send, SendFailed, Started, StartTimer, StopTimer
from app.coordination.core_messages import ELECTION, Spoken, election_of, epoch_of, name_of, text_of
from app.coordination.leadership import LEASE_SECONDS, Deposed, Leadership, Term
from app.coordination.rpc.messages import Caller
from app.coordination.settings import ELECTION_ALGORITHM
from worker.coordinator.frame import Document, Duty, Frame
from worker.coordinator.loop import Timers
from worker.coordinator.membership import Membership

MESSAGE_SECONDS = 0.5
HOMELESS_SECONDS = 3.0
Answer = LeaseRead | LeaseGranted | LeaseRefused | None


class Election(Duty):
    """Whether this node leads, and every way to change that."""

    name, every_seconds = "election", 0.25

    def __init__(self, frame: Frame, members: Membership, leadership: Leadership) -> None:
        config = frame.config
        settings = CandidacySettings(ttl_seconds=LEASE_SECONDS, may_preempt=config.election_preempt)
        self._frame = frame
        self._members = members
        self._leadership = leadership
        self._core = Candidacy(
            Member(frame.node, config.node_weight),
            frame.incarnation,
            Random(),  # noqa: S311 - jitter, no secret
            config.election_algorithm,
            settings,
        )
        self._timers = Timers(frame.loop, self.feed)
        self._lease = frame.background("lease")
        self._newest_renewal = 0
        self._is_reading = False
        self._last_end: Document | None = None
        self._homeless_since: float | None = None
        self._begun: str | None = None  # the election of the first message since the last order
        #: Each says why this node must not lead now, or None.
        self.objections: list[Callable[[float], str | None]] = []
        members.on_change.append(self._tell_members)
        frame.methods.expose("election.say", Spoken, self._hear)

    # For other duties

    def term(self, now: float) -> Term | None:
        """The right to act now; ask again before each unit of work."""
        if not self._core.may_act(now):
            return None
        return Term(self._frame.node, self._core.epoch, self._core.deadline)

    @property
    def leader(self) -> str | None:
        return self._core.leader.node if self._core.leader else None

    def was_deposed(self, epoch: int, work: str) -> None:
        """A write of this epoch was refused because a newer one exists."""
        self._frame.chronicle.noticed(
            "leader.fenced", f"{self._frame.node}: a write of epoch {epoch} ({work}) was refused", epoch
        )
        self._read_lease()

    def trigger(self, algorithm: Literal["bully", "ring"], is_forced: bool) -> str:
        """Begin an election here; its id. A healthy leader stays unless it is forced."""
        return self._begin(Triggered(algorithm, is_forced), algorithm)

    def audit_ring(self) -> str:
        """Send a token round the ring to measure every link; its id."""
        return self._begin(AuditWanted(), "audit")

    def hand_over(self, to: str | None, reason: str) -> int | None:
        """The epoch that was given up; None when this node does not lead."""
        epoch = self._core.epoch
        if not epoch:
            return None
        self.feed(HandOverWanted(to, reason))
        return epoch

    # The duty

    def begin(self, now: float) -> None:
        self._tell_members()
        self.feed(Started())

    def tick(self, now: float) -> None:
        wanted = self._members.settings.get(ELECTION_ALGORITHM)
        if wanted in (BULLY, RING) and wanted != self._core.algorithm:
            self._core.algorithm = wanted
            self._frame.chronicle.noticed("election.algorithm", f"{self._frame.node} now uses {wanted}")
        condition = self._condition(now)
        if condition != self._core.condition:
            self.feed(ConditionChanged(condition))

    def document(self, now: float) -> Document:
        leader = self._core.leader
        return {
            "algorithm": self._core.algorithm,
            "leader": leader.node if leader else None,
            "epoch": self._core.epoch_seen,
            "is_leader": self._core.may_act(now),
            "lease_seconds_left": round(self._core.deadline - now, 2) if self._core.epoch else None,
            "lease_home": self._home(now).value,
            "is_fit": self._core.condition.is_fit,
            "reason": self._core.condition.reason,
            "last_step_down": self._last_end,
            "log": self._frame.chronicle.recent(),
        }

    def end(self) -> None:
        self.feed(HandOverWanted(None, "the node stops"))

    # The core

    def _begin(self, event: ElectionEvent, kind: str) -> str:
        """The id its messages carry, or one of our own when nobody had to be asked."""
        self._begun = None
        self.feed(event)
        lamport = self._frame.stamper.tick().lamport
        return self._begun or f"{kind}-{self._frame.node}-alone-{lamport}"

    def feed(self, event: ElectionEvent) -> None:
        for effect in self._core.step(event, self._frame.clock.elapsed()):
            self._perform(effect)

    def _perform(self, effect: ElectionEffect) -> None:
        match effect:
            case StartTimer() | StopTimer():
                self._timers.perform(effect)
            case Send(to, message):
                self._send(to, message)
            case Log(name, text, epoch):
                self._frame.chronicle.noticed(name, text, epoch)
            case ReadLease():
                self._read_lease()
            case TryLease(request):
                self._try_lease(request)
            case RenewLease(request, epoch):
                self._renew_lease(request, epoch)
            case ReleaseLease(epoch):
                self._release_lease(epoch)
            case SteppedDown(epoch, reason):
                self._last_end = {"epoch": epoch, "reason": reason, "at": self._frame.instant()}
            case BecameLeader():
                self._last_end = None
            case _:
                raise AssertionError(f"the candidacy keeps {effect} to itself")

    def _tell_members(self) -> None:
        live = self._members.live().values()
        self.feed(MembersChanged(tuple(Member(card.node, card.weight) for card in live)))

    def _condition(self, now: float) -> Condition:
        reasons = [reason for objection in self.objections if (reason := objection(now))]
        if self._members.is_draining:
            reasons.append("the node is being drained")
        if not self._members.sees_database(now):
            reasons.append("the database does not answer")
        if self._is_homeless(now):
            reasons.append("Redis answers the others, but not this node")
        return Condition(not reasons, "; ".join(reasons))

    def _is_homeless(self, now: float) -> bool:
        """Nowhere to take the lease for so long that it is no moment's disagreement about an outage."""
        if self._home(now) is not LeaseHome.NOWHERE:
            self._homeless_since = None
            return False
        self._homeless_since = now if self._homeless_since is None else self._homeless_since
        return now - self._homeless_since >= HOMELESS_SECONDS

    # Messages

    def _hear(self, spoken: Spoken, caller: Caller) -> None:
        message = ELECTION.decode(spoken)
        self._frame.chronicle.received(
            caller.node,
            name_of(message),
            election_of(message, caller.node, self._frame.node),
            text_of(message),
            epoch_of(message),
        )
        # Answered first, then thought about: what follows may take the sender's next message to finish.
        self._frame.loop.post(lambda: self.feed(Received(caller.node, message)))

    def _send(self, to: str, message: ElectionMessage) -> None:
        election = election_of(message, self._frame.node, to)
        self._begun = self._begun or election
        self._frame.chronicle.sent(to, name_of(message), election, text_of(message), epoch_of(message))

        def fail() -> None:
            self._frame.loop.post(lambda: self.feed(SendFailed(to, message)))

        self._frame.client.tell(
            to, "election.say", ELECTION.encode(message), MESSAGE_SECONDS, on_unreachable=fail
        )

    # The lease

    def _home(self, now: float) -> LeaseHome:
        live = self._members.live()
        sees = {node: card.sees_redis for node, card in live.items()}
        sees[self._frame.node] = self._members.sees_redis(now)
        return lease_home(sees, sees.keys(), self._frame.node)

    def _read_lease(self) -> None:
        if self._is_reading:
            return
        self._is_reading = True
        self._lease.submit(self._leadership.read, self._take_reading, self._miss_reading)

    def _take_reading(self, read: LeaseRead) -> None:
        self._is_reading = False
        self._take(read)

    def _miss_reading(self, _error: Exception) -> None:
        self._is_reading = False

    def _try_lease(self, request: int) -> None:
        home, algorithm = self._home(self._frame.clock.elapsed()), self._core.won_by
        self._lease.submit(
            lambda: self._leadership.campaign(request, algorithm, home), self._take, self._ignore
        )

    def _renew_lease(self, request: int, epoch: int) -> None:
        home = self._home(self._frame.clock.elapsed())
        self._newest_renewal = request

        def renew() -> Answer:
            # During an outage questions pile up; only the newest is worth asking.
            is_newest = request == self._newest_renewal
            return self._leadership.renew(request, epoch, home) if is_newest else None

        self._lease.submit(renew, self._take, self._ignore)

    def _release_lease(self, epoch: int) -> None:
        reason = self._last_end["reason"] if self._last_end else ""
        self._lease.submit(
            lambda: self._leadership.release(epoch, reason),
            None,
            lambda error: self._miss_release(epoch, error),
        )

    def _miss_release(self, epoch: int, error: Exception) -> None:
        if isinstance(error, Deposed):
            self.was_deposed(epoch, "giving the lease back")

    def _take(self, answer: Answer) -> None:
        if answer is not None:
            self._members.database_answered(self._frame.clock.elapsed())
            self.feed(answer)

    def _ignore(self, _error: Exception) -> None:
        """An unknown outcome is no event at all: the core's timers take care of it."""
