"""One node's way to the lease and away from it, whichever election decides who should try.

Three layers, because no election is safe in an asynchronous system (M. Fischer, N. Lynch, M. Paterson, JACM
32(2), 1985): bully or ring proposes who should try; the lease says who may act; the epoch row in SQL says
whose writes count. So a message is only ever a reason to look at the lease, and liveness needs no election
either: whoever sees no lease for long simply tries."""

from random import Random

from app.algorithms.bully import Bully
from app.algorithms.election import (
    AlgorithmEvent,
    Announce,
    Begin,
    CandidacySettings,
    ConditionChanged,
    ElectionAlgorithm,
    ElectionEffect,
    ElectionEvent,
    HandOverWanted,
    LeaseGranted,
    LeaseRead,
    LeaseRefused,
    LeaseView,
    MembersChanged,
    ReadLease,
    ReleaseLease,
    Settled,
    Triggered,
    View,
    Won,
    asks_by_force,
)
from app.algorithms.election_messages import (
    Condition,
    Coordinator,
    ElectionCall,
    ElectionMessage,
    HandOver,
    Member,
    RingToken,
    YieldRequest,
)
from app.algorithms.lease_watch import ABSENT_TIMER, NET_TIMER, WATCH_TIMER, LeaseWatch, Sight
from app.algorithms.ring import Ring
from app.algorithms.steps import Log, Received, Send, SendFailed, Started, TimerFired
from app.algorithms.tenure import CLAIM_TIMER, HEIR_TIMER, RENEW_TIMER, Tenure

BULLY, RING = "bully", "ring"


class Candidacy:
    """`incarnation` must be higher than in any former life of this node."""

    def __init__(
        self,
        me: Member,
        incarnation: int,
        random: Random,
        algorithm: str = BULLY,
        settings: CandidacySettings | None = None,
    ) -> None:
        self.me = me
        self.algorithm = algorithm  # for the next election; may be changed at any time
        self.condition = Condition()
        self._settings = settings or CandidacySettings()
        self._members: tuple[Member, ...] = ()
        self._elections: dict[str, ElectionAlgorithm] = {
            BULLY: Bully(incarnation, random),
            RING: Ring(incarnation, random),
        }
        self._watch = LeaseWatch(random, self._settings)
        self._tenure = Tenure(me.node, self._settings)
        self._won_by = algorithm
        self._preempts_at = float("-inf")

    @property
    def epoch(self) -> int:
        """The epoch this node leads in, 0 when it does not lead."""
        return self._tenure.epoch

    @property
    def epoch_seen(self) -> int:
        return self._watch.epoch

    @property
    def leader(self) -> LeaseView | None:
        """As last confirmed by the lease."""
        return self._watch.leader

    @property
    def deadline(self) -> float:
        """Until when this node may act, by its own clock."""
        return self._tenure.deadline

    @property
    def won_by(self) -> str:
        """Which election the last attempt for the lease came from."""
        return self._won_by

    def may_act(self, now: float) -> bool:
        """Check before each unit of leader work; every write still names the epoch."""
        return self._tenure.may_act(now)

    def condition_for(self, is_forced: bool, now: float) -> Condition:
        """Whether this node stands for election. By force the strongest shall lead, be it one that has just
        handed over."""
        if self._tenure.abstains(now) and not is_forced:
            return Condition(is_fit=False, reason="has just handed over")
        return self.condition

    def step(self, event: ElectionEvent, now: float) -> list[ElectionEffect]:
        """Feed one event; perform the effects in order."""
        overdue: list[ElectionEffect] = []
        if self._tenure.epoch and not self._tenure.may_act(now):
            overdue = self._step_down("the lease's deadline has passed")
        return overdue + self._react(event, now)

    def _react(self, event: ElectionEvent, now: float) -> list[ElectionEffect]:
        match event:
            case Received(sender, message):
                return self._receive(sender, message, now)
            case TimerFired(timer):
                return self._time_out(timer, now)
            case LeaseRead(lease, epoch):
                return self._look(lease, epoch, now)
            case LeaseGranted():
                return self._take_office(event, now)
            case LeaseRefused():
                return self._be_refused(event, now)
            case SendFailed():
                return self._run(BULLY, event, now) + self._run(RING, event, now)
            case _:
                return self._obey(event, now)

    def _obey(self, event: ElectionEvent, now: float) -> list[ElectionEffect]:
        """What the operator wants, and what the node learns about itself and its peers."""
        match event:
            case Started():
                return self._watch.start(now)
            case MembersChanged(members):
                self._members = members
                return []
            case ConditionChanged(condition):
                self.condition = condition
                return [] if condition.is_fit else self._hand_over(None, condition.reason, now)
            case HandOverWanted(to, reason):
                return self._hand_over(to, reason, now)
            case Triggered(algorithm, is_forced):
                condition = self.condition_for(is_forced, now)
                if condition.is_fit:
                    return self._run(algorithm, Begin(is_forced), now)
                return [Log("election.refused", f"{self.me.node}: {condition.reason}")]
            case _:
                return self._run(RING, Begin(is_audit=True), now)

    def _run(self, name: str, event: AlgorithmEvent, now: float) -> list[ElectionEffect]:
        effects: list[ElectionEffect] = []
        condition = self.condition_for(asks_by_force(event), now)
        view = View(self.me, condition, self._members, self._watch.is_held(now), self._watch.epoch)
        for effect in self._elections[name].step(event, view, now):
            effects += self._use_victory(name, effect, now) if isinstance(effect, Won) else [effect]
        return effects

    def _is_fit(self, now: float) -> bool:
        return self.condition_for(False, now).is_fit

    def _use_victory(self, name: str, won: Won, now: float) -> list[ElectionEffect]:
        self._won_by = name
        leader = self._watch.leader
        if self._tenure.epoch:
            again = Coordinator(self.me.node, self._tenure.epoch, rides_ring=False)
            return [Send(member.node, again) for member in self._members]
        if leader is not None and self._watch.is_held(now):
            return [Send(leader.node, YieldRequest(leader.epoch))] if won.is_forced else []
        return self._claim(now)

    def _claim(self, now: float) -> list[ElectionEffect]:
        return self._tenure.claim(now) if self._is_fit(now) else []

    def _receive(self, sender: str, message: ElectionMessage, now: float) -> list[ElectionEffect]:
        received = Received(sender, message)
        match message:
            case Coordinator():
                return self._check(message, now) + self._run(RING, received, now)
            case YieldRequest(epoch):
                is_mine = epoch == self._tenure.epoch
                return self._hand_over(sender, f"{sender} won an election", now) if is_mine else []
            case HandOver():
                return self._follow_hand_over(message, now)
            case ElectionCall(caller=caller, is_forced=False):
                return self._watch.point_out(caller.node, now) + self._run(BULLY, received, now)
            case RingToken(token_id, is_forced=False, is_audit=False) if token_id.initiator != self.me.node:
                return self._watch.point_out(token_id.initiator, now) + self._run(RING, received, now)
            case _:
                return self._run(BULLY, received, now) + self._run(RING, received, now)

    def _check(self, claim: Coordinator, now: float) -> list[ElectionEffect]:
        if claim.epoch < self._watch.epoch:
            return [Log("leader.doubted", f"{claim.node} claims epoch {claim.epoch}, which is over")]
        if self._watch.believes(claim.node, claim.epoch, now):
            return self._settle(now)
        return [ReadLease()]

    def _look(self, lease: LeaseView | None, epoch: int, now: float) -> list[ElectionEffect]:
        sight = self._watch.learn(lease, epoch, now)
        if sight is Sight.STALE:
            return []
        if self._tenure.epoch:
            return self._give_way_to(self._watch.epoch)
        if sight is Sight.NOBODY or lease is None:
            return [] if self._watch.is_absence_timed else self._watch.time_absence(0.05, 0.3)
        return self._follow(lease, sight, now)

    def _follow(self, lease: LeaseView, sight: Sight, now: float) -> list[ElectionEffect]:
        effects = self._watch.follow(lease)
        if sight is Sight.NEW_LEADER:
            effects += [Log("leader.seen", f"{lease.node} leads in epoch {lease.epoch}", lease.epoch)]
            effects += self._settle(now)
        if lease.node != self.me.node:
            return effects + self._preempt(lease, now)
        if self._tenure.has_ended(lease.epoch):
            return [*effects, ReleaseLease(lease.epoch)]  # the first release was lost
        return effects + self._claim(now)  # the grant was lost

    def _settle(self, now: float) -> list[ElectionEffect]:
        return self._run(BULLY, Settled(), now) + self._run(RING, Settled(), now)

    def _preempt(self, lease: LeaseView, now: float) -> list[ElectionEffect]:
        weaker = [member.node for member in self._members if self.me.outranks(member)]
        may_preempt = self._settings.may_preempt and not self._tenure.abstains(now)
        if not may_preempt or lease.node not in weaker or now < self._preempts_at:
            return []
        self._preempts_at = now + self._settings.preempt_seconds
        return self._run(self.algorithm, Begin(is_forced=True), now)

    def _time_out(self, timer: str, now: float) -> list[ElectionEffect]:
        owner = timer.partition("/")[0]
        if owner in self._elections:
            return self._run(owner, TimerFired(timer), now)
        if timer == WATCH_TIMER:
            return self._watch.look_again()
        if timer == ABSENT_TIMER:
            return self._call_election(now)
        if timer == NET_TIMER:
            return self._try_without_election(now)
        if timer == HEIR_TIMER:
            return self._claim(now) if self._tenure.is_heir(self._watch.epoch) else []
        if timer == CLAIM_TIMER:
            self._tenure.forget_claim()
            return [ReadLease()]
        return self._tenure.renew(now) if timer == RENEW_TIMER else []  # step() has seen to the deadline

    def _call_election(self, now: float) -> list[ElectionEffect]:
        self._watch.is_absence_timed = False
        is_busy = self._tenure.is_claiming or any(one.is_running for one in self._elections.values())
        if self._tenure.epoch or self._watch.is_held(now) or is_busy or not self._is_fit(now):
            return []
        if self._tenure.is_heir(self._watch.epoch):
            return self._claim(now)
        return self._run(self.algorithm, Begin(), now)

    def _try_without_election(self, now: float) -> list[ElectionEffect]:
        if (unseen := self._watch.unseen_seconds(now)) < self._settings.ttl_seconds:
            return [self._watch.spread_net(already_seconds=unseen)]
        self._won_by = self.algorithm
        log = Log("election.net", f"{self.me.node} has seen no lease for {unseen:.1f} s", self._watch.epoch)
        return [self._watch.spread_net(), log, *self._claim(now)]

    def _take_office(self, granted: LeaseGranted, now: float) -> list[ElectionEffect]:
        before, epoch = self._tenure.epoch, granted.epoch
        is_welcome = self._is_fit(now) and epoch >= self._watch.epoch
        effects = self._tenure.grant(granted.request, epoch, is_welcome, now)
        if self._tenure.epoch != epoch:
            return effects + self._give_way_to(epoch)  # a claim that was carried out late, or twice
        self._watch.learn(LeaseView(self.me.node, epoch, self._tenure.deadline - now), epoch, now)
        if before != epoch:
            effects += self._settle(now)
            effects += self._run(self._won_by, Announce(epoch), now)
        return effects

    def _be_refused(self, refused: LeaseRefused, now: float) -> list[ElectionEffect]:
        was_leading = self._tenure.epoch > 0
        effects = self._tenure.refuse(refused.request, refused.lease.epoch if refused.lease else 0)
        if was_leading and not self._tenure.epoch:
            self._watch.forget()
        return effects + self._look(refused.lease, refused.epoch, now)

    def _give_way_to(self, epoch: int) -> list[ElectionEffect]:
        return self._step_down("a later epoch exists") if 0 < self._tenure.epoch < epoch else []

    def _step_down(self, reason: str) -> list[ElectionEffect]:
        self._watch.forget()
        return [*self._tenure.end(reason), ReadLease()]

    def _hand_over(self, to: str | None, reason: str, now: float) -> list[ElectionEffect]:
        if not self._tenure.epoch:
            return []
        self._watch.forget()
        return self._tenure.hand_over(to, self._members, reason, now)

    def _follow_hand_over(self, told: HandOver, now: float) -> list[ElectionEffect]:
        if told.epoch < self._watch.epoch:
            return []
        self._watch.forget()
        if told.to != self.me.node:
            return self._watch.time_absence(0.5, 0.8)
        self._won_by = self.algorithm
        return self._tenure.inherit(told.epoch, now) if self.condition.is_fit else []
