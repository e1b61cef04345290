"""The coordinator's one thread: everything in turn, nothing lost, nobody waits for ever."""

import signal
import threading
from datetime import UTC, datetime

import pytest

from app.algorithms.steps import StartTimer, StopTimer
from app.clock import ManualClock, SystemClock
from app.coordination.leadership import Deposed
from app.errors import Unavailable
from tests.moments import no_longer_than
from worker.coordinator.loop import Backgrounds, Loop, Timers


@pytest.fixture
def clock():
    return ManualClock(datetime(2030, 1, 7, 9, tzinfo=UTC))


@pytest.fixture
def loop(clock):
    return Loop(clock)


@pytest.fixture
def running():
    """A loop that runs in a thread."""
    loop = Loop(SystemClock())
    thread = threading.Thread(target=loop.run, daemon=True)
    thread.start()
    yield loop
    loop.stop()
    thread.join(5)


def drain(loop):
    while loop.turn():
        pass


def test_actions_run_in_the_order_they_were_posted(loop):
    done = []
    for number in range(3):
        loop.post(lambda number=number: done.append(number))

    drain(loop)

    assert done == [0, 1, 2]


def test_a_delayed_action_waits_for_its_time(loop, clock):
    done = []
    loop.after(2.0, lambda: done.append("late"))
    loop.after(1.0, lambda: done.append("early"))
    clock.advance(0.9)
    drain(loop)
    assert done == []

    clock.advance(2)
    drain(loop)

    assert done == ["early", "late"]


def test_an_action_that_fails_does_not_stop_the_others(loop):
    done = []
    loop.post(lambda: 1 / 0)
    loop.post(lambda: done.append("after"))

    drain(loop)

    assert done == ["after"]


def test_a_timer_started_again_replaces_the_one_that_runs(loop, clock):
    fired = []
    timers = Timers(loop, lambda event: fired.append(event.name))
    timers.perform(StartTimer("watch", 1.0))
    clock.advance(0.5)
    timers.perform(StartTimer("watch", 1.0))
    clock.advance(0.7)
    drain(loop)
    assert fired == []

    clock.advance(0.4)
    drain(loop)

    assert fired == ["watch"]


def test_a_stopped_timer_does_not_fire(loop, clock):
    fired = []
    timers = Timers(loop, fired.append)
    timers.perform(StartTimer("watch", 1.0))
    timers.perform(StopTimer("watch"))
    clock.advance(5)

    drain(loop)

    assert fired == []


def test_another_thread_gets_the_result_of_what_it_asks(running):
    assert running.ask(lambda: 6 * 7, 5) == 42


def test_what_an_asked_action_raises_reaches_the_asker(running):
    with pytest.raises(ZeroDivisionError):
        running.ask(lambda: 1 / 0, 5)


def test_an_asker_who_gave_up_is_not_served_later(running):
    done, may_go_on = [], threading.Event()
    running.post(lambda: may_go_on.wait(5))

    with pytest.raises(TimeoutError):
        running.ask(lambda: done.append("too late"), 0.05)
    may_go_on.set()

    assert running.ask(lambda: list(done), 5) == []


def test_a_signal_handler_may_post_while_the_loop_waits():
    loop, done = Loop(SystemClock()), []
    before = signal.signal(signal.SIGUSR1, lambda *_: loop.post(lambda: (done.append(1), loop.stop())))
    threading.Timer(0.1, signal.raise_signal, (signal.SIGUSR1,)).start()

    with no_longer_than(5):
        loop.run()

    signal.signal(signal.SIGUSR1, before)
    assert done == [1]


def test_blocking_work_runs_outside_and_its_result_comes_back_into_the_loop(running):
    threads, arrived = {}, threading.Event()
    background = Backgrounds(running)("work")

    def then(result):
        threads["then"], threads["result"] = threading.get_ident(), result
        arrived.set()

    background.submit(lambda: threads.setdefault("work", threading.get_ident()) and "result", then)

    assert arrived.wait(5)
    assert threads["result"] == "result"
    assert threads["work"] != threads["then"]


@pytest.mark.parametrize("error", [Unavailable("away"), Deposed("over"), ValueError("a bug")])
def test_work_that_fails_is_told_to_the_loop_and_the_next_goes_on(running, error):
    told, arrived = [], threading.Event()
    background = Backgrounds(running)("work")

    def fail():
        raise error

    background.submit(fail, None, told.append)
    background.submit(lambda: None, lambda _: arrived.set())

    assert arrived.wait(5)
    assert told == [error]


def test_backgrounds_know_whether_any_is_at_work(running):
    backgrounds, may_end = Backgrounds(running), threading.Event()
    arrived = threading.Event()
    background = backgrounds("work")
    background.submit(lambda: may_end.wait(5), lambda _: arrived.set())
    assert backgrounds.is_at_work

    may_end.set()

    assert arrived.wait(5)
    assert background.waiting == 0
    assert not backgrounds.is_at_work
