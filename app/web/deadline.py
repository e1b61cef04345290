"""Asking several things at once and not waiting longer than promised."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping
from typing import TypeVar

Result = TypeVar("Result")


def within(seconds: float, questions: Mapping[str, Callable[[], Result]]) -> dict[str, Result]:
    """The answers that came in time. A late question is left to its own timeouts, not waited for."""
    answers: queue.Queue[tuple[str, Result]] = queue.Queue()
    for name, ask in questions.items():
        threading.Thread(target=_put, args=(answers, name, ask), daemon=True, name=f"ask-{name}").start()
    deadline = time.monotonic() + seconds
    found: dict[str, Result] = {}
    while len(found) < len(questions):
        try:
            name, answer = answers.get(timeout=max(deadline - time.monotonic(), 0))
        except queue.Empty:
            break
        found[name] = answer
    return found


def _put(answers: queue.Queue[tuple[str, Result]], name: str, ask: Callable[[], Result]) -> None:
    answers.put((name, ask()))
