"""Logical time that never goes back, whatever restarts and however many processes share a node's name."""

from __future__ import annotations

from app.coordination import stamps
from app.coordination.stamps import Stamper
from app.database import Database
from tests.together import together


def stamper(database: Database, node_id: str = "node-1") -> Stamper:
    return Stamper(database, node_id, "http://127.0.0.1:0")


def test_stamps_rise_and_name_their_node(database: Database) -> None:
    clock = stamper(database)

    first, second = clock.stamp(), clock.stamp()

    assert first.lamport < second.lamport
    assert second.vector == {"node-1": second.lamport}


def test_a_restarted_node_goes_on_above_what_it_used(database: Database) -> None:
    before = stamper(database).stamp()

    after = stamper(database).stamp()

    assert after.lamport > before.lamport


def test_processes_of_one_node_never_share_a_stamp(database: Database) -> None:
    processes = [stamper(database) for _ in range(4)]

    used = together([lambda one=one: [one.stamp().lamport for _ in range(50)] for one in processes])

    every = [lamport for stamps_of_one in used for lamport in stamps_of_one]
    assert len(set(every)) == len(every)


def test_a_used_up_block_is_followed_by_a_new_one(database: Database) -> None:
    busy, other = stamper(database), stamper(database)

    first = [busy.stamp().lamport for _ in range(stamps.BLOCK)]
    between = other.stamp().lamport
    second = busy.stamp().lamport

    assert first == list(range(1, stamps.BLOCK + 1))
    assert between > first[-1]
    assert second > between


def test_what_was_seen_comes_before_what_follows(database: Database) -> None:
    clock = stamper(database)

    clock.observe(50_000, {"node-2": 50_000})
    stamp = clock.stamp()

    assert stamp.lamport > 50_000
    assert stamp.vector == {"node-1": stamp.lamport, "node-2": 50_000}


def test_what_others_say_of_our_own_time_is_not_believed(database: Database) -> None:
    clock = stamper(database)

    clock.observe(3, {"node-1": 999_999})

    assert clock.stamp().vector["node-1"] < 999_999
