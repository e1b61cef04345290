"""`python -m worker.coordinator`: the companion process of one node.

Beats, campaigns for the lease, and while it leads does the work that must be done once: the sweep
of lapsed holds and the notices nobody delivered. A process of its own, so that a busy web worker
cannot starve the renewal of the lease."""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType

import structlog

from app.booking.actions import expire_due_holds
from app.booking.build import build_engine
from app.booking.engine import Engine
from app.clock import Clock, SystemClock
from app.config import Config, ConfigError
from app.coordination import membership
from app.coordination.breaker import Breaker
from app.coordination.connection import connect_redis
from app.coordination.leadership import Deposed, Leadership, Term
from app.database import Database
from app.errors import Unavailable
from app.logs import configure_logs
from app.queue import JobQueue
from worker.jobs import build_sender
from worker.postman import Postman

TICK_SECONDS = 0.5
RENEW_SECONDS = 2.0
SWEEP_SECONDS = 1.0

log = structlog.get_logger("coordinator")


class Coordinator:
    """One node's heartbeat and share of the leadership. Drive it with tick()."""

    def __init__(
        self,
        config: Config,
        engine: Engine,
        leadership: Leadership,
        clock: Clock,
        chores: list[Callable[[], object]],
    ) -> None:
        self._config = config
        self._engine = engine
        self._leadership = leadership
        self._clock = clock
        self._chores = chores
        self._term: Term | None = None
        self._renew_at = 0.0
        self._sweep_at = 0.0

    @property
    def term(self) -> Term | None:
        return self._term

    def join(self) -> None:
        incarnation = int(self._clock.now().timestamp() * 1000)
        self._engine.database.run(
            lambda tx: membership.join(tx, self._config.node_id, self._config.address, incarnation)
        )

    def tick(self) -> None:
        """One round: beat, keep or seek the lease, and work while leading."""
        self._engine.database.run(lambda tx: membership.beat(tx, self._config.node_id))
        self._keep_or_seek_term()
        if self._term and self._clock.elapsed() >= self._sweep_at:
            self._sweep_at = self._clock.elapsed() + SWEEP_SECONDS
            self._lead(self._term)

    def leave(self) -> None:
        """Hand over before going: the next leader need not wait for the lease to run out."""
        if self._term:
            self._leadership.resign(self._term)
            log.info("resigned", epoch=self._term.epoch)
            self._term = None
        self._engine.database.run(lambda tx: membership.beat(tx, self._config.node_id, membership.LEFT))

    def step_down(self, reason: str) -> None:
        if self._term:
            log.warning("stepped down", epoch=self._term.epoch, reason=reason)
        self._term = None

    def _keep_or_seek_term(self) -> None:
        now = self._clock.elapsed()
        if self._term and now >= self._term.deadline:
            self.step_down("the lease ran out")
        if now < self._renew_at:
            return
        self._renew_at = now + RENEW_SECONDS
        if self._term is None:
            self._term = self._leadership.campaign()
            # Seekers ask at different moments, so that one finds the lease free soon after it ends.
            self._renew_at = now + random.uniform(0.5, 1.5)  # noqa: S311 - jitter, no secret
            if self._term:
                log.info("leads", epoch=self._term.epoch)
            return
        self._term = self._leadership.renew(self._term)
        if self._term is None:
            log.warning("stepped down", reason="the lease was not renewed")

    def _lead(self, term: Term) -> None:
        try:
            freed = expire_due_holds(self._engine, term)
        except Deposed as deposed:
            self.step_down(str(deposed))
            return
        if freed:
            log.info("freed lapsed holds", slots=freed, epoch=term.epoch)
        for chore in self._chores:
            chore()


def run(coordinator: Coordinator, stop: threading.Event) -> None:
    """Tick until told to stop; an outage is logged and outlived."""
    joined = False
    while not stop.is_set():
        started = time.monotonic()
        try:
            if not joined:
                coordinator.join()
                joined = True
            coordinator.tick()
        except Unavailable as error:
            log.warning("the database does not answer", detail=error.detail)
        except Exception:
            log.exception("a round failed")
        stop.wait(max(0.0, TICK_SECONDS - (time.monotonic() - started)))
    try:
        coordinator.leave()
    except Unavailable as error:
        log.warning("left without saying so", detail=error.detail)


def build(config: Config) -> Coordinator:
    clock = SystemClock()
    database = Database(config.database_url, pool_size=5)
    redis = connect_redis(config.redis_url)
    breaker = Breaker(clock)
    queue = JobQueue(redis, breaker)
    engine = build_engine(config, database, redis, clock, queue.enqueue)
    leadership = Leadership(database, redis, breaker, clock, config.node_id)
    postman = Postman(build_sender(config, database), queue.enqueue)
    return Coordinator(config, engine, leadership, clock, [postman.start_round])


def main() -> None:
    try:
        config = Config.from_env(os.environ)
    except ConfigError as error:
        sys.exit(f"coordinator: {error}")
    configure_logs(config)
    stop = threading.Event()

    def ask_to_stop(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, ask_to_stop)
    signal.signal(signal.SIGINT, ask_to_stop)
    run(build(config), stop)


if __name__ == "__main__":
    main()
