"""What waits by itself for something to do is begun again at once, and only while this node leads."""

from types import SimpleNamespace

import pytest

from app.clock import ManualClock
from app.coordination.leadership import Term
from tests.worker.coordinator.lab import START, InlineBackground
from worker.coordinator.leader_work import LeaderWork
from worker.coordinator.loop import Loop


@pytest.fixture
def lead():
    """A node that leads for so many looks at its term; how often it worked in the end."""

    def run(terms, *, at_once_again):
        clock, rounds = ManualClock(START), []
        loop = Loop(clock)
        frame = SimpleNamespace(
            background=lambda name: InlineBackground(loop, name), clock=clock, instant=lambda: "now"
        )
        left = iter([Term("node-1", 1, 9.0)] * terms)
        office = SimpleNamespace(term=lambda _now: next(left, None))
        work = LeaderWork(frame, office, "relay", 0.25, rounds.append, at_once_again=at_once_again)
        work.tick(0.0)
        while loop.turn():
            pass
        return len(rounds)

    return run


def test_the_relay_is_begun_again_when_a_shift_has_ended(lead):
    assert lead(4, at_once_again=True) == 4


def test_other_work_waits_for_its_next_turn(lead):
    assert lead(4, at_once_again=False) == 1


def test_nobody_works_without_a_term(lead):
    assert lead(0, at_once_again=True) == 0
