"""What a node knows of the leader: only what the lease's own server has said, never what a message claims."""

from enum import StrEnum
from random import Random

from app.algorithms.election import CandidacySettings, ElectionEffect, LeaseView, ReadLease
from app.algorithms.election_messages import Coordinator
from app.algorithms.steps import Send, StartTimer, StopTimer

WATCH_TIMER = "watch/look"
ABSENT_TIMER = "watch/absent"
NET_TIMER = "watch/net"


class Sight(StrEnum):
    STALE = "stale"  # an answer overtaken by a later one
    NEW_LEADER = "new leader"
    SAME_LEADER = "same leader"
    NOBODY = "nobody"


class LeaseWatch:
    def __init__(self, random: Random, settings: CandidacySettings) -> None:
        self.epoch = 0  # Only grows.
        self.leader: LeaseView | None = None
        self.is_absence_timed = False
        self._random = random
        self._settings = settings
        self._seen_at = float("-inf")
        self._until = float("-inf")

    def start(self, now: float) -> list[ElectionEffect]:
        self._seen_at = now
        return [*self.look_again(), self.spread_net()]

    def look_again(self) -> list[ElectionEffect]:
        return [ReadLease(), StartTimer(WATCH_TIMER, self._settings.watch_seconds)]

    def is_held(self, now: float) -> bool:
        """Somebody holds the lease, as far as is known: no reason for an unforced election."""
        return self.leader is not None and now < self._until

    def believes(self, node: str, epoch: int, now: float) -> bool:
        """The lease has already confirmed what a message says."""
        return self.leader is not None and self.is_held(now) and self.leader[:2] == (node, epoch)

    def point_out(self, to: str, now: float) -> list[ElectionEffect]:
        """Tell a node where to look, and look too: one of the two has missed something."""
        if self.leader is None or not self.is_held(now):
            return []
        return [Send(to, Coordinator(self.leader.node, self.leader.epoch, rides_ring=False)), ReadLease()]

    def learn(self, lease: LeaseView | None, epoch: int, now: float) -> Sight:
        """Take in an answer of the lease's server; `epoch` is that of the epoch row."""
        before, newest = self.epoch, max(epoch, lease.epoch if lease else 0)
        if self._is_over(newest):
            return Sight.STALE
        self.epoch = newest
        if lease is None or lease.epoch < newest:
            self.forget()  # nobody, or a holder whose epoch no longer counts
            return Sight.NOBODY
        is_same = self.leader is not None and lease.epoch == before
        self.leader, self._until, self._seen_at = lease, now + lease.remaining_seconds, now
        return Sight.SAME_LEADER if is_same else Sight.NEW_LEADER

    def forget(self) -> None:
        self.leader = None

    def follow(self, lease: LeaseView) -> list[ElectionEffect]:
        """Look again when the lease could end, if that is sooner than usual."""
        self.is_absence_timed = False
        effects: list[ElectionEffect] = [StopTimer(ABSENT_TIMER)]
        if lease.remaining_seconds < self._settings.watch_seconds:
            effects.append(StartTimer(WATCH_TIMER, lease.remaining_seconds + 0.02))
        return effects

    def time_absence(self, shortest_seconds: float, longest_seconds: float) -> list[ElectionEffect]:
        """Everybody notices at about the same time; a random moment each spares most of the messages."""
        self.is_absence_timed = True
        return [StartTimer(ABSENT_TIMER, self._random.uniform(shortest_seconds, longest_seconds))]

    def unseen_seconds(self, now: float) -> float:
        return now - self._seen_at

    def spread_net(self, already_seconds: float = 0.0) -> StartTimer:
        """The safety net catches when no lease was seen for its whole life and a random moment more."""
        return StartTimer(NET_TIMER, self._settings.ttl_seconds - already_seconds + self._random.random())

    def _is_over(self, epoch: int) -> bool:
        return epoch < self.epoch
