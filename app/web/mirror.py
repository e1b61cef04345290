"""Compares this worker's replica with its coordinator's, which is compared with database and peers."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass

import structlog

from app.coordination.replication.feed import Feed
from app.coordination.replication.report import report_of
from app.errors import Unavailable
from app.web.neighbour import Neighbour

COMPARE_SECONDS = 5.0
log = structlog.get_logger("replica")


@dataclass(frozen=True)
class Mirror:
    neighbour: Neighbour
    feed: Feed

    def start(self) -> None:
        """Feed the replica and compare it until the process ends. Once per process, after the fork."""
        self.feed.start()
        threading.Thread(target=self._run, daemon=True, name="mirror").start()

    def compare_once(self) -> list[str]:
        """The streams that were wrong; they have been taken anew."""
        report = report_of(self.neighbour.replica, self.feed)
        wrong = self.neighbour.compare(f"{self.neighbour.node}/{os.getpid()}", report)
        if wrong:
            self.neighbour.replica.divergences += 1
            log.warning("The replica differed from the coordinator's.", streams=wrong)
            self.feed.retake(wrong)
        return wrong

    def _run(self) -> None:
        while True:
            time.sleep(COMPARE_SECONDS)
            try:
                self.compare_once()
            except Unavailable:
                continue
            except Exception:
                log.exception("A comparison of replicas failed.")
