"""Work that is done once in the cluster: by the leader, in a thread of its own, under its term."""

from __future__ import annotations

from collections.abc import Callable

from app.coordination.leadership import Deposed, Term
from worker.coordinator.election import Election
from worker.coordinator.frame import Document, Duty, Frame


class LeaderWork(Duty):
    """Calls run(term) again and again while this node leads. `pause` says why it must not be done now; what
    is done `at_once_again` waits by itself for something to do."""

    def __init__(
        self,
        frame: Frame,
        office: Election,
        name: str,
        every_seconds: float,
        run: Callable[[Term], object],
        pause: Callable[[], str | None] = lambda: None,
        *,
        at_once_again: bool = False,
    ) -> None:
        self.name, self.every_seconds = name, every_seconds
        self._frame = frame
        self._office = office
        self._run = run
        self._pause = pause
        self._at_once_again = at_once_again
        self._background = frame.background(name)
        self._paused_because: str | None = None
        self._rounds = 0
        self._done_at: str | None = None

    def tick(self, now: float) -> None:
        term = self._office.term(now)
        self._note_pause(self._pause())
        if term is None or self._paused_because or self._background.waiting:
            return
        self._background.submit(
            lambda: self._run(term),
            lambda _: self._note_round(),
            lambda error: self._note_failure(term, error),
        )

    def document(self, now: float) -> Document:
        return {
            "rounds": self._rounds,
            "last_round_at": self._done_at,
            "paused_because": self._paused_because,
        }

    def _note_round(self) -> None:
        self._rounds += 1
        self._done_at = self._frame.instant()
        if self._at_once_again:
            self.tick(self._frame.clock.elapsed())

    def _note_failure(self, term: Term, error: Exception) -> None:
        if isinstance(error, Deposed):
            self._office.was_deposed(term.epoch, self.name)

    def _note_pause(self, reason: str | None) -> None:
        if reason and not self._paused_because:
            self._frame.chronicle.noticed(f"{self.name}.paused", f"{self.name} pauses: {reason}")
        if self._paused_because and not reason:
            self._frame.chronicle.noticed(f"{self.name}.resumed", f"{self.name} goes on")
        self._paused_because = reason
