"""What every duty stands on, and the coordinator that runs them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from redis import Redis

from app.clock import Clock
from app.config import Config
from app.coordination.breaker import Breaker
from app.coordination.rpc.client import Client
from app.coordination.rpc.messages import Caller
from app.coordination.rpc.methods import Methods
from app.coordination.stamps import Stamper
from app.database import Database
from worker.coordinator.chronicle import Chronicle
from worker.coordinator.loop import Backgrounds, Loop

FAREWELL_SECONDS = 1.5
Document = dict[str, Any]
log = structlog.get_logger("coordinator")


@dataclass(frozen=True)
class Frame:
    """Everything a duty may use. Built once, in build.py."""

    config: Config
    incarnation: int
    clock: Clock
    database: Database
    redis: Redis
    breaker: Breaker
    stamper: Stamper
    loop: Loop
    methods: Methods
    client: Client
    chronicle: Chronicle
    #: background("relay") makes a thread for blocking work of that name.
    background: Backgrounds

    @property
    def node(self) -> str:
        return self.config.node_id

    def instant(self) -> str:
        """This node's time of day, as documents show it."""
        return self.clock.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Duty:
    """One part of the coordinator's work; everything here is called in the loop's thread."""

    name = ""
    every_seconds = 1.0
    ends_first = False  # for whom others wait: the next leader should not wait for anything else

    def begin(self, now: float) -> None:
        """Before the first tick."""

    def tick(self, now: float) -> None:
        """every_seconds apart, or later when the process was held up. `now` is the clock's elapsed()."""

    def document(self, now: float) -> Document:
        """What the monitor may show of it; no secrets, no patient data."""
        return {}

    def end(self) -> None:
        """The node leaves. What is posted, submitted or told here is still done, within a second or so."""


class Coordinator:
    """Runs the duties until stop(), then lets each say good-bye, in the opposite order."""

    def __init__(self, frame: Frame, duties: Sequence[Duty]) -> None:
        self._frame = frame
        self._duties = duties
        self._is_leaving = False
        frame.methods.expose("state.read", None, self._answer_state)

    def start(self) -> None:
        for duty in self._duties:
            duty.begin(self._frame.clock.elapsed())
            self._tick(duty)

    def run(self) -> None:
        self._frame.loop.post(self.start)
        self._frame.loop.run()

    def stop(self) -> None:
        """For signal handlers too; harmless twice."""
        self._frame.loop.post(self._leave)

    def state(self) -> Document:
        """What this node knows, by duty."""
        now = self._frame.clock.elapsed()
        duties = {duty.name: duty.document(now) for duty in self._duties}
        return {
            "node": self._frame.node,
            "incarnation": self._frame.incarnation,
            "at": self._frame.instant(),
            "calls": self._frame.client.statistics.document(),
            **duties,
        }

    def _answer_state(self, _payload: None, _caller: Caller) -> Document:
        return self.state()

    def _tick(self, duty: Duty) -> None:
        try:
            duty.tick(self._frame.clock.elapsed())
        finally:
            self._frame.loop.after(duty.every_seconds, lambda: self._tick(duty))

    def _leave(self) -> None:
        if self._is_leaving:
            return
        self._is_leaving = True
        first = [duty for duty in self._duties if duty.ends_first]
        for duty in [*first, *(duty for duty in reversed(self._duties) if duty not in first)]:
            try:
                duty.end()
            except Exception:
                log.exception("A duty did not end well.", duty=duty.name)
        self._frame.loop.after(0.0, lambda: self._wait_for_farewells(self._frame.clock.elapsed()))

    def _wait_for_farewells(self, since: float) -> None:
        is_over = self._frame.clock.elapsed() - since > FAREWELL_SECONDS
        if is_over or not (self._frame.client.is_sending or self._frame.background.is_at_work):
            self._frame.loop.stop()
            return
        self._frame.loop.after(0.02, lambda: self._wait_for_farewells(since))
