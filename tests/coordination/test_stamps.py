"""Logical time that never goes back, whatever restarts and however many processes share a node's name."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from app.algorithms.logical_clocks import HybridStamp
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


def test_a_change_of_the_bus_comes_before_what_is_done_after_it_arrived(database: Database) -> None:
    here, there = stamper(database, "node-1"), stamper(database, "node-2")
    for _ in range(40):
        cause = there.stamp()

    here.receive_change({"type": "slot", "node": "node-2", **cause.document()})
    effect = here.stamp()

    assert effect.lamport > cause.lamport
    assert effect.vector["node-2"] == cause.vector["node-2"]
    assert effect.hybrid > cause.hybrid


@pytest.mark.parametrize(
    "change", [{}, {"node": "node-2"}, {"node": "node-2", "lamport": "x", "vector": {}, "hybrid": 0}]
)
def test_a_change_without_a_stamp_tells_nothing_of_time(database: Database, change: dict[str, Any]) -> None:
    here = stamper(database, "node-1")

    here.receive_change(change)

    assert here.peek().lamport == 0


def test_one_poisoned_message_does_not_spoil_the_counters(database: Database) -> None:
    """Attack 10: a Lamport time near the end of BIGINT, a vector of the same, a hybrid time of tomorrow."""
    clock = stamper(database, "node-1")
    tomorrow = HybridStamp(int(datetime.now(UTC).timestamp() * 1000) + 86_400_000, 0, "node-2")

    clock.observe(2**62, {"node-2": 2**62}, tomorrow)
    clock.observe(5, {"node-2": 2**62, "node-3": 7}, tomorrow)
    stamp = clock.stamp()

    assert stamp.lamport < 1_000_000
    assert "node-2" not in stamp.vector
    assert stamp.vector["node-3"] == 7
    assert stamp.hybrid < tomorrow
    assert clock.refused_from_future == 1


def test_a_next_life_goes_on_after_the_former_one(database: Database) -> None:
    former = stamper(database, "node-1")
    for _ in range(30):
        last = former.tick()

    following = stamper(database, "node-1")
    following.resume(last.lamport, last.hybrid.packed + (3_600_000 << 16))

    assert following.tick().lamport > last.lamport
    assert following.tick().hybrid.wall_ms > last.hybrid.wall_ms + 3_500_000
