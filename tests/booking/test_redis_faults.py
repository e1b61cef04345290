"""Redis may be away, frozen, empty or wrong: bookings go on, and nobody is refused without cause."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from redis import Redis

from app.booking import claims, glance
from app.booking.actions import GUEST, Claim, cancel_booking, hold_slot
from app.booking.errors import BookingConflict
from app.coordination import keys
from app.coordination.locks import Lease, LockedOut, SlotLocks
from app.idempotency import RequestKey
from tests.booking.conftest import ANNA, NO_REDIS, Desk, owner_of
from tests.booking.promises import broken_promises
from tests.moments import no_longer_than
from tests.servers import RunningRedis
from tests.together import together


@pytest.fixture(autouse=True)
def _nobody_books_in_a_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """These are about the way that goes through the lock; in batches there is none."""
    monkeypatch.setattr(claims, "book_with_others", lambda *_: None)


@pytest.fixture
def redis(redis_url: str) -> Any:
    with Redis.from_url(redis_url) as client:
        yield client


class DealtLocks(SlotLocks):
    """Deals out the leases it was given, whatever the truth; then asks the real locks."""

    def __init__(self, real: SlotLocks, *leases: Lease) -> None:
        self._real = real
        self._leases = list(leases)

    def acquire(
        self, slot_ids: Sequence[int], owner: str, ttl_ms: int, floors: Mapping[int, int] | None = None
    ) -> Lease | LockedOut | None:
        return self._leases.pop(0) if self._leases else self._real.acquire(slot_ids, owner, ttl_ms, floors)

    def release(self, fences: Mapping[int, int]) -> None:
        self._real.release(fences)


def with_leases(desk: Desk, *leases: Lease) -> Desk:
    return replace(desk, engine=replace(desk.engine, locks=DealtLocks(desk.engine.locks, *leases)))


def lease(slot_id: int, fence: int) -> Lease:
    return Lease("dealt", {slot_id: fence}, frozenset({slot_id}))


def book_and_cancel(desk: Desk, slot_id: int) -> int:
    """The fence under which the slot was booked."""
    booking = desk.book(slot_id)
    cancel_booking(desk.engine, uuid.UUID(booking["id"]), owner_of(booking))
    return int(booking["fence"])


def test_without_redis_the_database_keeps_the_promise_alone(
    make_desk: Callable[..., Desk], database_url: str
) -> None:
    desk = make_desk(database_url, redis=NO_REDIS)
    slot = desk.add_slot()

    booking = desk.book(slot)

    assert booking["status"] == "CONFIRMED"
    with pytest.raises(BookingConflict) as caught:
        desk.book(slot)
    assert caught.value.extras["reason"] == "SLOT_TAKEN"


def test_a_frozen_redis_costs_half_a_second_once(
    make_desk: Callable[..., Desk], sqlite_url: str, own_redis: RunningRedis
) -> None:
    desk = make_desk(sqlite_url, redis=own_redis.url)
    slots = [desk.add_slot(24 + number) for number in range(4)]
    desk.book(slots[0])
    own_redis.freeze()

    with no_longer_than(1.5):
        bookings = [desk.book(slot) for slot in slots[1:]]
    own_redis.thaw()

    assert [booking["status"] for booking in bookings] == ["CONFIRMED"] * 3
    assert broken_promises(desk.database) == []


def test_fences_rise_through_a_redis_that_dies_returns_and_is_emptied(
    make_desk: Callable[..., Desk], sqlite_url: str, own_redis: RunningRedis
) -> None:
    desk = make_desk(sqlite_url, redis=own_redis.url)
    slot = desk.add_slot()
    fences = [book_and_cancel(desk, slot) for _ in range(3)]

    own_redis.kill()
    fences += [book_and_cancel(make_desk(sqlite_url, redis=own_redis.url), slot) for _ in range(3)]
    own_redis.restart()
    fences.append(book_and_cancel(make_desk(sqlite_url, redis=own_redis.url), slot))
    with Redis.from_url(own_redis.url) as client:
        client.flushall()
    fences.append(book_and_cancel(make_desk(sqlite_url, redis=own_redis.url), slot))

    assert fences == sorted(set(fences))
    assert broken_promises(desk.database) == []


def test_a_lock_that_lies_refuses_nobody(desk: Desk, redis: Redis) -> None:
    slot = desk.add_slot()
    redis.set(keys.slot_hold(slot), "somebody|99")

    assert desk.book(slot)["status"] == "CONFIRMED"


@pytest.mark.parametrize("rubbish", ["", "rubbish", "owner|", "|", "owner|nine"])
def test_rubbish_in_the_place_of_a_lock_refuses_nobody(
    desk: Desk, redis: Redis, rubbish: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(glance, "PAUSES_SECONDS", (0.0,))
    slot = desk.add_slot()
    redis.set(keys.slot_hold(slot), rubbish)

    assert desk.book(slot)["status"] == "CONFIRMED"


def test_a_lock_given_twice_with_one_fence_has_one_winner(
    make_desk: Callable[..., Desk], postgres_url: str
) -> None:
    first = make_desk(postgres_url)
    slot = first.add_slot()
    nodes = [first, *(make_desk(postgres_url, doctor_id=first.doctor_id) for _ in range(3))]

    outcomes = together([lambda desk=desk: with_leases(desk, lease(slot, 7)).book(slot) for desk in nodes])

    winners = [outcome for outcome in outcomes if isinstance(outcome, dict)]
    losers = [outcome for outcome in outcomes if not isinstance(outcome, dict)]
    assert len(winners) == 1
    assert {loser.extras["reason"] for loser in losers} == {"SLOT_TAKEN"}
    assert broken_promises(first.database) == []


def test_a_contender_with_old_fences_alone_claims_as_without_redis_and_never_under_them(desk: Desk) -> None:
    slot = desk.add_slot()
    slept = lease(slot, 3)
    current = book_and_cancel(with_leases(desk, lease(slot, 8)), slot)

    booking = with_leases(desk, slept, slept).book(slot)

    assert booking["fence"] > current


def test_a_contender_that_slept_through_its_turn_gets_a_new_one(desk: Desk) -> None:
    slot = desk.add_slot()
    slept = lease(slot, 3)
    current = book_and_cancel(with_leases(desk, lease(slot, 8)), slot)

    booking = with_leases(desk, slept).book(slot)

    assert booking["fence"] > current


def test_a_new_turn_for_one_of_several_slots_is_a_new_turn_for_all(desk: Desk, redis: Redis) -> None:
    fresh, used = desk.add_slot(24), desk.add_slot(25)
    book_and_cancel(desk, used)
    redis.flushall()

    booking = hold_slot(desk.engine, Claim((fresh, used), ANNA), GUEST).value

    assert [slot["id"] for slot in booking["slots"]] == [str(fresh), str(used)]


def test_a_refused_contender_leaves_no_lock_behind(desk: Desk, redis: Redis) -> None:
    slot = desk.add_slot()
    desk.book(slot)
    redis.flushall()

    with pytest.raises(BookingConflict):
        desk.book(slot)

    assert not redis.exists(keys.slot_hold(slot))


def test_a_replayed_answer_leaves_no_lock_behind(desk: Desk, redis: Redis) -> None:
    slot = desk.add_slot()
    request = RequestKey.of("guest", "key-1", {"slot_id": slot})
    desk.book(slot, request=request)
    redis.flushall()

    desk.book(slot, request=request)

    assert not redis.exists(keys.slot_hold(slot))


def test_a_cancelled_booking_takes_its_lock_with_it(desk: Desk, redis: Redis) -> None:
    slot = desk.add_slot()
    booking = desk.book(slot)
    held_before = redis.exists(keys.slot_hold(slot))

    cancel_booking(desk.engine, uuid.UUID(booking["id"]), owner_of(booking))

    assert held_before
    assert not redis.exists(keys.slot_hold(slot))


def test_a_redis_that_refuses_to_write_does_not_stop_a_booking(
    make_desk: Callable[..., Desk], sqlite_url: str, own_redis: RunningRedis
) -> None:
    desk = make_desk(sqlite_url, redis=own_redis.url)
    with Redis.from_url(own_redis.url) as client:
        client.config_set("maxmemory", "1")

    assert desk.book(desk.add_slot())["status"] == "CONFIRMED"
