"""This node's replica of the slots: fed, compared with the database and with peers, given to who asks."""

from __future__ import annotations

from dataclasses import dataclass

from app.algorithms.logical_clocks import VersionVector
from app.coordination import keys
from app.coordination.outbox import HEARTBEAT_STREAM
from app.coordination.replication.audit import Audit
from app.coordination.replication.bell import Bell
from app.coordination.replication.bus import Bus
from app.coordination.replication.deltas import close_delta
from app.coordination.replication.feed import Feed
from app.coordination.replication.node_replica import NodeReplica
from app.coordination.replication.report import Digests, Report, describe, differing, report_of
from app.coordination.rpc.errors import CallRefused
from app.coordination.rpc.messages import Caller
from worker.coordinator.frame import Document, Duty, Frame
from worker.coordinator.membership import Membership

WORKER_SILENT_SECONDS = 30.0
SURVEY_SECONDS = 0.6


@dataclass(frozen=True)
class Pull:
    vector: dict[str, int]


@dataclass(frozen=True)
class Asked:
    """These streams, or None for all."""

    streams: list[str] | None


@dataclass(frozen=True)
class Comparison:
    """What one web worker of this node says of its own replica."""

    worker: str
    report: Report
    digests: Digests


class Replication(Duty):
    name, every_seconds = "replica", 5.0

    def __init__(self, frame: Frame, members: Membership) -> None:
        self._frame = frame
        self._members = members
        self.replica = NodeReplica(frame.clock)
        bus, bell = Bus(frame.redis, frame.breaker), Bell(frame.redis, frame.clock, keys.BUS_CHANNEL)
        self._feed = Feed(
            self.replica, frame.database, bus, bell, frame.clock, observe=frame.stamper.receive_change
        )
        self._audit = Audit(frame.database, self.replica, frame.clock, self._alarm)
        self._auditor = frame.background("replica-audit")
        self._workers: dict[str, tuple[float, Report]] = {}
        expose = frame.methods.expose
        expose("replica.pull", Pull, self._give, is_in_loop=False)
        expose("replica.vector", Asked, self._tell_vector, is_in_loop=False)
        expose("replica.report", None, self._tell_report, is_in_loop=False)
        expose("replica.compare", Comparison, self._compare)
        expose("replica.survey", None, self._survey, is_in_loop=False)
        expose("replica.retake", None, self._retake)

    def diverged(self, text: str) -> None:
        """Equal numbers and different rows: the database decides who is right."""
        self._alarm(text)
        self._auditor.submit(self._feed.rebuild)

    def begin(self, now: float) -> None:
        self._feed.start()

    def tick(self, now: float) -> None:
        self._workers = {
            name: kept for name, kept in self._workers.items() if now - kept[0] < WORKER_SILENT_SECONDS
        }
        if not self._auditor.waiting:
            self._auditor.submit(self._audit.run)

    def document(self, now: float) -> Document:
        return {**describe(self._report()), "audit": self._audit.document()}

    def end(self) -> None:
        self._feed.stop()

    def _alarm(self, text: str) -> None:
        self.replica.divergences += 1
        self._frame.chronicle.noticed("replica.diverged", f"the replica of {self._frame.node} {text}")

    def _report(self) -> Report:
        return report_of(self.replica, self._feed)

    # For peers, and for this node's own workers

    def _retake(self, _payload: None, caller: Caller) -> None:
        """The operator wants the whole copy taken anew from the database."""
        self._frame.chronicle.noticed("replica.retaken", f"{self._frame.node} takes its replica anew")
        self._auditor.submit(self._feed.rebuild)

    def _give(self, pull: Pull, _caller: Caller) -> Document:
        return {"delta": close_delta(self.replica.delta(VersionVector(pull.vector)))}

    def _tell_vector(self, asked: Asked, _caller: Caller) -> dict[str, int]:
        return vector_of(self.replica, asked.streams)

    def _tell_report(self, _payload: None, _caller: Caller) -> Document:
        workers = {name: describe(report) for name, (_, report) in list(self._workers.items())}
        return {
            **describe(self._report()),
            "streams": self.replica.stream_digests(),
            "workers": workers,
            "truth": self._audit.truth(),
        }

    def _survey(self, _payload: None, caller: Caller) -> Document:
        """In the thread of the call: it waits for the others."""
        if caller.node != self._frame.node:
            raise CallRefused("REFUSED", "a node asks for itself")
        live = self._frame.loop.ask(lambda: sorted(self._members.live()), SURVEY_SECONDS)
        reports = self._frame.client.call_all(live, "replica.report", None, SURVEY_SECONDS)
        return {**reports, self._frame.node: self._tell_report(None, caller)}

    def _compare(self, comparison: Comparison, caller: Caller) -> Document:
        """The streams that a worker has at the same number with other rows. It takes them anew from the
        database."""
        if caller.node != self._frame.node:
            raise CallRefused("REFUSED", "only this node's own workers compare themselves with it")
        self._workers[comparison.worker] = (self._frame.clock.elapsed(), comparison.report)
        is_comparable = comparison.report.horizon == self.replica.horizon
        wrong = differing(self.replica.stream_digests(), comparison.digests) if is_comparable else []
        if wrong:
            self._alarm(f"and that of worker {comparison.worker} differ in {', '.join(wrong[:5])}")
        return {"differing": wrong}


def vector_of(replica: NodeReplica, streams: list[str] | None) -> dict[str, int]:
    """Without the heartbeat: it says how old things are, and nodes differ in it all the time."""
    vector = replica.vector if streams is None else replica.vector.only(streams)
    return {stream: seq for stream, seq in vector.items() if stream != HEARTBEAT_STREAM}
