"""Several questions at once, and no waiting beyond the promise."""

import threading

from app.web.deadline import within
from tests.moments import no_longer_than


def test_all_answers_that_come_in_time_are_given():
    assert within(5, {"one": lambda: 1, "two": lambda: 2}) == {"one": 1, "two": 2}


def test_a_question_that_hangs_delays_nobody_beyond_the_deadline():
    forever = threading.Event()

    with no_longer_than(1):
        found = within(0.1, {"quick": lambda: True, "hanging": forever.wait})

    assert found == {"quick": True}
    forever.set()


def test_questions_are_asked_at_the_same_time():
    both = threading.Barrier(2, timeout=5)

    found = within(5, {"one": both.wait, "two": both.wait})

    assert sorted(found.values()) == [0, 1]


def test_no_questions_have_no_answers():
    assert within(5, {}) == {}
