"""The bully election: ask everyone stronger; if nobody answers, try to lead.

Sources: H. Garcia-Molina, "Elections in a Distributed Computing System", IEEE TC 31(1), 1982; S. Stoller,
"Leader Election in Asynchronous Distributed Systems", IEEE TC 49(3), 2000. The textbook assumes reliable
messages and known delays. Neither holds here, so the winner may only *try* to take the lease, a node that
must not lead declines, and a leader that holds its lease is never bullied."""

from enum import StrEnum
from random import Random

from app.algorithms.election import AlgorithmEvent, Announce, Begin, ElectionEffect, Settled, View, Won
from app.algorithms.election_messages import Coordinator, Decline, ElectionCall, Ok
from app.algorithms.steps import Log, Received, Send, SendFailed, StartTimer, StopTimer, TimerFired

ANSWERS_TIMER = "bully/answers"
COORDINATOR_TIMER = "bully/coordinator"


class Phase(StrEnum):
    IDLE = "idle"
    CALLING = "calling"
    WAITING = "waiting"  # somebody stronger has taken over


class Bully:
    def __init__(
        self,
        incarnation: int,
        random: Random,
        answer_seconds: float = 0.5,
        coordinator_seconds: float = 2.0,
    ) -> None:
        self.phase = Phase.IDLE
        self.is_forced = False
        self._incarnation = incarnation
        self._random = random
        self._answer_seconds = answer_seconds
        self._coordinator_seconds = coordinator_seconds
        self._round = 0
        self._awaited: set[str] = set()

    @property
    def is_running(self) -> bool:
        return self.phase is not Phase.IDLE

    def step(self, event: AlgorithmEvent, view: View, now: float) -> list[ElectionEffect]:
        match event:
            case Begin(is_forced=is_forced):
                return self._call(view, is_forced)
            case Received(sender, ElectionCall() as call):
                return self._answer(view, sender, call)
            case Received(_, Ok(request)) if request == self._request:
                return self._wait()
            case Received(sender, Decline(request)) if request == self._request:
                return self._give_up_on(sender)
            case SendFailed(to, ElectionCall(request)) if request == self._request:
                return self._give_up_on(to)
            case TimerFired(timer):
                return self._time_out(view, timer)
            case Announce(epoch):
                coordinator = Coordinator(view.me.node, epoch, rides_ring=False)
                return [Send(member.node, coordinator) for member in view.members]
            case Settled():
                return self._stop()
            case _:
                return []

    @property
    def _request(self) -> str:
        return f"{self._incarnation}.{self._round}"

    def _call(self, view: View, is_forced: bool) -> list[ElectionEffect]:
        self._round += 1
        self.phase, self.is_forced = Phase.CALLING, is_forced
        stronger = [member.node for member in view.members if member.outranks(view.me)]
        self._awaited = set(stronger)
        log = Log("election.started", f"{view.me.node} asks {', '.join(stronger) or 'nobody'}", view.epoch)
        if not stronger:
            return [log, *self._win()]
        call = ElectionCall(self._request, view.me, is_forced)
        return [
            log,
            StartTimer(ANSWERS_TIMER, self._answer_seconds),
            *(Send(node, call) for node in stronger),
        ]

    def _answer(self, view: View, sender: str, call: ElectionCall) -> list[ElectionEffect]:
        if not view.condition.is_fit:
            return [Send(sender, Decline(call.request, view.condition.reason))]
        if not view.me.outranks(call.caller):
            return [Send(sender, Decline(call.request, f"{sender} is stronger"))]
        effects: list[ElectionEffect] = [Send(sender, Ok(call.request))]
        if call.is_forced > self.is_forced or not (self.is_running or view.has_leader):
            effects += self._call(view, call.is_forced)
        return effects

    def _wait(self) -> list[ElectionEffect]:
        if self.phase is not Phase.CALLING:
            return []
        self.phase = Phase.WAITING
        patience = self._coordinator_seconds * self._random.uniform(1.0, 1.25)
        return [StopTimer(ANSWERS_TIMER), StartTimer(COORDINATOR_TIMER, patience)]

    def _give_up_on(self, node: str) -> list[ElectionEffect]:
        self._awaited.discard(node)
        return self._win() if self.phase is Phase.CALLING and not self._awaited else []

    def _time_out(self, view: View, timer: str) -> list[ElectionEffect]:
        if timer == ANSWERS_TIMER and self.phase is Phase.CALLING:
            return self._win()
        if timer == COORDINATOR_TIMER and self.phase is Phase.WAITING:
            is_over = view.has_leader or not view.condition.is_fit
            return self._stop() if is_over else self._call(view, is_forced=False)
        return []

    def _win(self) -> list[ElectionEffect]:
        won = Won(self.is_forced)
        return [*self._stop(), won]

    def _stop(self) -> list[ElectionEffect]:
        if not self.is_running:
            return []
        self.phase, self.is_forced = Phase.IDLE, False
        return [StopTimer(ANSWERS_TIMER), StopTimer(COORDINATOR_TIMER)]
