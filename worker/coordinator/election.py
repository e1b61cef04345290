"""Drives the candidacy: bully or ring over calls, the lease in Redis and SQL, the term for the leader's
work."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, Literal

from app.algorithms.candidacy import BULLY, RING, Candidacy
from app.algorithms.election import (
    AuditWanted,
    BecameLeader,
    CandidacySettings,
    ConditionChanged,
    ElectionEffect,
    ElectionEvent,
    HandOverWanted,
    MembersChanged,
    ReadLease,
    ReleaseLease,
    RenewLease,
    SteppedDown,
    Triggered,
    TryLease,
)
from app.algorithms.election_messages import Condition, ElectionMessage, HandOver, Member
from app.algorithms.steps import Log, Received, Send, SendFailed, Started, StartTimer, StopTimer
from app.algorithms.wire import JSON, election_message, pack
from app.coordination.election_words import election_of, epoch_of, name_of, text_of
from app.coordination.leadership import LEASE_SECONDS, Leadership, Term
from app.coordination.letters import understand
from app.coordination.rpc.messages import Caller
from app.coordination.settings import ELECTION_ALGORITHM
from worker.coordinator.frame import Document, Duty, Frame
from worker.coordinator.lease_errands import LeaseErrands
from worker.coordinator.loop import Timers
from worker.coordinator.membership import Membership

MESSAGE_SECONDS = 0.5


class Election(Duty):
    """Whether this node leads, and every way to change that."""

    name, every_seconds, ends_first = "election", 0.25, True

    def __init__(self, frame: Frame, members: Membership, leadership: Leadership) -> None:
        config = frame.config
        settings = CandidacySettings(ttl_seconds=LEASE_SECONDS, may_preempt=config.election_preempt)
        self._frame = frame
        self._members = members
        self._core = Candidacy(
            Member(frame.node, config.node_weight),
            frame.incarnation,
            Random(),  # noqa: S311 - jitter, no secret
            config.election_algorithm,
            settings,
        )
        self._timers = Timers(frame.loop, self.feed)
        self._lease = LeaseErrands(frame, members, leadership, self.feed, self.was_deposed)
        self._last_end: Document | None = None
        self._begun: str | None = None  # the election of the first message since the last order
        #: Each says why this node must not lead now, or None.
        self.objections: list[Callable[[float], str | None]] = []
        members.on_change.append(self._tell_members)
        frame.methods.expose("election.say", dict[str, Any], self._hear)

    # For other duties

    def term(self, now: float) -> Term | None:
        """The right to act now; ask again before each unit of work."""
        if not self._core.may_act(now):
            return None
        return Term(self._frame.node, self._core.epoch, self._core.deadline)

    @property
    def leader(self) -> str | None:
        return self._core.leader.node if self._core.leader else None

    def why_not_standing(self, is_forced: bool) -> str:
        """Why this node takes no part in an election now; empty when it does."""
        return self._core.condition_for(is_forced, self._frame.clock.elapsed()).reason

    def was_deposed(self, epoch: int, work: str) -> None:
        """A write of this epoch was refused because a newer one exists."""
        self._frame.chronicle.noticed(
            "leader.fenced", f"{self._frame.node}: a write of epoch {epoch} ({work}) was refused", epoch
        )
        self._lease.read()

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
            "lease_home": self._lease.home(now).value,
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
            case Send(to, HandOver() as message):
                self._lease.after_release(lambda: self._send(to, message))
            case Send(to, message):
                self._send(to, message)
            case Log(name, text, epoch):
                self._frame.chronicle.noticed(name, text, epoch)
            case ReadLease() | TryLease() | RenewLease() | ReleaseLease():
                reason = self._last_end["reason"] if self._last_end else ""
                self._lease.run(effect, self._core.won_by, reason)
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
        if self._lease.is_homeless(now):
            reasons.append("Redis answers the others, but not this node")
        return Condition(not reasons, "; ".join(reasons))

    # Messages

    def _hear(self, said: dict[str, JSON], caller: Caller) -> None:
        message = understand(election_message, said)
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

        self._frame.client.tell(to, "election.say", pack(message), MESSAGE_SECONDS, on_unreachable=fail)
