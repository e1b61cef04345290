"""What the web workers of this node have served lately, from their reports."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import NamedTuple

from app.algorithms.latencies import add_up
from app.coordination.load import LoadReport, ServedRequest

RATE_SECONDS, SHARE_SECONDS, LATENCY_SECONDS = 5.0, 60.0, 30.0
KEPT_REQUESTS = 12


class Slice(NamedTuple):
    """One report's worth."""

    at: float
    requests: int
    latencies: Mapping[int, int]


class Traffic:
    """Counts over restarts of workers; `now` is the clock's elapsed()."""

    def __init__(self) -> None:
        self._counted: dict[str, tuple[int, int]] = {}
        self._slices: deque[Slice] = deque()
        self.requests = self.failures = 0
        self.recent: deque[ServedRequest] = deque(maxlen=KEPT_REQUESTS)

    def take(self, report: LoadReport, now: float) -> None:
        requests, failures = self._new_since_last(report)
        self.requests += requests
        self.failures += failures
        self._slices.append(Slice(now, requests, report.latencies))
        self.recent.extend(report.recent)
        while self._slices[0].at < now - SHARE_SECONDS:
            self._slices.popleft()

    def per_second(self, now: float) -> float:
        return self._count(now - RATE_SECONDS) / RATE_SECONDS

    def last_minute(self, now: float) -> int:
        return self._count(now - SHARE_SECONDS)

    def latencies(self, now: float) -> dict[int, int]:
        since = now - LATENCY_SECONDS
        return add_up(each.latencies for each in self._slices if each.at > since)

    def _new_since_last(self, report: LoadReport) -> tuple[int, int]:
        requests, failures = self._counted.get(report.worker, (0, 0))
        self._counted[report.worker] = report.requests, report.failures
        # Another worker with the same number began from zero.
        if report.requests < requests:
            return report.requests, report.failures
        return report.requests - requests, report.failures - failures

    def _count(self, since: float) -> int:
        return sum(each.requests for each in self._slices if each.at > since)
