"""How busy this web worker is: counted around every request, told to the node's coordinator each second."""

from __future__ import annotations

import math
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

import structlog
from werkzeug.wsgi import ClosingIterator

from app.algorithms.latencies import count_buckets
from app.clock import Clock
from app.coordination.load import LoadReport, ServedRequest
from app.coordination.rpc.client import Client
from app.coordination.rpc.errors import CallFailed
from app.coordination.rpc.peers import Peer

REPORT_SECONDS = 1.0
ANSWER_SECONDS = 0.5
KEPT_REQUESTS = 1000
SHOWN_REQUESTS = 6
STREAMS = "/events"  # what the paths of all event streams end with
WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
log = structlog.get_logger("load")


class LoadMeter:
    """Counts what is being answered; an event stream counts until it is closed.

    `handed_over` tells how many streams are open that the server has let go of."""

    def __init__(self, clock: Clock, handed_over: Callable[[], int] = lambda: 0) -> None:
        self._clock = clock
        self._handed_over = handed_over
        self._lock = threading.Lock()
        self._in_flight = self._streams = self._requests = self._failures = 0
        self._seconds: deque[float] = deque(maxlen=KEPT_REQUESTS)
        self._recent: deque[tuple[datetime, str, str, int, float]] = deque(maxlen=SHOWN_REQUESTS)
        self._cpu_at, self._cpu_used = clock.elapsed(), time.process_time()

    def around(self, app: WsgiApp) -> WsgiApp:
        """The same application, measured."""

        def measured(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            is_stream = environ.get("PATH_INFO", "").endswith(STREAMS)
            end = self._end_stream if is_stream else self._end
            began = self._begin(is_stream)
            try:
                answer = app(environ, self._noting_failures(start_response))
            except BaseException:
                end()
                raise
            with self._lock:
                self._seconds.append(self._clock.elapsed() - began)
            return ClosingIterator(answer, end)

        return measured

    def served(self, at: datetime, method: str, route: str, status: int, milliseconds: float) -> None:
        """One answer worth showing."""
        self._recent.append((at, method, route, status, milliseconds))  # which is atomic

    def report(self) -> LoadReport:
        """What happened since the last report."""
        now, used, handed_over = self._clock.elapsed(), time.process_time(), self._handed_over()
        with self._lock:
            seconds, recent = sorted(self._seconds), tuple(self._recent)
            self._seconds.clear()
            self._recent.clear()
            cpu = (used - self._cpu_used) / max(now - self._cpu_at, 0.001)
            self._cpu_at, self._cpu_used = now, used
            streams = self._streams + handed_over
            counts = self._in_flight + handed_over, self._requests, self._failures
        shown = tuple(ServedRequest(_shown(each[0]), *each[1:]) for each in recent)
        p95 = round(seconds[math.ceil(len(seconds) * 0.95) - 1] * 1000, 1) if seconds else None
        worker = str(os.getpid())
        return LoadReport(worker, *counts, p95, round(cpu, 3), streams, count_buckets(seconds), shown)

    def _begin(self, is_stream: bool) -> float:
        with self._lock:
            self._in_flight += 1
            self._streams += is_stream
            self._requests += 1
        return self._clock.elapsed()

    def _end(self) -> None:
        with self._lock:
            self._in_flight -= 1

    def _end_stream(self) -> None:
        with self._lock:
            self._in_flight -= 1
            self._streams -= 1

    def _noting_failures(self, start_response: Callable[..., Any]) -> Callable[..., Any]:
        def note(status: str, *rest: Any) -> Any:
            if status.startswith("5"):
                with self._lock:
                    self._failures += 1
            return start_response(status, *rest)

        return note


def _shown(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class LoadReporter:
    """Tells the coordinator; the call also carries the stamps of both, so that neither falls behind."""

    def __init__(self, meter: LoadMeter, client: Client, node: str) -> None:
        self._meter = meter
        self._client = client
        self._node = node

    def start(self) -> None:
        """Report until the process ends, where there is a coordinator. Once per process, after the fork."""
        if self._client.book.find(self._node) == Peer(self._node, None):
            return
        threading.Thread(target=self._run, daemon=True, name="load").start()

    def report_once(self) -> bool:
        """False when the coordinator did not take it."""
        try:
            self._client.call(self._node, "load.report", self._meter.report(), ANSWER_SECONDS)
        except CallFailed:
            return False
        return True

    def _run(self) -> None:
        while True:
            time.sleep(REPORT_SECONDS)
            try:
                self.report_once()
            except Exception:
                log.exception("A report about the load failed.")
