"""Questions to the database whose last answers are kept: shown with their age while it is away."""

from __future__ import annotations

import threading
from collections import OrderedDict
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
MOST_MEMORIES = 64


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
        self._memories: OrderedDict[str, _Memory] = OrderedDict()

    def ask(self, **questions: Question) -> dict[str, Recalled[Any]]:
        """The answers by name, within a second; a name always means the same question."""
        memories = {name: self._remember(name) for name in questions}
        due = {name: memory for name, memory in memories.items() if self._is_due(memory)}
        within(
            ANSWER_SECONDS,
            {name: partial(self._ask, memory, questions[name]) for name, memory in due.items()},
        )
        now = self._clock.elapsed()
        with self._lock:
            return {name: _recalled(memory, now) for name, memory in memories.items()}

    def _remember(self, name: str) -> _Memory:
        with self._lock:
            memory = self._memories.setdefault(name, _Memory())
            self._memories.move_to_end(name)
            while len(self._memories) > MOST_MEMORIES:
                self._memories.popitem(last=False)
            return memory

    def _is_due(self, memory: _Memory) -> bool:
        with self._lock:
            is_fresh = memory.at is not None and self._clock.elapsed() - memory.at < REMEMBER_SECONDS
            if memory.is_being_asked or (is_fresh and not memory.has_failed):
                return False
            memory.is_being_asked = True
            return True

    def _ask(self, memory: _Memory, question: Question) -> None:
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
