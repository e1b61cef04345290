"""Limits for all nodes together in Redis, and each node's share without it (I9; attack 16)."""

import redis

from app.coordination.breaker import Breaker
from app.coordination.connection import connect_redis
from app.coordination.grants import Question
from app.coordination.rates import Rate, Rates

NOWHERE = "redis://127.0.0.1:1/0"
RATE = Rate(10, 60.0)


def rates(url, clock, nodes=3):
    return Rates(connect_redis(url), Breaker(clock), clock, lambda: nodes)


def passed(limiter, caller="a", tries=30):
    return sum(limiter.wait(caller, RATE) == 0 for _ in range(tries))


def test_so_many_pass_and_the_next_is_told_how_long_to_wait(redis_url, clock):
    limiter = rates(redis_url, clock)

    assert passed(limiter) == 10
    assert 5.0 < limiter.wait("a", RATE) <= 6.0


def test_nodes_share_one_count(redis_url, clock):
    one, two = rates(redis_url, clock), rates(redis_url, clock)

    assert passed(one, tries=6) + passed(two) == 10


def test_callers_have_counts_of_their_own(redis_url, clock):
    limiter = rates(redis_url, clock)
    passed(limiter, "a")

    assert passed(limiter, "b") == 10


def test_without_redis_all_nodes_together_let_no_more_through(clock):
    nodes = [rates(NOWHERE, clock) for _ in range(3)]

    assert sum(passed(node) for node in nodes) <= 10


def test_without_redis_what_was_used_up_comes_back_with_time(clock):
    limiter = rates(NOWHERE, clock)
    passed(limiter)

    clock.advance(60)

    assert passed(limiter) == 3


def asked(limiter, monkeypatch):
    """How many tokens each question to Redis was for, in units of the cost."""
    counts = []
    send = limiter._send
    monkeypatch.setattr(limiter, "_send", lambda wanted: counts.extend(n for _, n in wanted) or send(wanted))
    return counts


def test_a_busy_caller_is_granted_some_ahead_and_the_limit_holds_for_all_nodes(redis_url, clock, monkeypatch):
    one, two = rates(redis_url, clock), rates(redis_url, clock)
    counts = asked(one, monkeypatch)
    busy = Rate(1024, 3600.0)

    by_turns = [sum(node.wait("a", busy) == 0 for _ in range(50)) for node in (one, two) * 30]

    # One comes back every three and a half seconds; four more of each node's may be lost.
    assert 1024 - 2 * 4 <= sum(by_turns) <= 1024 + 5
    assert counts[:3] == [1, 5, 5], "who comes once is asked for alone"


def test_what_was_granted_ahead_is_good_for_a_second(redis_url, clock, monkeypatch):
    limiter = rates(redis_url, clock)
    counts = asked(limiter, monkeypatch)
    busy = Rate(1024, 3600.0)
    for _ in range(2):
        limiter.wait("a", busy)

    clock.advance(1)
    limiter.wait("a", busy)
    limiter.wait("a", busy)

    assert counts == [1, 5, 1, 5]


def test_who_asks_together_is_answered_one_by_one_near_the_limit(redis_url, clock):
    limiter = rates(redis_url, clock)
    question = Question("oneslot:rate:a", 6_000_000, 60_000_000)

    told = limiter._ask([question] * 12)

    assert told[:10] == [0] * 10
    assert all(5_000_000 < wait <= 6_000_000 for wait in told[10:])


def test_what_nobody_uses_is_forgotten(redis_url, clock):
    rates(redis_url, clock).wait("a", RATE)

    with redis.Redis.from_url(redis_url) as client:
        assert 0 < client.pttl("oneslot:rate:a") <= 60_000
