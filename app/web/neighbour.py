"""This node's coordinator, asked by its web workers for what their own replica does not know."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

from app.algorithms.logical_clocks import VersionVector
from app.clock import Clock
from app.coordination.letters import Puzzling
from app.coordination.replication.deltas import open_delta
from app.coordination.replication.node_replica import NodeReplica
from app.coordination.replication.report import Report
from app.coordination.rpc.client import Client
from app.coordination.rpc.errors import CallFailed

ANSWER_SECONDS, MAJORITY_SECONDS, SURVEY_SECONDS = 0.6, 1.0, 1.2
REMEMBER_SECONDS = 1.0


@dataclass(frozen=True)
class Neighbour:
    client: Client
    node: str
    replica: NodeReplica
    clock: Clock
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _kept: dict[str, tuple[float, dict[str, Any]]] = field(default_factory=dict)

    def majority(self, streams: frozenset[str] | None) -> VersionVector | None:
        """The newest that a majority of the nodes knows of these streams (None: of all); None when there is
        no majority that answers."""
        asked = None if streams is None else sorted(streams)
        found = self._ask("quorum.newest", {"streams": asked}, MAJORITY_SECONDS)
        return VersionVector(found["vector"]) if found and found["is_majority"] else None

    def pull(self) -> bool:
        """Take over what the coordinator's replica has; False when it brought nothing."""
        found = self._ask("replica.pull", {"vector": dict(self.replica.vector)}, ANSWER_SECONDS)
        if not found:
            return False
        try:
            self.replica.merge(open_delta(found["delta"]))
        except Puzzling:
            return False
        return True

    def compare(self, worker: str, report: Report) -> list[str]:
        """Tell how this replica is; the streams that the coordinator has otherwise."""
        said = {"worker": worker, "report": report, "digests": self.replica.stream_digests()}
        found = self._ask("replica.compare", said, ANSWER_SECONDS)
        return list(found["differing"]) if found else []

    def reports(self) -> dict[str, Any]:
        """Every node's report on its replica, by node, a second old at most; empty while the coordinator does
        not answer. However many callers want it, the nodes are asked once."""
        with self._lock:
            asked_at, known = self._kept.get("reports", (float("-inf"), {}))
            if self.clock.elapsed() - asked_at >= REMEMBER_SECONDS:
                known = self._ask("replica.survey", None, SURVEY_SECONDS) or {}
                self._kept["reports"] = self.clock.elapsed(), known
            return known

    def _ask(self, method: str, payload: Any, seconds: float) -> dict[str, Any] | None:
        try:
            answer: dict[str, Any] = self.client.call(self.node, method, payload, seconds, is_repeatable=True)
        except CallFailed:
            return None
        return answer
