"""The breaker: two failures open it, one success closes it, one probe a second in between."""

from __future__ import annotations

import pytest
from redis.exceptions import ConnectionError as NoConnection
from redis.exceptions import RedisError, ResponseError
from redis.exceptions import TimeoutError as NoAnswer

from app.clock import ManualClock
from app.coordination.breaker import PROBE_SECONDS, Breaker


class Server:
    """Answers, or fails with what it was told to fail with; counts how often it was asked."""

    def __init__(self) -> None:
        self.failure: RedisError | None = None
        self.asked = 0

    def __call__(self) -> str:
        self.asked += 1
        if self.failure:
            raise self.failure
        return "answer"


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def breaker(clock: ManualClock) -> Breaker:
    return Breaker(clock)


def fail(breaker: Breaker, server: Server, times: int) -> None:
    server.failure = NoAnswer("no answer")
    for _ in range(times):
        breaker.call(server)


def test_an_answer_passes_through(breaker: Breaker, server: Server) -> None:
    assert breaker.call(server) == "answer"
    assert not breaker.is_open


@pytest.mark.parametrize("failure", [NoAnswer("late"), NoConnection("refused"), ResponseError("OOM")])
def test_two_failures_in_a_row_open_it(breaker: Breaker, server: Server, failure: RedisError) -> None:
    server.failure = failure

    answers = [breaker.call(server), breaker.call(server)]

    assert answers == [None, None]
    assert breaker.is_open
    assert breaker.times_opened == 1


def test_one_failure_between_successes_is_forgiven(breaker: Breaker, server: Server) -> None:
    for _ in range(3):
        fail(breaker, server, times=1)
        server.failure = None
        breaker.call(server)

    assert not breaker.is_open


def test_while_it_is_open_the_server_is_not_asked(breaker: Breaker, server: Server) -> None:
    fail(breaker, server, times=2)

    answers = [breaker.call(server) for _ in range(10)]

    assert answers == [None] * 10
    assert server.asked == 2


def test_it_probes_once_a_second(breaker: Breaker, server: Server, clock: ManualClock) -> None:
    fail(breaker, server, times=2)

    for _ in range(3):
        clock.advance(PROBE_SECONDS)
        breaker.call(server)
        breaker.call(server)

    assert server.asked == 2 + 3
    assert breaker.is_open


def test_a_probe_that_succeeds_closes_it(breaker: Breaker, server: Server, clock: ManualClock) -> None:
    fail(breaker, server, times=2)
    server.failure = None
    clock.advance(PROBE_SECONDS)

    answers = [breaker.call(server), breaker.call(server)]

    assert answers == ["answer", "answer"]
    assert not breaker.is_open


def test_it_opens_again_after_it_closed(breaker: Breaker, server: Server, clock: ManualClock) -> None:
    fail(breaker, server, times=2)
    server.failure = None
    clock.advance(PROBE_SECONDS)
    breaker.call(server)

    fail(breaker, server, times=2)

    assert breaker.is_open
    assert breaker.times_opened == 2


def test_a_mistake_of_ours_is_not_a_failure_of_redis(breaker: Breaker) -> None:
    def mistake() -> None:
        raise ValueError("a bug")

    for _ in range(2):
        with pytest.raises(ValueError, match="a bug"):
            breaker.call(mistake)

    assert not breaker.is_open
