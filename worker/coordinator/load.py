"""How busy this node is: what its web workers report, for the heartbeat and for whoever balances."""

from __future__ import annotations

import time

from app.coordination.load import LoadReport
from app.coordination.rpc.errors import CallRefused
from app.coordination.rpc.messages import Caller
from worker.coordinator.frame import Document, Duty, Frame
from worker.coordinator.membership import Membership

SILENT_SECONDS = 4.0


class Load(Duty):
    name, every_seconds = "load", 1.0

    def __init__(self, frame: Frame, members: Membership) -> None:
        self._frame = frame
        self._reports: dict[str, tuple[float, LoadReport]] = {}
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
        reports = [report for _, report in self._reports.values()]
        return {
            **self._card_details(),
            "coordinator_cpu": round(self._own_cpu, 3),
            "requests": sum(report.requests for report in reports),
            "failures": sum(report.failures for report in reports),
            "p95_ms": max((report.p95_ms for report in reports if report.p95_ms is not None), default=None),
            "workers": reports,
        }

    def _card_details(self) -> Document:
        reports = [report for _, report in self._reports.values()]
        return {
            "connections": sum(report.in_flight for report in reports),
            "load": round(sum(report.cpu for report in reports) + self._own_cpu, 3),
        }

    def _take(self, report: LoadReport, caller: Caller) -> None:
        if caller.node != self._frame.node:
            raise CallRefused("REFUSED", "only this node's own workers report to it")
        self._reports[report.worker] = (self._frame.clock.elapsed(), report)
