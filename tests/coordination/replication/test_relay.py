"""What was committed reaches the bus once and in order, whatever happens to relays and to Redis (K11)."""

from __future__ import annotations

import threading

import pytest
from redis import Redis

from app.coordination import keys, outbox
from app.coordination.leadership import Deposed, Term
from app.coordination.replication import relay as relays
from app.coordination.replication.unpublished import TAIL, Unpublished
from tests.coordination.replication.conftest import Site


def append(site: Site, stream: str = "doctor:1", times: int = 1) -> None:
    with site.database.transaction() as tx:
        for _ in range(times):
            outbox.append(tx, stream, "test", {"n": 1})


def numbers(redis_url: str, stream: str = "doctor:1") -> list[int]:
    with Redis.from_url(redis_url) as redis:
        return [int(number.split(b"-")[0]) for number, _ in redis.xrange(keys.bus_stream(stream))]


def test_every_change_is_published_under_its_own_number(site: Site) -> None:
    append(site, times=3)

    site.relay_everything()

    assert numbers(site.redis_url) == [1, 2, 3]
    assert site.bus().heads() == {"doctor:1": 3}


def test_a_relay_that_restarts_goes_on_where_redis_is(site: Site) -> None:
    append(site)
    site.relay_everything()
    append(site)

    site.relay().catch_up(site.term)

    assert numbers(site.redis_url) == [1, 2]


def test_two_relays_at_once_publish_every_change_once(site: Site) -> None:
    append(site, times=TAIL)
    both = [threading.Thread(target=site.relay().catch_up, args=(site.term,)) for _ in range(2)]

    for thread in both:
        thread.start()
    for thread in both:
        thread.join()

    assert numbers(site.redis_url) == list(range(1, TAIL + 1))


def test_a_relay_with_an_old_view_takes_nothing_back(site: Site) -> None:
    append(site, times=2)
    with site.database.read() as connection:
        first = outbox.records_after(connection, {"doctor:1": 0}, 1)
    old, _ = relays.plan(Unpublished(first, [], {}, is_all=True))
    site.relay_everything()

    site.bus().publish(old)

    assert numbers(site.redis_url) == [1, 2]
    assert site.bus().heads() == {"doctor:1": 2}


def test_a_deposed_leader_publishes_nothing(site: Site) -> None:
    append(site)

    with pytest.raises(Deposed):
        site.relay().catch_up(Term("node-1", 0, float("inf")))

    assert numbers(site.redis_url) == []


def test_what_was_committed_during_an_outage_of_redis_follows(site_on, postgres_url, own_redis) -> None:
    site = site_on(postgres_url, own_redis.url)
    relay = site.relay()
    append(site)
    relay.catch_up(site.term)
    own_redis.kill()
    append(site)
    relay.catch_up(site.term)

    own_redis.restart()
    relay.catch_up(site.term)

    assert numbers(own_redis.url)[-1] == 2


def test_an_emptied_redis_gets_the_end_of_every_stream(site: Site) -> None:
    append(site, times=TAIL + 5)
    site.relay_everything()
    with Redis.from_url(site.redis_url) as redis:
        redis.flushall()

    site.relay_everything()

    assert numbers(site.redis_url) == list(range(6, TAIL + 6))


def test_more_than_one_batch_is_published_completely(site: Site, monkeypatch) -> None:
    monkeypatch.setattr(relays, "RECORDS_AT_ONCE", 4)
    append(site, "doctor:1", 7)
    append(site, "doctor:2", 6)
    site.beat()

    site.relay_everything()

    assert numbers(site.redis_url, "doctor:1") == list(range(1, 8))
    assert numbers(site.redis_url, "doctor:2") == list(range(1, 7))
    assert numbers(site.redis_url, "heartbeat") == [1]


def test_the_heartbeat_waits_for_everything_before_it() -> None:
    record, beat = (outbox.Record(stream, 9, "test", {}, 0.0) for stream in ("doctor:1", "heartbeat"))

    more_to_come = relays.plan(Unpublished([record], [beat], {"doctor:2": 3}, is_all=False))
    everything = relays.plan(Unpublished([record], [beat], {}, is_all=True))

    assert [[batch.stream for batch in batches] for batches in more_to_come] == [["doctor:1", "doctor:2"], []]
    assert [[batch.stream for batch in batches] for batches in everything] == [["doctor:1"], ["heartbeat"]]


def test_more_trimmed_streams_than_fit_into_a_look_are_all_told_of(site: Site, monkeypatch) -> None:
    monkeypatch.setattr(relays, "RECORDS_AT_ONCE", 2)
    for number in range(1, 6):
        append(site, f"doctor:{number}")
    with site.database.transaction() as tx:
        tx.exec_driver_sql("DELETE FROM outbox WHERE stream <> 'doctor:5'")

    site.relay_everything()

    assert site.bus().heads() == {f"doctor:{number}": 1 for number in range(1, 6)}


def test_what_was_seen_is_one_moment_and_locks_nothing(site_on, postgres_url, redis_url) -> None:
    """So a new term need not wait for a relay."""
    site = site_on(postgres_url, redis_url)
    append(site)

    with site.database.transaction() as tx:
        tx.exec_driver_sql("SELECT 1 FROM leader_state FOR UPDATE")
        site.relay_everything()

    assert numbers(redis_url) == [1]


def test_a_stream_whose_entries_were_trimmed_is_told_of_all_the_same(site: Site) -> None:
    append(site, times=2)
    with site.database.transaction() as tx:
        tx.exec_driver_sql("DELETE FROM outbox")

    site.relay_everything()

    assert numbers(site.redis_url) == []
    assert site.bus().heads() == {"doctor:1": 2}


def test_old_entries_are_trimmed_and_heartbeats_sooner(site: Site) -> None:
    append(site, times=2)
    site.beat()
    site.beat()
    with site.database.transaction() as tx:
        long_ago = "'2020-01-01 00:00:00'"
        tx.exec_driver_sql(f"UPDATE outbox SET created_at = {long_ago} WHERE seq = 1")

    trimmed = site.database.run(lambda tx: outbox.trim(tx, 100))

    with site.database.read() as connection:
        left = outbox.records_after(connection, {"doctor:1": 0, "heartbeat": 0}, 10)
    assert trimmed == 2
    assert [(record.stream, record.seq) for record in left] == [("doctor:1", 2), ("heartbeat", 2)]


def test_what_is_committed_in_one_breath_is_one_round(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    relay, breaths = site.relay(), []
    append(site)

    def breathe(seconds: float) -> None:
        breaths.append(seconds)
        append(site, times=2)

    monkeypatch.setattr(relays.time, "sleep", breathe)
    monkeypatch.setattr(relays, "SHIFT_SECONDS", 0.001)

    relay.run(site.term)

    assert breaths == [relays.BREATH_SECONDS]
    assert (relay.published, relay.catch_up(site.term), relay.catch_up(site.term)) == (1, 2, 0)
