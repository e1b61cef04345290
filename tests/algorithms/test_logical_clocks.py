"""Clocks against brute force: the happens-before graph itself is the oracle (K9, K10)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.algorithms.logical_clocks import (
    COUNTER_MAX,
    Dot,
    FutureStampError,
    HybridClock,
    HybridStamp,
    LamportClock,
    LamportStamp,
    Order,
    VersionVector,
)

NODES = ("node-1", "node-2", "node-3")
vectors = st.dictionaries(st.sampled_from(NODES), st.integers(0, 4)).map(VersionVector)
# (who, None) is a local event; (who, sender) is the receipt of the sender's latest event.
histories = st.lists(st.tuples(st.sampled_from(NODES), st.none() | st.sampled_from(NODES)), max_size=40)


class Event:
    """One event with every stamp, and its true past: the set of events that led to it."""

    def __init__(self, name, past, lamport, vector, hybrid):
        self.name, self.past, self.lamport, self.vector, self.hybrid = name, past, lamport, vector, hybrid


def play(history):
    lamports = {node: LamportClock(node) for node in NODES}
    hybrids = {node: HybridClock(node) for node in NODES}
    latest, events = {}, []
    for name, (node, sender) in enumerate(history):
        own, cause = latest.get(node), latest.get(sender)
        if cause is None:
            lamports[node].tick()
            hybrid = hybrids[node].now(0)
        else:
            lamports[node].update(cause.lamport.time)
            hybrid = hybrids[node].update(cause.hybrid, 0)
        past, vector = frozenset(), VersionVector()
        for event in filter(None, (own, cause)):
            past |= event.past | {event.name}
            vector = vector.merge(event.vector)
        vector = vector.advance(node, vector.next_dot(node).counter)
        latest[node] = Event(name, past, lamports[node].stamp, vector, hybrid)
        events.append(latest[node])
    return events


@given(histories)
def test_every_clock_agrees_with_the_true_past_of_each_event(history):
    events = play(history)

    for one in events:
        for other in events:
            led_to = one.name in other.past
            expected = Order.BEFORE if led_to else Order.AFTER if other.name in one.past else Order.CONCURRENT
            assert one.vector.compare(other.vector) is (Order.EQUAL if one is other else expected)
            if led_to:
                assert one.lamport < other.lamport
                assert one.lamport.time < other.lamport.time
                assert one.hybrid < other.hybrid


@given(histories)
def test_stamps_are_unique_over_all_nodes(history):
    events = play(history)

    assert len({event.lamport for event in events}) == len(events)
    assert len({event.hybrid for event in events}) == len(events)


@given(st.lists(st.integers(0, 5_000)), st.integers(1, 50))
def test_a_restart_from_the_stored_mark_never_repeats_a_number(received, block):
    clock = LamportClock("node-1", block=block)
    stamps = [clock.tick()] + [clock.update(number) for number in received]

    reborn = LamportClock("node-1", time=clock.mark, block=block)

    assert reborn.tick() > max(stamps)


def test_the_mark_moves_once_per_block():
    clock = LamportClock("node-1", block=10)

    marks = [(clock.tick(), clock.mark)[1] for _ in range(20)]

    assert marks == [10] * 9 + [20] * 10 + [30]


def test_lamport_ties_are_broken_by_node():
    assert LamportStamp(3, "node-1") < LamportStamp(3, "node-2") < LamportStamp(4, "node-1")


@given(vectors, vectors, vectors)
def test_merge_is_the_least_upper_bound(a, b, c):
    assert a.merge(b) == b.merge(a)
    assert a.merge(b).merge(c) == a.merge(b.merge(c))
    assert a.merge(a) == a
    assert a.merge(b).covers(a)
    assert a.merge(b).covers(b)
    if c.covers(a) and c.covers(b):
        assert c.covers(a.merge(b))


@given(vectors, vectors, vectors)
def test_covers_is_a_partial_order(a, b, c):
    assert a.covers(a)
    if a.covers(b) and b.covers(a):
        assert a == b
        assert hash(a) == hash(b)
    if a.covers(b) and b.covers(c):
        assert a.covers(c)


@given(vectors, vectors, st.sets(st.sampled_from(NODES)))
def test_pruning_never_makes_a_vector_newer(a, b, kept):
    pruned = a.only(kept)

    assert a.covers(pruned)
    if pruned.covers(b):
        assert a.covers(b)


@given(vectors, vectors)
def test_lacking_names_exactly_the_origins_where_the_other_is_ahead(a, b):
    lacking = a.lacking(b)

    assert {origin for origin in NODES if b.known(origin) > a.known(origin)} == set(lacking)
    assert all(lacking[origin] == a.known(origin) for origin in lacking)
    assert (lacking == {}) == a.covers(b)


def test_a_vector_includes_the_events_it_counts():
    vector = VersionVector({"node-1": 2})

    assert vector.includes(Dot("node-1", 2))
    assert not vector.includes(Dot("node-1", 3))
    assert not vector.includes(Dot("node-2", 1))


def test_a_vector_is_a_mapping_that_forgets_zeros_and_never_goes_back():
    vector = VersionVector({"node-1": 2, "node-2": 0})

    assert dict(vector) == {"node-1": 2}
    assert len(vector) == 1
    assert vector["node-1"] == 2
    assert vector.advance("node-1", 1) is vector
    assert vector.advance("node-1", 3) == VersionVector({"node-1": 3})
    assert vector != {"node-1": 2}
    assert repr(vector) == "VersionVector({'node-1': 2})"


def test_a_negative_counter_is_refused():
    with pytest.raises(ValueError, match="counts from zero"):
        VersionVector({"node-1": -1})


@given(st.lists(st.integers(0, 100), min_size=1))
def test_a_hybrid_clock_rises_whatever_the_physical_clock_does(readings):
    clock = HybridClock("node-1")

    stamps = [clock.now(reading) for reading in readings]

    assert stamps == sorted(set(stamps))
    assert [stamp.packed for stamp in stamps] == sorted({stamp.packed for stamp in stamps})


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 2_000)), min_size=1))
def test_a_hybrid_clock_stays_within_the_skew_bound_of_physical_time(steps):
    clock, physical = HybridClock("node-1", max_ahead_ms=1_000), 10_000
    for elapsed, ahead in steps:
        physical += elapsed
        received = HybridStamp(physical + ahead, 0, "node-2")

        if ahead > 1_000:
            before = clock.last
            with pytest.raises(FutureStampError, match="ms ahead"):
                clock.update(received, physical)
            assert clock.last == before
        else:
            assert clock.update(received, physical) > received

        assert clock.now(physical).wall_ms - physical <= 1_000


def test_refused_stamps_are_counted():
    clock = HybridClock("node-1")
    with pytest.raises(FutureStampError):
        clock.update(HybridStamp(5_001, 0, "node-2"), 4_000)

    assert clock.refused == 1


def test_a_full_counter_borrows_a_millisecond_instead_of_going_back():
    clock = HybridClock("node-1", last=HybridStamp(50, COUNTER_MAX, "node-1"))

    assert clock.now(50) == HybridStamp(51, 0, "node-1")


def test_a_restarted_hybrid_clock_continues_above_its_stored_stamp():
    clock = HybridClock("node-1", last=HybridStamp(9_000, 4, "node-1"))

    assert clock.now(1_000) > HybridStamp(9_000, 4, "node-1")


@given(st.integers(0, 2**47 - 1), st.integers(0, COUNTER_MAX))
def test_a_packed_stamp_unpacks_to_itself_and_fits_a_bigint(wall_ms, counter):
    stamp = HybridStamp(wall_ms, counter, "node-1")

    assert HybridStamp.unpack(stamp.packed, "node-1") == stamp
    assert stamp.packed < 2**63


def test_a_hybrid_stamp_reads_as_a_time():
    assert str(HybridStamp(1_795_167_705_042, 3, "node-1")) == "2026-11-20T09:41:45.042Z+3@node-1"
