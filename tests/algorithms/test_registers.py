"""Last write wins per field, on every node the same, and no edit vanishes (K14, H15)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.algorithms.logical_clocks import Dot, HybridClock, VersionVector
from app.algorithms.registers import (
    BoardField,
    BoardKind,
    GrowingCounter,
    Merged,
    NothingToRestoreError,
    StatusBoard,
)

NODES = ("node-1", "node-2", "node-3")
DELAY = BoardField(BoardKind.DOCTOR_DELAY, "7", "minutes")
NOTE = BoardField(BoardKind.ANNOUNCEMENT, "front", "text")
steps = st.lists(
    st.one_of(
        st.tuples(
            st.just("write"), st.sampled_from(NODES), st.sampled_from([DELAY, NOTE]), st.integers(0, 2)
        ),
        st.tuples(st.just("push"), st.sampled_from(NODES), st.integers(0, 30)),
        st.tuples(st.just("sync"), st.sampled_from(NODES), st.sampled_from(NODES)),
    ),
    max_size=40,
)


def boards():
    return {node: StatusBoard(node, HybridClock(node)) for node in NODES}


def play(script):
    """Run writes, single pushes (late, repeated, out of order) and syncs; all physical clocks stand still
    or differ by a few milliseconds, so that stamps collide and only the node can break the tie."""
    cluster, made = boards(), []
    for number, step in enumerate(script):
        if step[0] == "write":
            _, node, field, skew = step
            made.append(cluster[node].write(field, f"text {number}", "desk", skew))
        elif step[0] == "push" and made:
            cluster[step[1]].apply(made[step[2] % len(made)], 0)
        elif step[0] == "sync":
            sync(cluster[step[1]], cluster[step[2]])
    return cluster, made


def sync(one, other):
    """Pull what is missing, and everything when equal vectors hide a difference."""
    after = one.vector if one.vector != other.vector else VersionVector()
    return one.merge(other.delta(after), 0)


def settle(cluster):
    for _ in range(3):
        for one in cluster.values():
            for other in cluster.values():
                sync(one, other)


def survivors(writes):
    """The oracle: the writes that no other write's author had seen."""
    return [write for write in writes if not any(other.context.includes(write.dot) for other in writes)]


@given(steps)
def test_all_boards_show_the_last_write_of_those_nobody_had_seen(script):
    cluster, made = play(script)
    settle(cluster)

    for field in (DELAY, NOTE):
        candidates = survivors([write for write in made if write.field == field])
        expected = max(candidates, key=lambda write: write.stamp, default=None)
        assert [board.read(field) for board in cluster.values()] == [expected] * 3


@given(steps)
def test_every_loser_is_in_every_conflict_log(script):
    cluster, made = play(script)
    settle(cluster)

    losers = {
        write.dot
        for field in (DELAY, NOTE)
        for write in survivors([write for write in made if write.field == field])
        if write != cluster["node-1"].read(field)
    }
    logs = [board.conflicts for board in cluster.values()]
    assert logs[0] == logs[1] == logs[2]
    assert losers <= logs[0].keys()


@given(steps)
def test_boards_that_agree_have_equal_digests(script):
    cluster, _ = play(script)
    settle(cluster)

    assert len({board.digests.groups for board in cluster.values()}) == 1
    assert len({board.vector for board in cluster.values()}) == 1


@given(steps, st.sampled_from(NODES), st.sampled_from(NODES))
def test_merging_twice_changes_nothing(script, one, other):
    cluster, _ = play(script)
    delta = cluster[other].delta(VersionVector())
    cluster[one].merge(delta, 0)

    assert cluster[one].merge(delta, 0) is Merged.DUPLICATE


@given(steps)
def test_a_write_that_its_successor_had_seen_is_no_conflict(script):
    cluster, made = play(script)
    settle(cluster)

    for conflict in cluster["node-1"].conflicts.values():
        assert conflict.loser.stamp < conflict.winner.stamp
        assert not conflict.winner.context.includes(conflict.loser.dot)
        assert {conflict.loser, conflict.winner} <= set(made)


def edited_apart():
    one, other = StatusBoard("node-1", HybridClock("node-1")), StatusBoard("node-2", HybridClock("node-2"))
    lost = one.write(DELAY, "20", "dr-chen", 1_000)
    kept = other.write(DELAY, "30", "desk", 1_001)
    one.merge(other.delta(one.vector), 1_001)
    other.merge(one.delta(VersionVector()), 1_001)
    return one, other, lost, kept


def test_two_nodes_that_edited_one_notice_apart_agree_and_keep_the_loser():
    one, other, lost, kept = edited_apart()

    assert one.read(DELAY) == other.read(DELAY) == kept
    assert one.conflicts == other.conflicts
    assert one.conflicts[lost.dot].loser.value == "20"


def test_of_two_writes_of_one_moment_every_node_shows_the_same():
    one, other = (StatusBoard(node, HybridClock(node)) for node in NODES[:2])
    one.write(DELAY, "20", "desk", 1_000)
    other.write(DELAY, "30", "desk", 1_000)

    sync(one, other)
    sync(other, one)

    assert one.read(DELAY) == other.read(DELAY)


def test_a_lost_value_can_be_restored_as_a_new_write():
    one, other, lost, _ = edited_apart()

    restored = one.restore(lost.dot, "operator", 2_000)
    other.apply(restored, 2_000)

    assert other.read(DELAY).value == "20"
    assert other.read(DELAY).author == "operator"
    assert lost.dot in other.conflicts


def test_only_what_is_in_the_log_can_be_restored():
    one, *_ = edited_apart()

    with pytest.raises(NothingToRestoreError):
        one.restore(Dot("node-9", 1), "operator", 2_000)


def test_a_write_whose_past_is_missing_is_not_taken():
    one, other = StatusBoard("node-1", HybridClock("node-1")), StatusBoard("node-2", HybridClock("node-2"))
    one.write(DELAY, "10", "desk", 0)
    second = one.write(DELAY, "20", "desk", 1)

    assert other.apply(second, 1) is Merged.GAP
    assert other.read(DELAY) is None


def test_a_stamp_from_the_future_is_refused_and_leaves_no_trace():
    ill, well = StatusBoard("node-1", HybridClock("node-1")), StatusBoard("node-2", HybridClock("node-2"))
    poisoned = ill.write(DELAY, "10", "desk", 60_000)

    assert well.apply(poisoned, 1_000) is Merged.REFUSED
    assert well.fields() == []
    assert well.vector == VersionVector()
    assert well.write(DELAY, "20", "desk", 1_000).stamp.wall_ms == 1_000


def test_a_refused_write_is_taken_once_the_clocks_agree_again():
    ill, well = StatusBoard("node-1", HybridClock("node-1")), StatusBoard("node-2", HybridClock("node-2"))
    early = ill.write(DELAY, "10", "desk", 3_000)
    well.apply(early, 1_000)

    assert well.apply(early, 2_000) is Merged.APPLIED


def test_a_board_loads_what_it_had_stored_whatever_its_clock_says_now():
    one, _, _, kept = edited_apart()
    stored = one.delta(VersionVector())

    reborn = StatusBoard("node-1", HybridClock("node-1", last=kept.stamp))
    reborn.load(stored)

    assert reborn.digests.groups == one.digests.groups
    assert reborn.write(DELAY, "40", "desk", 0).dot == Dot("node-1", 2)
    assert reborn.fields() == [DELAY]


def test_expired_conflicts_do_not_come_back_from_a_peer():
    one, other, *_ = edited_apart()

    one.expire_conflicts(before_ms=1_500)
    one.merge(other.delta(VersionVector()), 1_001)

    assert one.conflicts == {}
    one.expire_conflicts(before_ms=0)
    other.expire_conflicts(before_ms=1_000)
    assert len(other.conflicts) == 1
    other.expire_conflicts(before_ms=1_500)
    assert one.digests.groups == other.digests.groups


def test_nothing_that_decides_a_booking_can_be_written_on_the_board():
    forbidden = ("slot", "booking", "hold", "seat", "payment", "user", "role", "session", "audit", "fence")

    assert not [kind for kind in BoardKind if any(word in kind.value for word in forbidden)]


@given(st.lists(st.tuples(st.sampled_from(NODES), st.integers(0, 9), st.sampled_from(NODES))))
def test_a_growing_counter_loses_no_count_in_any_order_of_merges(script):
    counters, added = {node: GrowingCounter() for node in NODES}, 0
    for node, amount, peer in script:
        counters[node].add(node, amount)
        added += amount
        counters[peer].merge(counters[node].by_node)
    for _ in range(2):
        for one in counters.values():
            for other in counters.values():
                one.merge(other.by_node)

    assert [counter.value for counter in counters.values()] == [added] * 3


def test_a_growing_counter_only_grows():
    with pytest.raises(ValueError, match="only grows"):
        GrowingCounter({"node-1": 3}).add("node-1", -1)
