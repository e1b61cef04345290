"""Lets several actions begin at the same instant."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

from app.errors import Refusal, Unavailable

Outcome = Any  # what the action returned, or the Refusal or Unavailable it raised


def together(actions: Sequence[Callable[[], Any]]) -> list[Outcome]:
    """How each ended, in their order; anything but an answer of the product fails the test."""
    start = Barrier(len(actions))

    def run(action: Callable[[], Any]) -> Outcome:
        start.wait(timeout=30)
        return outcome_of(action)

    with ThreadPoolExecutor(len(actions)) as pool:
        return list(pool.map(run, actions))


def outcome_of(action: Callable[[], Any]) -> Outcome:
    try:
        return action()
    except (Refusal, Unavailable) as ending:
        return ending
