"""The balancer: tells nginx which node gets which share, by the policy the operator chose and measured load.

The leader's work. While the leader itself is silent, the first of the healthy nodes does it: a wrong or
doubled reload endangers no booking, and a hung leader must not get visitors until its lease ends."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from app.algorithms.balancing import Load
from app.coordination.balancing import Plan, Policy, Urgency, decide, is_due, parse, place_of, render, urgency
from app.coordination.cards import Card
from app.coordination.membership import UP
from app.coordination.settings import BALANCING_POLICY
from worker.coordinator.election import Election
from worker.coordinator.frame import Document, Duty, Frame
from worker.coordinator.membership import Membership
from worker.upstream_file import NotReloaded, UpstreamFile

NO_NGINX = "this node has no nginx of its own to write for"
#: Whoever has just started has not heard of everybody, and must not take them for gone.
SETTLING_SECONDS = 10.0


class Balancer(Duty):
    name, every_seconds = "balancer", 0.5

    def __init__(self, frame: Frame, members: Membership, election: Election) -> None:
        config = frame.config
        self._frame = frame
        self._members = members
        self._election = election
        self._background = frame.background("balancer")
        self._file = (
            UpstreamFile(Path(config.nginx_folder), config.nginx_program) if config.nginx_folder else None
        )
        self._in_force: Plan | None = None
        self._wanted: Plan | None = None
        self._began_at = frame.clock.elapsed()
        self._tried_at = float("-inf")
        self._reloads = 0
        self._written_at: str | None = None
        self._trouble: str | None = None
        self._reason_for_rest: str | None = None

    def tick(self, now: float) -> None:
        self._wanted = decide(self._policy, *self._measure(), self._frame.clock.now().timestamp())
        self._reason_for_rest = self._rest(now)
        if self._file is None or self._background.waiting:
            return
        self._in_force = parse(self._file.read())  # any node of this machine may have written it
        wanted = self._wanted
        if self._reason_for_rest or wanted is None:
            return
        pressing = urgency(self._in_force, wanted)
        if pressing is Urgency.NONE:
            self._trouble = None
        elif is_due(pressing, now - self._tried_at):
            self._write(self._file, wanted, now)

    def document(self, now: float) -> Document:
        plan = self._in_force
        return {
            "policy": self._policy,
            "is_at_work": self._reason_for_rest is None,
            "reason": self._reason_for_rest,
            "trouble": self._trouble,
            "in_force": plan and {"policy": plan.policy, "shares": plan.shares, "wanted": plan.wanted()},
            "weights": {share.node: share.weight for share in self._wanted.shares} if self._wanted else {},
            "reloads": self._reloads,
            "written_at": self._written_at,
        }

    @property
    def _policy(self) -> Policy:
        chosen = self._members.settings.get(BALANCING_POLICY)
        return Policy(chosen) if chosen in set(Policy) else Policy.ROUND_ROBIN

    def _rest(self, now: float) -> str | None:
        """Why this node leaves nginx alone; None when it is the one to write."""
        if self._file is None:
            return NO_NGINX
        if now - self._began_at < SETTLING_SECONDS:
            return f"{self._frame.node} has just started"
        if self._election.term(now) is not None:
            return None
        healthy = self._members.healthy().keys() | {self._frame.node}
        leader = self._election.leader
        if leader in healthy - {self._frame.node}:
            return f"{leader} leads and does it"
        stand_in = min(healthy)
        return None if stand_in == self._frame.node else f"{stand_in} stands in for the leader"

    def _measure(self) -> tuple[dict[str, Load], dict[str, str]]:
        healthy = {**self._members.healthy(), self._frame.node: self._members.card()}
        known = {**self._members.live(), **healthy}
        loads = {node: _load(card, is_alive=node in healthy) for node, card in known.items()}
        places = {node: place for node, card in known.items() if (place := place_of(card.address))}
        return loads, places

    def _write(self, file: UpstreamFile, plan: Plan, now: float) -> None:
        self._tried_at = now
        self._background.submit(lambda: _replace(file, plan), lambda trouble: self._note(plan, trouble))

    def _note(self, plan: Plan, trouble: str | None) -> None:
        before, self._trouble = self._trouble, trouble
        if trouble is not None:
            if trouble != before:
                self._frame.chronicle.noticed(
                    "balancer.refused", f"nginx keeps its last good file: {trouble}"
                )
            return
        self._reloads += 1
        self._written_at = self._frame.clock.now().isoformat()
        shares = ", ".join(f"{share.node} {share.weight}" for share in plan.shares)
        self._frame.chronicle.noticed("balancer.reloaded", f"{plan.policy}: {shares}")


def _replace(file: UpstreamFile, plan: Plan) -> str | None:
    """What went wrong, in nginx's words."""
    try:
        file.replace(render(plan))
    except NotReloaded as refused:
        return str(refused)
    return None


def _load(card: Card, *, is_alive: bool) -> Load:
    return Load(
        p95_ms=card.p95_ms,
        in_flight=card.connections - card.streams,
        cpu=card.busy,
        up_since=datetime.fromisoformat(card.started_at).timestamp() if card.started_at else 0.0,
        is_draining=card.status != UP,
        is_alive=is_alive,
    )
