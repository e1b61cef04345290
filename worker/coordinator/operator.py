"""What an operator asks through a web worker of this node; passed on to the node it concerns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from app.coordination.rpc.errors import CallFailed, CallRefused, NoAnswer, Unreachable
from app.coordination.rpc.messages import Caller
from worker.coordinator.election import Election
from worker.coordinator.frame import Duty, Frame

PASS_ON_SECONDS = 1.5


@dataclass(frozen=True)
class Trigger:
    algorithm: Literal["bully", "ring"]
    is_forced: bool = False


@dataclass(frozen=True)
class HandOverOrder:
    to: str | None
    reason: str


@dataclass(frozen=True)
class Nudge:
    """Something about this node, or about all when none is named."""

    node: str | None


class Operator(Duty):
    name, every_seconds = "operator", 60.0

    def __init__(self, frame: Frame, election: Election) -> None:
        self._frame = frame
        self._election = election
        expose = frame.methods.expose
        expose("operator.trigger", Trigger, self._trigger)
        expose("operator.audit_ring", None, self._audit_ring)
        expose("operator.nudge", Nudge, self._nudge, is_in_loop=False)
        expose("operator.resync", Nudge, self._resync, is_in_loop=False)
        expose("operator.hand_over", HandOverOrder, self._pass_on_hand_over, is_in_loop=False)
        expose("operator.clock_round", None, self._pass_on_clock_round, is_in_loop=False)
        expose("election.hand_over", HandOverOrder, self._hand_over)

    def _trigger(self, order: Trigger, caller: Caller) -> Any:
        self._require_own_worker(caller)
        if reason := self._election.why_not_standing(order.is_forced):
            raise CallRefused("NOT_FIT", f"{self._frame.node} takes no part in elections: {reason}")
        return {"election": self._election.trigger(order.algorithm, order.is_forced)}

    def _audit_ring(self, _payload: None, caller: Caller) -> Any:
        self._require_own_worker(caller)
        return {"election": self._election.audit_ring()}

    def _nudge(self, nudge: Nudge, caller: Caller) -> None:
        self._pass_on(nudge, "membership.look", caller)

    def _resync(self, nudge: Nudge, caller: Caller) -> Any:
        return {"nodes": self._pass_on(nudge, "replica.retake", caller)}

    def _pass_on(self, nudge: Nudge, method: str, caller: Caller) -> list[str]:
        """Tell one node, or every one; those who were told."""
        self._require_own_worker(caller)
        everybody = self._frame.client.book.all().keys() | {self._frame.node}
        told = sorted(everybody if nudge.node is None else {nudge.node})
        for node in told:
            self._frame.client.tell(node, method)
        return told

    def _pass_on_hand_over(self, order: HandOverOrder, caller: Caller) -> Any:
        self._require_own_worker(caller)
        return self._call_leader("election.hand_over", order)

    def _pass_on_clock_round(self, _payload: None, caller: Caller) -> Any:
        self._require_own_worker(caller)
        return self._call_leader("timekeeper.round", None)

    def _hand_over(self, order: HandOverOrder, caller: Caller) -> Any:
        epoch = self._election.hand_over(order.to, order.reason)
        if epoch is None:
            raise CallRefused("NOT_LEADER", f"{self._frame.node} does not lead")
        return {"epoch": epoch, "from": self._frame.node, "to": order.to}

    def _call_leader(self, method: str, payload: Any) -> Any:
        leader = self._election.leader
        if leader is None:
            raise CallRefused("NO_LEADER", "nobody leads at the moment")
        try:
            return self._frame.client.call(leader, method, payload, PASS_ON_SECONDS)
        except (Unreachable, NoAnswer) as error:
            raise CallRefused("LEADER_SILENT", str(error)) from None
        except CallFailed as error:
            raise CallRefused(getattr(error, "code", "FAILED"), str(error)) from None

    def _require_own_worker(self, caller: Caller) -> None:
        """Orders come from where the operator's login was checked: this node's own web workers."""
        if caller.node != self._frame.node:
            raise CallRefused("REFUSED", "orders are taken from this node's own workers")
