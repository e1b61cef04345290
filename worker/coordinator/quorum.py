"""What a majority of the nodes knows, for reads that must not depend on one copy nor on the database.

R + W > N with numbers instead of votes on values: of each stream the highest number wins, because whoever has
the n-th change has all before it. Whoever is behind is repaired on the way."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from app.algorithms.logical_clocks import VersionVector
from app.algorithms.quorum import Outcome, Versioned, decide, newest
from app.coordination.letters import Puzzling
from app.coordination.replication.deltas import open_delta
from app.coordination.rpc.errors import CallFailed, CallRefused
from app.coordination.rpc.messages import Caller
from worker.coordinator.frame import Document, Duty, Frame
from worker.coordinator.gossip import Gossiping
from worker.coordinator.membership import Membership
from worker.coordinator.replication import Asked, Pull, Replication, vector_of

VOTE_SECONDS, PULL_SECONDS = 0.3, 0.4


class Quorum(Duty):
    name, every_seconds = "quorum", 60.0

    def __init__(
        self, frame: Frame, members: Membership, replication: Replication, gossiping: Gossiping
    ) -> None:
        self._frame = frame
        self._members = members
        self._replica = replication.replica
        self._gossiping = gossiping
        self._counts = {"asked": 0, "won": 0, "repaired_here": 0, "repaired_there": 0}
        frame.methods.expose("quorum.newest", Asked, self._answer, is_in_loop=False)

    def document(self, now: float) -> Document:
        return dict(self._counts)

    def _answer(self, asked: Asked, caller: Caller) -> Document:
        """In the thread of the call: it waits for others."""
        if caller.node != self._frame.node:
            raise CallRefused("REFUSED", "a node asks for itself")
        seconds = max(caller.deadline - self._frame.clock.elapsed(), 0.05)
        voters, live = self._frame.loop.ask(
            lambda: (self._members.everyone(), sorted(self._members.live())), seconds
        )
        votes = self._frame.client.call_all(live, "replica.vector", asked, min(VOTE_SECONDS, seconds))
        votes[self._frame.node] = vector_of(self._replica, asked.streams)
        is_majority = decide(dict.fromkeys(votes, True), voters) is Outcome.WON
        found = newest_of(votes)
        self._counts["asked"] += 1
        self._counts["won"] += is_majority
        self._repair(found, votes)
        return {
            "is_majority": is_majority,
            "vector": found,
            "votes": len(votes),
            "voters": len(voters),
        }

    def _repair(self, found: Mapping[str, int], votes: Mapping[str, Mapping[str, int]]) -> None:
        """This node at once, for the answer depends on it; the others in their own time."""
        wanted = VersionVector(found)
        for node, vector in votes.items():
            if node == self._frame.node or VersionVector(vector).covers(wanted):
                continue
            self._counts["repaired_there"] += 1
            self._frame.loop.post(partial(self._gossiping.offer_to, node))
        for node in sorted(votes, key=lambda each: -sum(votes[each].values())):
            if self._replica.vector.covers(wanted):
                return
            if node != self._frame.node:
                self._pull_from(node)

    def _pull_from(self, node: str) -> None:
        try:
            pull = Pull(dict(self._replica.vector))
            answer = self._frame.client.call(node, "replica.pull", pull, PULL_SECONDS, is_repeatable=True)
            self._replica.merge(open_delta(answer["delta"]))
            self._counts["repaired_here"] += 1
        except (CallFailed, Puzzling):
            return


def newest_of(votes: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    """The highest number of each stream that any of them knows."""
    streams = {stream for vector in votes.values() for stream in vector}
    found = {}
    for stream in streams:
        replies = {node: Versioned(vector.get(stream, 0), None) for node, vector in votes.items()}
        best = newest(replies)
        if best is not None:
            found[stream] = best.found.version
    return found
