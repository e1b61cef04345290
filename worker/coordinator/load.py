"""How busy this node is: what its web workers report, for the heartbeat and for whoever balances."""

from __future__ import annotations

import time

from app.algorithms.balancing import Ewma
from app.coordination.load import LoadReport
from app.coordination.rpc.errors import CallRefused
from app.coordination.rpc.messages import Caller
from worker.coordinator.frame import Document, Duty, Frame
from worker.coordinator.membership import Membership
from worker.coordinator.traffic import Traffic

SILENT_SECONDS = 4.0


class Load(Duty):
    name, every_seconds = "load", 1.0

    def __init__(self, frame: Frame, members: Membership) -> None:
        self._frame = frame
        self._reports: dict[str, tuple[float, LoadReport]] = {}
        self._traffic = Traffic()
        self._p95, self._busy = Ewma(), Ewma()
        self._own_cpu, self._cpu_at, self._cpu_used = 0.0, frame.clock.elapsed(), time.process_time()
        members.card_details.append(self._card_details)
        frame.methods.expose("load.report", LoadReport, self._take)

    def tick(self, now: float) -> None:
        self._reports = {name: kept for name, kept in self._reports.items() if now - kept[0] < SILENT_SECONDS}
        used = time.process_time()
        if now > self._cpu_at:
            self._own_cpu = (used - self._cpu_used) / (now - self._cpu_at)
        self._cpu_at, self._cpu_used = now, used

    def document(self, now: float) -> Document:
        return {
            **self._card_details(),
            "coordinator_cpu": round(self._own_cpu, 3),
            "requests_per_second": round(self._traffic.per_second(now), 1),
            "requests_last_minute": self._traffic.last_minute(now),
            "latencies": self._traffic.latencies(now),
            "recent": list(self._traffic.recent),
            "workers": [_shown(report) for report in self._latest],
        }

    @property
    def _latest(self) -> list[LoadReport]:
        return [report for _, report in self._reports.values()]

    def _card_details(self) -> Document:
        reports = self._latest
        return {
            "connections": sum(report.in_flight for report in reports),
            "streams": sum(report.streams for report in reports),
            "load": round(sum(report.cpu for report in reports) + self._own_cpu, 3),
            "busy": round(self._busy.value or 0.0, 3),
            "p95_ms": round(self._p95.value or 0.0, 1),
            "requests": self._traffic.requests,
            "failures": self._traffic.failures,
        }

    def _take(self, report: LoadReport, caller: Caller) -> None:
        if caller.node != self._frame.node:
            raise CallRefused("REFUSED", "only this node's own workers report to it")
        now = self._frame.clock.elapsed()
        self._reports[report.worker] = (now, report)
        self._traffic.take(report, now)
        # A worker that had nothing to do was not slow.
        self._p95.add(report.p95_ms or 0.0, now)
        self._busy.add(report.cpu, now)


def _shown(report: LoadReport) -> Document:
    return {
        "worker": report.worker,
        "in_flight": report.in_flight,
        "streams": report.streams,
        "requests": report.requests,
        "p95_ms": report.p95_ms,
        "cpu": report.cpu,
    }
