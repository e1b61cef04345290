"""Slot locks on a real server: who may try, in which turn, and what a lost or wrong server does to that."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from redis import Redis

from app.clock import ManualClock, SystemClock
from app.coordination import keys
from app.coordination.breaker import PROBE_SECONDS, Breaker
from app.coordination.locks import Lease, LockedOut, SlotLocks
from tests.moments import no_longer_than
from tests.servers import RunningRedis, eventually

TTL_MS = 120_000


@pytest.fixture
def redis(connect: Callable[[str], Redis], redis_url: str) -> Redis:
    return connect(redis_url)


@pytest.fixture
def locks(redis: Redis) -> SlotLocks:
    return SlotLocks(redis, Breaker(SystemClock()))


def granted(answer: Lease | LockedOut | None) -> Lease:
    assert isinstance(answer, Lease), answer
    return answer


def test_a_free_slot_is_granted_with_a_fence(locks: SlotLocks) -> None:
    lease = granted(locks.acquire([7], "anna", TTL_MS))

    assert lease == Lease("anna", {7: 1}, frozenset({7}))


def test_another_owner_is_locked_out_and_hears_for_how_long(locks: SlotLocks) -> None:
    locks.acquire([7], "anna", TTL_MS)

    answer = locks.acquire([7], "bo", TTL_MS)

    assert isinstance(answer, LockedOut)
    assert answer.slot_id == 7
    assert TTL_MS - 5_000 < answer.ms_left <= TTL_MS


def test_asking_again_after_a_lost_reply_gives_the_same_fence(locks: SlotLocks) -> None:
    first = granted(locks.acquire([7], "anna", TTL_MS))

    again = granted(locks.acquire([7], "anna", TTL_MS))

    assert again.fences == first.fences
    assert again.new == frozenset()


def test_asking_again_starts_the_time_again(locks: SlotLocks, redis: Redis) -> None:
    locks.acquire([7], "anna", 1_000)

    locks.acquire([7], "anna", TTL_MS)

    assert redis.pttl(keys.slot_hold(7)) > 1_000


def test_fences_only_rise_from_owner_to_owner(locks: SlotLocks) -> None:
    fences = []
    for owner in ("anna", "bo", "anna", "cy"):
        lease = granted(locks.acquire([7], owner, TTL_MS))
        fences.append(lease.fences[7])
        locks.release(lease.fences)

    assert fences == [1, 2, 3, 4]


def test_a_released_slot_is_free_for_the_next(locks: SlotLocks) -> None:
    locks.release(granted(locks.acquire([7], "anna", TTL_MS)).fences)

    assert granted(locks.acquire([7], "bo", TTL_MS)).new == {7}


def test_a_late_release_does_not_take_the_next_owners_lock(locks: SlotLocks, redis: Redis) -> None:
    slept = granted(locks.acquire([7], "anna", TTL_MS))
    redis.delete(keys.slot_hold(7))  # its time ran out
    current = granted(locks.acquire([7], "bo", TTL_MS))

    locks.release(slept.fences)

    assert granted(locks.acquire([7], "bo", TTL_MS)).fences == current.fences
    assert isinstance(locks.acquire([7], "cy", TTL_MS), LockedOut)


def test_a_lock_ends_by_itself(locks: SlotLocks) -> None:
    locks.acquire([7], "anna", 40)

    lease = eventually(lambda: isinstance(answer := locks.acquire([7], "bo", TTL_MS), Lease) and answer, 2)

    assert lease.fences == {7: 2}


def test_several_slots_are_granted_all_or_none(locks: SlotLocks) -> None:
    locks.acquire([8], "anna", TTL_MS)

    refused = locks.acquire([9, 7, 8], "bo", TTL_MS)

    assert isinstance(refused, LockedOut)
    assert refused.slot_id == 8
    assert granted(locks.acquire([7, 9], "cy", TTL_MS)).new == {7, 9}


def test_who_wants_nothing_more_is_granted_that_without_redis(connect: Callable[[str], Redis]) -> None:
    locks = SlotLocks(connect("redis://127.0.0.1:1/0"), Breaker(SystemClock()))

    assert granted(locks.acquire([], "anna", TTL_MS)).fences == {}


def test_several_slots_cost_one_round_trip(locks: SlotLocks, redis: Redis) -> None:
    locks.acquire([6], "anna", TTL_MS)
    before = redis.info("commandstats")["cmdstat_evalsha"]["calls"]

    locks.acquire([9, 7, 8], "bo", TTL_MS)

    assert redis.info("commandstats")["cmdstat_evalsha"]["calls"] == before + 1


def test_a_refusal_leaves_what_the_owner_had_before(locks: SlotLocks) -> None:
    locks.acquire([7], "anna", TTL_MS)
    locks.acquire([8], "bo", TTL_MS)

    assert isinstance(locks.acquire([7, 8], "anna", TTL_MS), LockedOut)

    assert isinstance(locks.acquire([7], "cy", TTL_MS), LockedOut)


def test_a_flushed_server_continues_above_the_floor(locks: SlotLocks, redis: Redis) -> None:
    locks.acquire([7], "anna", TTL_MS)
    redis.flushall()

    lease = granted(locks.acquire([7], "bo", TTL_MS, {7: 41}))

    assert lease.fences == {7: 42}


def test_an_own_lock_that_is_not_above_the_floor_gets_a_new_fence(locks: SlotLocks, redis: Redis) -> None:
    locks.acquire([7], "anna", TTL_MS)  # a server that forgot what it gave before

    lease = granted(locks.acquire([7], "anna", TTL_MS, {7: 41}))

    assert lease.fences == {7: 42}
    assert lease.new == frozenset({7})


def test_a_floor_below_the_counter_changes_nothing(locks: SlotLocks) -> None:
    for owner in ("anna", "bo"):
        locks.release(granted(locks.acquire([7], owner, TTL_MS, {7: 10})).fences)

    assert granted(locks.acquire([7], "cy", TTL_MS, {7: 3})).fences == {7: 13}


def test_an_owner_may_have_any_name(locks: SlotLocks) -> None:
    """An owner holds a client's Idempotency-Key, and that may hold our separator."""
    lease = granted(locks.acquire([7], "scope/a|b", TTL_MS))

    assert isinstance(locks.acquire([7], "scope/a", TTL_MS), LockedOut)
    assert granted(locks.acquire([7], "scope/a|b", TTL_MS)).fences == lease.fences
    locks.release(lease.fences)
    assert granted(locks.acquire([7], "scope/a", TTL_MS)).new == {7}


def test_nothing_stays_in_redis_for_good(locks: SlotLocks, redis: Redis) -> None:
    """Anybody can ask for any slot number, and the server must not fill up with them."""
    locks.acquire([7, 987654321], "anna", TTL_MS)

    lifetimes = [redis.pttl(key) for key in redis.scan_iter()]

    assert len(lifetimes) == 4
    assert min(lifetimes) > 0


def test_a_key_of_another_kind_is_no_answer_and_no_crash(locks: SlotLocks, redis: Redis) -> None:
    redis.lpush(keys.slot_hold(7), "not a lock")

    assert locks.acquire([7], "anna", TTL_MS) is None


def test_a_server_that_is_not_there_is_no_answer(connect: Callable[[str], Redis]) -> None:
    breaker = Breaker(SystemClock())
    locks = SlotLocks(connect("redis://127.0.0.1:1/0"), breaker)

    answers = [locks.acquire([7], "anna", TTL_MS), locks.acquire([7], "anna", TTL_MS)]

    assert answers == [None, None]
    assert breaker.is_open


def test_a_frozen_server_costs_half_a_second_once_and_is_used_again_when_it_thaws(
    connect: Callable[[str], Redis], own_redis: RunningRedis, clock: ManualClock
) -> None:
    breaker = Breaker(clock)
    locks = SlotLocks(connect(own_redis.url), breaker)
    before = granted(locks.acquire([7], "anna", TTL_MS))
    own_redis.freeze()

    with no_longer_than(0.8):  # two waits of a quarter second, then none
        answers = [locks.acquire([8, 9], "bo", TTL_MS) for _ in range(5)]
    was_open = breaker.is_open
    own_redis.thaw()
    clock.advance(PROBE_SECONDS)
    after = eventually(lambda: locks.acquire([7], "anna", TTL_MS) or clock.advance(PROBE_SECONDS), 5)

    assert answers == [None] * 5
    assert was_open
    assert after.fences == before.fences
    assert not breaker.is_open
