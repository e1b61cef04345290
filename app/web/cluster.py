"""The cluster as this node's coordinator sees it, for views: state, and orders to pass on.

Works with Redis and with the database away, because the coordinator is called directly; while the coordinator
itself is away there is only what SQL says."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from app.clock import Clock
from app.config import Config
from app.coordination import cluster_log
from app.coordination.cluster_log import NOTICED, RECEIVED, SENT
from app.coordination.leadership import latest_terms
from app.coordination.roster import merge_roster, read_roster
from app.coordination.rpc.client import Client
from app.coordination.rpc.errors import CallFailed, CallRefused
from app.database import Database
from app.errors import Conflict, Unavailable
from app.web.deadline import within

STATE_SECONDS = 0.6
ROSTER_SECONDS = 0.8
ORDER_SECONDS = 3.0
REMEMBER_SECONDS = 0.25
TERMS_SHOWN = 50
ELECTION_FIELDS = (
    "leader",
    "epoch",
    "lease_seconds_left",
    "lease_home",
    "is_fit",
    "reason",
    "last_step_down",
)
SENSIBLE_REFUSALS = frozenset({"NO_LEADER", "NOT_LEADER", "LEADER_SILENT", "NOT_FIT", "REFUSED"})
Document = dict[str, Any]


class NotNow(Conflict):
    """The order makes no sense at the moment, such as a hand-over while nobody leads."""

    code = "NOT_NOW"
    title = "This cannot be done now"


@dataclass(frozen=True)
class Cluster:
    config: Config
    clock: Clock
    database: Database
    client: Client
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _kept: dict[str, tuple[float, Document | None]] = field(default_factory=dict)

    def state(self) -> Document | None:
        """What the coordinator knows, a quarter of a second old at most; None while it does not answer."""
        with self._lock:
            asked_at, state = self._kept.get("state", (float("-inf"), None))
            if self.clock.elapsed() - asked_at >= REMEMBER_SECONDS:
                state = self._ask_state()
                self._kept["state"] = self.clock.elapsed(), state
            return state

    def servers(self) -> list[Document]:
        """Every node: what SQL knows of its past, what the coordinator knows of its present."""
        asked: dict[str, Callable[[], Any]] = {"rows": self._rows, "state": self.state}
        found = within(ROSTER_SECONDS, asked)
        return merge_roster(found.get("rows") or [], found.get("state") or {}, self.clock.now())

    def algorithm(self) -> str:
        """The election in use."""
        state = self.state()
        return str(state["election"]["algorithm"]) if state else self.config.election_algorithm

    def election(self, limit: int, election_id: str | None) -> Document:
        """Who leads, by which right, and how it came about; the history is empty while SQL is away."""
        asked: dict[str, Callable[[], Any]] = {
            "history": lambda: self._history(limit, election_id),
            "state": self.state,
        }
        found = within(ROSTER_SECONDS, asked)
        state = (found.get("state") or {}).get("election", {})
        history = found.get("history") or own_history(state.get("log", []), limit, election_id)
        present = {name: state.get(name) for name in ELECTION_FIELDS}
        return {**present, "algorithm": state.get("algorithm") or self.config.election_algorithm, **history}

    def order(self, method: str, payload: Any = None) -> Document:
        """Have the coordinator do something. Raises NotNow, or Unavailable when it does not answer."""
        try:
            result = self.client.call(self.config.node_id, method, payload, ORDER_SECONDS)
        except CallRefused as refused:
            if refused.code in SENSIBLE_REFUSALS:
                raise NotNow(refused.detail, reason=refused.code) from None
            raise Unavailable(f"The coordinator of this node failed: {refused.detail}.") from None
        except CallFailed:
            raise Unavailable("The coordinator of this node does not answer.") from None
        with self._lock:
            self._kept.clear()
        answer: Document = result or {}
        return answer

    def nudge(self, node: str | None) -> None:
        """Have a node, or every one, look at the database now instead of within the next second."""
        try:
            self.client.call(self.config.node_id, "operator.nudge", {"node": node}, STATE_SECONDS)
        except CallFailed:
            return

    def _ask_state(self) -> Document | None:
        try:
            state: Document = self.client.call(
                self.config.node_id, "state.read", None, STATE_SECONDS, is_repeatable=True
            )
        except CallFailed:
            return None
        return state

    def _history(self, limit: int, election_id: str | None) -> Document | None:
        try:
            with self.database.read() as connection:
                return {
                    "terms": latest_terms(connection, TERMS_SHOWN),
                    "messages": by_cause(
                        cluster_log.latest(connection, (SENT, RECEIVED), limit, election_id)
                    ),
                    "events": cluster_log.latest(connection, (NOTICED,), limit),
                }
        except Unavailable:
            return None

    def _rows(self) -> list[Document]:
        try:
            with self.database.read() as connection:
                return read_roster(connection)
        except Unavailable:
            return []


def by_cause(messages: list[Document]) -> list[Document]:
    """In an order in which every cause comes before its effect, whatever the clocks of the nodes show."""
    return sorted(messages, key=lambda message: (message["lamport"], message["node"]))


def own_history(log: list[Document], limit: int, election_id: str | None) -> Document:
    """What this node's coordinator remembers by itself."""
    messages = [entry for entry in log if entry["kind"] != NOTICED]
    if election_id is not None:
        messages = [entry for entry in messages if entry["election"] == election_id]
    events = [entry for entry in log if entry["kind"] == NOTICED]
    return {"terms": [], "messages": by_cause(messages[-limit:]), "events": events[-limit:]}
