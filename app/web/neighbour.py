"""This node's coordinator, asked by its web workers for what their own replica does not know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from app.algorithms.logical_clocks import VersionVector
from app.coordination.replication.letters import Puzzling, open_delta
from app.coordination.replication.node_replica import NodeReplica
from app.coordination.rpc.client import Client
from app.coordination.rpc.errors import CallFailed

ANSWER_SECONDS, MAJORITY_SECONDS = 0.6, 1.0


@dataclass(frozen=True)
class Neighbour:
    client: Client
    node: str
    replica: NodeReplica

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

    def _ask(self, method: str, payload: Any, seconds: float) -> dict[str, Any] | None:
        try:
            answer: dict[str, Any] = self.client.call(self.node, method, payload, seconds, is_repeatable=True)
        except CallFailed:
            return None
        return answer
