"""Changes of slots reach a listener with Redis, without it, and when it comes back."""

import json
from itertools import count

import pytest
from redis import Redis

from app.clock import SystemClock
from app.coordination import keys, outbox
from app.coordination.breaker import Breaker
from app.coordination.bus import Doorbell
from app.coordination.changes import LOOK_BACK_SECONDS, Change, ChangeFeed, Missed
from app.coordination.connection import connect_redis
from app.database import Database
from tests.keys import KEYRING
from tests.servers import eventually

NOWHERE = "redis://127.0.0.1:1/0"


@pytest.fixture
def database(database_url):
    database = Database(database_url, keyring=KEYRING)
    yield database
    database.dispose()


@pytest.fixture
def feed_on(database):
    feeds = []

    def make(redis_url, clock=None):
        feeds.append(ChangeFeed(connect_redis(redis_url), database, clock or SystemClock()))
        return feeds[-1]

    yield make
    for feed in feeds:
        feed.close()


def payload(slot_id="5", version=1, **more):
    return {"type": "slot", "id": slot_id, "doctor_id": "1", "state": "HELD", "version": version} | more


def record(database, *payloads, kind="slot"):
    """Commit changes as a booking action does."""
    with database.transaction() as tx:
        for each in payloads:
            outbox.append(tx, "doctor:1", kind, each)


def publish(redis_url, message):
    with Redis.from_url(redis_url) as redis:
        redis.publish(keys.EVENTS_CHANNEL, message if isinstance(message, bytes) else json.dumps(message))


def heard(feed, wanted=1, rounds=40):
    changes = []
    for _ in range(rounds):
        changes += feed.wait(0.1)
        if len(changes) >= wanted:
            break
    return changes


def test_a_published_change_is_heard_without_what_does_not_belong_to_it(feed_on, redis_url):
    feed = feed_on(redis_url)
    feed.wait(0.1)

    publish(redis_url, payload(patient_name="Ann", node="node-1"))

    assert heard(feed) == [Change("5", "doctor:1", "HELD", 1)]
    assert feed.is_live


def seats(*ids, version=1):
    """Of one action, as booking/seat_changes.py writes it."""
    each = [{"id": slot_id, "state": "BOOKED", "version": version} for slot_id in ids]
    return {"type": "seats", "showtime_id": "7", "slots": each}


@pytest.mark.parametrize("is_redis_there", [True, False])
def test_seats_that_changed_together_are_told_one_by_one(feed_on, database, redis_url, is_redis_there):
    feed = feed_on(redis_url if is_redis_there else NOWHERE)
    feed.wait(0.1)

    record(database, seats("1", "2"), kind="slots")
    if is_redis_there:
        publish(redis_url, seats("1", "2"))

    assert heard(feed, 2) == [Change(each, "showtime:7", "BOOKED", 1) for each in ("1", "2")]


def test_of_slots_that_were_made_many_at_once_nobody_is_told_one_by_one(feed_on, database):
    made = {"type": "slots", "doctor_id": "1", "slots": [{"id": "1", "state": "OPEN", "version": 1}]}

    record(database, made, kind="slots")

    assert heard(feed_on(NOWHERE), rounds=3) == []


def test_what_was_committed_together_is_one_message_and_heard_in_order(feed_on, redis_url):
    feed = feed_on(redis_url)
    feed.wait(0.1)
    with Redis.from_url(redis_url) as redis, redis.pubsub() as listener:
        listener.subscribe(keys.EVENTS_CHANNEL)
        listener.get_message(timeout=5)

        Doorbell(redis, Breaker(SystemClock())).publish([payload(version=version) for version in (1, 2, 3)])

        assert len(json.loads(listener.get_message(timeout=5)["data"])) == 3
    assert heard(feed, 3) == [Change("5", "doctor:1", "HELD", version) for version in (1, 2, 3)]


def test_messages_that_wait_are_taken_in_together(feed_on, redis_url):
    feed = feed_on(redis_url)
    feed.wait(0.1)
    for version in (1, 2, 3):
        publish(redis_url, payload(version=version))
    eventually(lambda: feed._pubsub.connection.can_read(0.1), what="the messages")

    rounds = [feed.wait(0.1) for _ in range(3)]

    assert max(len(changes) for changes in rounds) > 1
    assert [change for changes in rounds for change in changes] == [
        Change("5", "doctor:1", "HELD", version) for version in (1, 2, 3)
    ]


@pytest.mark.parametrize(
    "noise",
    [
        b"{",
        b"[]",
        b"5",
        b"[5, []]",
        b'{"type": "other"}',
        b'{"type": "seats"}',
        b'{"type": "slot", "id": "5"}',
    ],
)
def test_a_message_that_is_no_slot_change_is_passed_over(feed_on, redis_url, noise):
    feed = feed_on(redis_url)
    feed.wait(0.1)

    publish(redis_url, noise)
    publish(redis_url, payload())

    assert heard(feed) == [Change("5", "doctor:1", "HELD", 1)]


def test_without_redis_the_outbox_is_read(feed_on, database):
    feed = feed_on(NOWHERE)
    feed.wait(0.01)

    record(database, payload(version=1), payload(version=2))

    assert heard(feed, 2) == [Change("5", "doctor:1", "HELD", 1), Change("5", "doctor:1", "HELD", 2)]
    assert not feed.is_live


def test_the_first_call_tells_what_was_committed_just_before(feed_on, database, redis_url):
    record(database, payload())

    assert feed_on(redis_url).wait(0.1) == [Change("5", "doctor:1", "HELD", 1)]


def test_what_both_ways_bring_is_told_once(feed_on, database, redis_url):
    feed = feed_on(redis_url)
    record(database, payload())
    feed.wait(0.1)

    publish(redis_url, payload())

    assert heard(feed, rounds=5) == []


def test_a_killed_redis_costs_no_change_and_is_used_again_when_it_is_back(feed_on, database, own_redis):
    feed = feed_on(own_redis.url)
    feed.wait(0.1)
    own_redis.kill()

    record(database, payload(version=1))
    while_away = heard(feed)
    own_redis.restart()
    eventually(lambda: feed.wait(0.05) or feed.is_live, what="listening again")
    publish(own_redis.url, payload(version=2))

    assert while_away == [Change("5", "doctor:1", "HELD", 1)]
    assert heard(feed) == [Change("5", "doctor:1", "HELD", 2)]


def test_a_hanging_redis_is_noticed_by_its_silence(feed_on, database, own_redis):
    feed = feed_on(own_redis.url)
    feed.wait(0.1)

    own_redis.freeze()
    record(database, payload())
    changes = heard(feed, rounds=80)
    own_redis.thaw()

    assert changes == [Change("5", "doctor:1", "HELD", 1)]


def test_a_quiet_redis_is_not_taken_for_a_hanging_one(feed_on, redis_url):
    class HurryingClock(SystemClock):
        """Each look at the clock is half a second after the one before."""

        def __init__(self):
            self._looks = count()

        def elapsed(self):
            return next(self._looks) * 0.5

    feed = feed_on(redis_url, HurryingClock())
    for _ in range(60):
        feed.wait(0.02)

    assert feed.is_live


def test_who_was_cut_off_for_longer_than_the_outbox_is_read_back_is_told(feed_on):
    class ClockAfterALongOutage(SystemClock):
        is_later = False

        def elapsed(self):
            return super().elapsed() + (LOOK_BACK_SECONDS + 1 if self.is_later else 0)

    clock = ClockAfterALongOutage()
    feed = feed_on(NOWHERE, clock)
    feed.wait(0.01)
    clock.is_later = True

    assert [type(each) for each in feed.wait(0.01)] == [Missed]


def test_with_both_away_nothing_is_heard_and_nothing_breaks(redis_url):
    gone = Database("postgresql+psycopg://nobody@127.0.0.1:1/none")
    feed = ChangeFeed(connect_redis(NOWHERE), gone, SystemClock())

    assert feed.wait(0.01) == []
    gone.dispose()
