"""The coordinator's one thread: actions posted from anywhere, timers, and blocking work kept outside."""

from __future__ import annotations

import heapq
import itertools
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

import structlog

from app.algorithms.steps import StartTimer, StopTimer, TimerFired
from app.clock import Clock
from app.coordination.leadership import Deposed
from app.errors import Unavailable

Result = TypeVar("Result")
Action = Callable[[], Any]
LONGEST_REST_SECONDS = 1.0
log = structlog.get_logger("coordinator")


class Loop:
    """Runs one action at a time. post() is for every thread and for signal handlers, the rest for actions."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        # A SimpleQueue may be put to by a signal handler that interrupts get(); a Queue would lock up.
        self._posted: queue.SimpleQueue[Action] = queue.SimpleQueue()
        self._due: list[tuple[float, int, Action]] = []
        self._numbers = itertools.count()
        self._is_running = True
        self._thread: int | None = None

    def post(self, action: Action) -> None:
        self._posted.put(action)

    def after(self, seconds: float, action: Action) -> None:
        heapq.heappush(self._due, (self._clock.elapsed() + seconds, next(self._numbers), action))

    def ask(self, action: Callable[[], Result], seconds: float) -> Result:
        """Run an action in the loop and wait for its result. Raises TimeoutError, and what the action
        raises."""
        if threading.get_ident() == self._thread:
            return action()
        answer: Future[Result] = Future()

        def run() -> None:
            if not answer.set_running_or_notify_cancel():
                return  # the asker has gone
            try:
                answer.set_result(action())
            except Exception as error:
                answer.set_exception(error)

        self.post(run)
        try:
            return answer.result(timeout=max(seconds, 0.0))
        except TimeoutError:
            answer.cancel()
            raise

    def stop(self) -> None:
        self._is_running = False
        self.post(_nothing)

    def run(self) -> None:
        """Until stop()."""
        self._thread = threading.get_ident()
        while self._is_running:
            self.turn(LONGEST_REST_SECONDS)

    def turn(self, longest_rest: float = 0.0) -> bool:
        """Do what is due, or wait for something to do; False when there was nothing."""
        if self._due and self._due[0][0] <= self._clock.elapsed():
            return self._do(heapq.heappop(self._due)[2])
        rest = min(self._due[0][0] - self._clock.elapsed(), longest_rest) if self._due else longest_rest
        try:
            action = self._posted.get(timeout=rest) if rest > 0 else self._posted.get_nowait()
        except queue.Empty:
            return False
        return self._do(action)

    def _do(self, action: Action) -> bool:
        try:
            action()
        except Exception:
            log.exception("An action of the coordinator failed; the others go on.")
        return True


class Timers:
    """The named timers of one core: starting one again replaces it."""

    def __init__(self, loop: Loop, feed: Callable[[TimerFired], object]) -> None:
        self._loop = loop
        self._feed = feed
        self._numbers = itertools.count()
        self._running: dict[str, int] = {}

    def perform(self, effect: StartTimer | StopTimer) -> None:
        if isinstance(effect, StopTimer):
            self._running.pop(effect.name, None)
            return
        number = self._running[effect.name] = next(self._numbers)
        self._loop.after(effect.delay_seconds, lambda: self._fire(effect.name, number))

    def _fire(self, name: str, number: int) -> None:
        if self._running.get(name) == number:
            del self._running[name]
            self._feed(TimerFired(name))


class Background(Protocol):
    """Work that may block, in order, one at a time; its outcome comes back as an action of the loop."""

    @property
    def waiting(self) -> int: ...
    def submit(
        self,
        work: Callable[[], Result],
        then: Callable[[Result], object] | None = None,
        otherwise: Callable[[Exception], object] | None = None,
    ) -> None: ...


class Backgrounds:
    """Makes a ThreadBackground per name, and knows whether any is at work."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._made: list[ThreadBackground] = []

    def __call__(self, name: str) -> Background:
        background = ThreadBackground(self._loop, name)
        self._made.append(background)
        return background

    @property
    def is_at_work(self) -> bool:
        return any(background.waiting for background in self._made)


class ThreadBackground:
    """A Background with a thread of its own."""

    def __init__(self, loop: Loop, name: str) -> None:
        self._loop = loop
        self._name = name
        self._executor = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._lock = threading.Lock()
        self._waiting = 0

    @property
    def waiting(self) -> int:
        """How much was submitted and has not ended."""
        return self._waiting

    def submit(
        self,
        work: Callable[[], Result],
        then: Callable[[Result], object] | None = None,
        otherwise: Callable[[Exception], object] | None = None,
    ) -> None:
        """`otherwise` gets what the work raised; it is logged in any case."""
        with self._lock:
            self._waiting += 1
        self._executor.submit(self._run, work, then, otherwise)

    def _run(
        self,
        work: Callable[[], Result],
        then: Callable[[Result], object] | None,
        otherwise: Callable[[Exception], object] | None,
    ) -> None:
        outcome = outcome_of(self._name, work, then, otherwise)
        with self._lock:
            self._waiting -= 1
        if outcome is not None:
            self._loop.post(outcome)


def outcome_of(
    name: str,
    work: Callable[[], Result],
    then: Callable[[Result], object] | None,
    otherwise: Callable[[Exception], object] | None,
) -> Action | None:
    """Do the work; the action that tells the loop how it ended."""
    try:
        result = work()
    except Exception as error:
        failure = error
        if isinstance(error, Unavailable):
            log.debug("The database does not answer.", work=name, detail=error.detail)
        elif not isinstance(error, Deposed):
            log.exception("Work in the background failed.", work=name)
        return None if otherwise is None else lambda: otherwise(failure)
    return None if then is None else lambda: then(result)


def _nothing() -> None:
    return None
