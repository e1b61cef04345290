"""Hints go on behind the request's back, many at once, and none is kept back without need."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from app.coordination import later
from app.coordination.later import Later
from tests.moments import no_longer_than
from tests.servers import eventually


class Taken:
    """What was handed on, batch by batch."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.go_on = threading.Event()
        self.go_on.set()

    def __call__(self, hints: Sequence[int]) -> None:
        self.batches.append(list(hints))
        self.go_on.wait(10)

    @property
    def hints(self) -> list[int]:
        return [hint for batch in self.batches for hint in batch]


def test_what_gathers_while_it_rests_goes_along() -> None:
    taken = Taken()
    jobs = Later(taken, rest_seconds=0.2)

    for number in range(5):
        jobs.put(number)
    eventually(lambda: len(taken.hints) == 5, what="all of them")

    assert taken.batches == [[0, 1, 2, 3, 4]]


def test_as_much_as_can_go_at_once_waits_for_no_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(later, "MOST_TOGETHER", 3)
    taken = Taken()
    taken.go_on.clear()
    jobs = Later(taken, rest_seconds=1.0)
    jobs.put(0)
    eventually(lambda: taken.batches, what="the first")

    for number in range(1, 7):
        jobs.put(number)
    with no_longer_than(0.8):
        taken.go_on.set()
        eventually(lambda: len(taken.hints) == 7, what="the rest")

    assert taken.batches == [[0], [1, 2, 3], [4, 5, 6]]


def test_a_hint_that_fails_costs_those_with_it_and_no_others() -> None:
    seen: list[list[int]] = []

    def fails_first(hints: Sequence[int]) -> None:
        seen.append(list(hints))
        if len(seen) == 1:
            raise RuntimeError("lost")

    jobs = Later(fails_first)
    jobs.put(1)
    eventually(lambda: seen, what="the first")
    jobs.put(2)
    eventually(lambda: len(seen) == 2, what="the second")

    assert seen == [[1], [2]]
