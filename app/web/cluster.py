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
SENSIBLE_REFUSALS = frozenset({"NO_LEADER", "NOT_LEADER", "LEADER_SILENT", "REFUSED"})
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

    def _ask_state(self) -> Document | None:
        try:
            state: Document = self.client.call(
                self.config.node_id, "state.read", None, STATE_SECONDS, is_repeatable=True
            )
        except CallFailed:
            return None
        return state

    def _rows(self) -> list[Document]:
        try:
            with self.database.read() as connection:
                return read_roster(connection)
        except Unavailable:
            return []
