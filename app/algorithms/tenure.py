"""From asking for the lease to giving it back: the part of a candidacy that holds power.

The discipline is Chubby's (M. Burrows, OSDI 2006): act while sure, stop before another can start."""

from app.algorithms.election import (
    BecameLeader,
    CandidacySettings,
    ElectionEffect,
    ReleaseLease,
    RenewLease,
    SteppedDown,
    TryLease,
)
from app.algorithms.election_messages import HandOver, Member, strength
from app.algorithms.lease import LeaseHolder
from app.algorithms.steps import Log, Send, StartTimer, StopTimer

CLAIM_TIMER = "tenure/claim"
RENEW_TIMER = "tenure/renew"
DEADLINE_TIMER = "tenure/deadline"
HEIR_TIMER = "tenure/heir"


class Tenure:
    def __init__(self, node: str, settings: CandidacySettings) -> None:
        self.is_claiming = False
        self._inherits = 0  # the epoch whose leader named this node its heir
        self._ended = 0  # Only grows. An epoch once given back is never taken up again (see grant).
        self._abstains_until = float("-inf")
        self._node = node
        self._settings = settings
        self._holder = LeaseHolder(settings.ttl_seconds, settings.margin_seconds)

    @property
    def epoch(self) -> int:
        """0 while not leading."""
        return self._holder.epoch

    @property
    def deadline(self) -> float:
        return self._holder.deadline

    def may_act(self, now: float) -> bool:
        return self._holder.may_act(now)

    def abstains(self, now: float) -> bool:
        """Whoever has just handed over does not snatch the lease back."""
        return now < self._abstains_until

    def claim(self, now: float) -> list[ElectionEffect]:
        if self.is_claiming or self.epoch:
            return []
        self.is_claiming = True
        return [TryLease(self._holder.ask(now)), StartTimer(CLAIM_TIMER, self._settings.answer_seconds)]

    def inherit(self, epoch: int, now: float) -> list[ElectionEffect]:
        """Being named by a leader is not snatching: whoever has just handed over may."""
        self._inherits, self._abstains_until = epoch, float("-inf")
        return self.claim(now)

    def is_heir(self, epoch: int) -> bool:
        """Nobody has led since the epoch that was handed over: no election is needed."""
        return 0 < epoch == self._inherits

    def forget_claim(self) -> None:
        """No answer in time. One that still comes before the lease would lapse is welcome."""
        self.is_claiming = False

    def grant(self, request: int, epoch: int, is_welcome: bool, now: float) -> list[ElectionEffect]:
        """A lease that came too late, or is no longer wanted, is given back so that nobody waits for it.

        So is one of an epoch that this node has ended: its release may still be under way to the server and
        would take the lease from under a node that acts (found by the simulator)."""
        before, is_expected = self.epoch, self._holder.expects(request)
        if not is_welcome or self.has_ended(epoch) or not self._holder.grant(request, epoch, now):
            is_other_claim_open = self.is_claiming and not is_expected
            return [] if is_other_claim_open or epoch == before else self._give_back(epoch)
        self.is_claiming = False
        effects: list[ElectionEffect] = [
            StartTimer(RENEW_TIMER, self._settings.renew_seconds),
            StartTimer(DEADLINE_TIMER, self.deadline - now),
        ]
        if epoch != before:
            log = Log("leader.began", f"{self._node} leads in epoch {epoch}", epoch)
            effects += [StopTimer(CLAIM_TIMER), BecameLeader(epoch), log]
        return effects

    def renew(self, now: float) -> list[ElectionEffect]:
        if not self.epoch:
            return []
        retry = StartTimer(RENEW_TIMER, self._settings.retry_seconds)
        return [RenewLease(self._holder.ask(now), self.epoch), retry]

    def refuse(self, request: int, holder_epoch: int) -> list[ElectionEffect]:
        if not self._holder.expects(request):
            return []
        if self.epoch:
            return self.end("renewal refused")
        self.is_claiming = False
        self._holder.drop()
        effects: list[ElectionEffect] = [StopTimer(CLAIM_TIMER)]
        if self.is_heir(holder_epoch):  # the release is still under way
            effects.append(StartTimer(HEIR_TIMER, self._settings.heir_seconds))
        return effects

    def has_ended(self, epoch: int) -> bool:
        return epoch <= self._ended

    def _give_back(self, epoch: int) -> list[ElectionEffect]:
        self.is_claiming = False
        self._ended = max(epoch, self._ended)
        return [ReleaseLease(epoch)]

    def end(self, reason: str) -> list[ElectionEffect]:
        epoch = self.epoch
        self._holder.drop()
        return [
            SteppedDown(epoch, reason),
            *self._give_back(epoch),
            Log("leader.ended", f"{self._node} stepped down: {reason}", epoch),
            StopTimer(RENEW_TIMER),
            StopTimer(DEADLINE_TIMER),
        ]

    def hand_over(
        self, to: str | None, members: tuple[Member, ...], reason: str, now: float
    ) -> list[ElectionEffect]:
        """Release first, then tell: planned fail-over takes a round trip, not a lease's life."""
        told = HandOver(self.epoch, to or max(members, key=strength, default=Member(self._node)).node)
        self._abstains_until = now + self._settings.abstain_seconds
        return self.end(reason) + [Send(member.node, told) for member in members]
