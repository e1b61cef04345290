"""Questions to the database whose last answers are kept: shown with their age while it is away."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection

from app.clock import Clock
from app.database import Database
from app.errors import Unavailable
from app.web.deadline import within

Value = TypeVar("Value")
Question = Callable[[Connection], Any]
ANSWER_SECONDS = 0.8
REMEMBER_SECONDS = 0.7
#: A question that hangs leaves its last answer to grow old.
STALE_SECONDS = 3.0


@dataclass(frozen=True)
class Recalled(Generic[Value]):
    """An answer and its age; no value at all when there never was one."""

    value: Value | None
    age_seconds: float | None
    #: The database does not answer with a newer one.
    is_stale: bool


@dataclass
class _Memory:
    value: Any = None
    at: float | None = None
    is_being_asked: bool = False
    has_failed: bool = False


class Recall:
    """Thread-safe; one per process. A question that hangs is not asked again before it has ended."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._lock = threading.Lock()
        self._memories: dict[str, _Memory] = {}

    def ask(self, **questions: Question) -> dict[str, Recalled[Any]]:
        """The answers by name, within a second; a name always means the same question."""
        due = {name: ask for name, ask in questions.items() if self._is_due(name)}
        within(ANSWER_SECONDS, {name: partial(self._ask, name, question) for name, question in due.items()})
        now = self._clock.elapsed()
        with self._lock:
            return {name: _recalled(self._memories[name], now) for name in questions}

    def _is_due(self, name: str) -> bool:
        with self._lock:
            memory = self._memories.setdefault(name, _Memory())
            is_fresh = memory.at is not None and self._clock.elapsed() - memory.at < REMEMBER_SECONDS
            if memory.is_being_asked or (is_fresh and not memory.has_failed):
                return False
            memory.is_being_asked = True
            return True

    def _ask(self, name: str, question: Question) -> None:
        memory = self._memories[name]
        try:
            with self._database.read() as connection:
                value = question(connection)
            with self._lock:
                memory.value, memory.at, memory.has_failed = value, self._clock.elapsed(), False
        except Unavailable:
            memory.has_failed = True
        finally:
            memory.is_being_asked = False


def _recalled(memory: _Memory, now: float) -> Recalled[Any]:
    age = None if memory.at is None else now - memory.at
    is_old = age is None or age > STALE_SECONDS
    return Recalled(memory.value, age, memory.has_failed or is_old)
