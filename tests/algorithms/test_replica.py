"""A replica equals the log it was fed, whatever the order, repetition, gaps and detours (K11)."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.algorithms.change_log import Applied, Barrier, Change, Entry, PrivateFieldError
from app.algorithms.logical_clocks import VersionVector
from app.algorithms.replica import TOMBSTONE_SECONDS, Replica

PUBLIC = frozenset({"state"})


def log_of(script):
    """Turn (stream, row) pairs into the changes a database would have committed; every third one deletes."""
    seqs, versions, changes = {}, {}, []
    for number, (stream, row) in enumerate(script):
        key = f"{stream}/{row}"
        seqs[stream] = seqs.get(stream, 0) + 1
        versions[key] = versions.get(key, 0) + 1
        fields = None if number % 3 == 2 else {"state": f"s{number}"}
        changes.append(Change(stream, seqs[stream], key, versions[key], fields, at=float(number)))
    return changes


logs = st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 2)), max_size=25).map(log_of)


def oracle(changes, vector):
    """The latest version of every row among the changes the vector covers; deleted rows are gone."""
    latest = {}
    for change in changes:
        if change.seq <= vector.known(change.stream):
            latest[change.key] = change
    return {key: change for key, change in latest.items() if change.fields is not None}


def content(replica):
    return {row.key: row for stream in "ab" for row in replica.rows(stream)}


def replica_of(changes):
    replica = Replica(PUBLIC)
    for change in changes:
        replica.apply(change)
    return replica


@given(logs, st.data())
def test_a_replica_is_a_prefix_of_every_stream_in_any_order_of_delivery(changes, data):
    delivered = data.draw(st.lists(st.sampled_from(changes), max_size=60)) if changes else []
    replica = Replica(PUBLIC)

    for change in delivered:
        known = replica.vector.known(change.stream)
        outcome = replica.apply(change)
        expected = {known + 1: Applied.APPLIED}.get(change.seq)
        assert outcome is (expected or (Applied.DUPLICATE if change.seq <= known else Applied.GAP))

    assert content(replica) == oracle(changes, replica.vector)


@given(logs, st.data())
def test_a_delta_brings_a_node_exactly_to_the_other_nodes_state(changes, data):
    asked, now = sorted(data.draw(st.tuples(*[st.integers(0, len(changes))] * 2)))
    ahead, behind = replica_of(changes), replica_of(changes[:now])
    ahead.purge(data.draw(st.sampled_from([0.0, TOMBSTONE_SECONDS + 10])))
    delta = ahead.delta(replica_of(changes[:asked]).vector)  # the node went on between asking and merging

    outcome = behind.merge(delta)

    assert (outcome is Applied.DUPLICATE) == (now == len(changes))
    assert behind.vector == ahead.vector
    assert content(behind) == content(ahead)
    assert behind.digests.groups == ahead.digests.groups


@given(logs, st.data())
def test_a_delta_merged_late_and_twice_does_no_harm(changes, data):
    cut = data.draw(st.integers(0, len(changes)))
    old, receiver = replica_of(changes[:cut]), replica_of(changes)
    delta = old.delta(VersionVector())

    assert receiver.merge(delta) is Applied.DUPLICATE
    assert content(receiver) == oracle(changes, receiver.vector)


def test_a_delta_that_starts_past_the_end_of_a_stream_is_a_gap():
    changes = log_of([("a", 0), ("a", 1), ("a", 0), ("b", 0)])
    ahead, behind = replica_of(changes), Replica(PUBLIC)

    outcome = behind.merge(ahead.delta(VersionVector({"a": 2})))

    assert outcome is Applied.GAP
    assert behind.vector == VersionVector({"b": 1})


def test_deltas_say_whether_they_brought_news():
    replica = replica_of(log_of([("a", 0)]))
    delta = replica.delta(VersionVector())
    other = Replica(PUBLIC)

    assert [other.merge(delta), other.merge(delta)] == [Applied.APPLIED, Applied.DUPLICATE]


@given(logs, st.data())
def test_a_snapshot_replaces_what_it_is_not_too_old_for(changes, data):
    cut = data.draw(st.integers(0, len(changes)))
    replica, database = replica_of(changes[:cut]), replica_of(changes)
    snapshot = tuple(row for stream in "ab" for row in database.rows(stream))

    replaced = replica.install(database.vector, snapshot)

    assert replaced == database.vector.keys()
    assert content(replica) == content(database)
    assert replica.digests.groups == database.digests.groups


def test_a_snapshot_older_than_the_replica_is_not_installed():
    changes = log_of([("a", 0), ("a", 1)])
    replica = replica_of(changes)

    assert replica.install(VersionVector({"a": 1}), (changes[0],)) == frozenset()
    assert replica.vector == VersionVector({"a": 2})


def test_a_snapshot_repairs_a_row_that_went_bad_silently():
    changes = log_of([("a", 0), ("a", 1)])
    replica, healthy = (
        replica_of([changes[0], replace(changes[1], fields={"state": "bad"})]),
        replica_of(changes),
    )

    replica.install(healthy.vector, tuple(healthy.rows("a")))

    assert replica.get("a", "a/1") == changes[1]
    assert replica.digests.groups == healthy.digests.groups


@given(logs, st.data())
def test_a_deleted_row_is_never_resurrected_by_a_node_that_missed_the_deletion(changes, data):
    cut = data.draw(st.integers(0, len(changes)))
    purged, stale = replica_of(changes), replica_of(changes[:cut])
    purged.purge(TOMBSTONE_SECONDS + len(changes))

    purged.merge(stale.delta(VersionVector()))
    stale.merge(purged.delta(stale.vector))

    assert content(purged) == content(stale) == oracle(changes, purged.vector)


def test_tombstones_are_kept_for_seven_days():
    replica = replica_of(log_of([("a", 0), ("a", 1), ("a", 0)]))  # the third change deletes a/0 at second 2

    assert replica.get("a", "a/0") is None
    assert replica.purge(2 + TOMBSTONE_SECONDS) == 0
    assert replica.purge(3 + TOMBSTONE_SECONDS) == 1
    assert replica.get("a", "a/0") is None


def test_an_older_version_never_replaces_a_newer_one():
    newer = Change("a", 2, "a/0", 5, {"state": "new"}, 0.0)
    replica = replica_of([Change("a", 1, "a/1", 1, {"state": "x"}, 0.0), newer])

    replica.apply(Change("a", 3, "a/0", 4, {"state": "old"}, 0.0))

    assert replica.get("a", "a/0") == newer


def test_a_field_about_a_patient_cannot_enter_a_replica():
    with pytest.raises(PrivateFieldError, match="patient_name"):
        Replica(PUBLIC).apply(Change("a", 1, "a/0", 1, {"state": "x", "patient_name": "y"}, 0.0))


def entry(seq, *rows, stream="a"):
    return Entry(stream, seq, tuple(Change(stream, seq, *row, at=float(seq)) for row in rows))


def test_one_change_may_touch_many_rows_and_is_taken_as_a_whole_and_once():
    replica = Replica(PUBLIC)
    bulk = entry(1, ("x", 1, {"state": "O"}), ("y", 1, {"state": "O"}))

    outcomes = [replica.take(bulk), replica.take(bulk), replica.take(entry(3, ("x", 2, None)))]

    assert outcomes == [Applied.APPLIED, Applied.DUPLICATE, Applied.GAP]
    assert {row.key for row in replica.rows("a")} == {"x", "y"}


def test_a_change_that_touches_no_row_still_counts():
    replica = Replica(PUBLIC)

    replica.take(entry(1))

    assert replica.vector.known("a") == 1


@given(logs)
def test_the_digest_of_a_stream_is_that_of_its_rows_however_they_came(changes):
    fed, snapshot = replica_of(changes), Replica(PUBLIC)
    snapshot.install(fed.vector, tuple(content(fed).values()))

    for stream in "ab":
        assert fed.summary(stream).rows == len(fed.rows(stream))
        assert fed.summary(stream).digest == snapshot.summary(stream).digest


BARRIER = Barrier("beat", field="starts", bound="horizon")
TIMED = frozenset({"starts", "horizon"})


def beat(seq, horizon):
    return Change("beat", seq, "beat", seq, {"horizon": horizon}, float(seq))


def timed(seq, key, starts, version=1):
    return Change("a", seq, key, version, {"starts": starts}, float(seq))


def test_what_is_over_when_the_barrier_says_so_is_forgotten_and_does_not_come_back():
    replica = Replica(TIMED, BARRIER)
    for change in (timed(1, "early", 10), timed(2, "late", 30), beat(1, 20), timed(3, "early", 10, 2)):
        replica.apply(change)

    assert [row.key for row in replica.rows("a")] == ["late"]
    assert replica.vector.known("a") == 3


@given(st.permutations([timed(1, "early", 10), timed(2, "late", 30), beat(1, 5), beat(2, 20)]))
def test_the_same_rows_are_forgotten_in_whatever_order_the_streams_arrive(changes):
    replica = Replica(TIMED, BARRIER)
    for _ in changes:  # until everything found its predecessor
        for change in changes:
            replica.apply(change)

    assert [row.key for row in replica.rows("a")] == ["late"]
    assert replica.digests.groups == replica_at_the_end().digests.groups


def test_a_bound_never_goes_back():
    replica = Replica(TIMED, BARRIER)

    for change in (beat(1, 20), beat(2, 5), timed(1, "early", 10)):
        replica.apply(change)

    assert replica.rows("a") == []


def test_the_size_counts_the_rows_that_say_that_a_row_is_gone():
    replica = replica_of([Change("a", 1, "a/0", 1, {"state": "x"}, 0.0), Change("a", 2, "a/1", 1, None, 0.0)])

    assert replica.size == 2
    assert len(replica.rows("a")) == 1


def replica_at_the_end():
    replica = Replica(TIMED, BARRIER)
    replica.install(VersionVector({"a": 2, "beat": 2}), (beat(2, 20), timed(2, "late", 30)))
    return replica


def test_a_delta_with_a_gap_does_not_bring_the_barrier():
    ahead, behind = Replica(TIMED, BARRIER), Replica(TIMED, BARRIER)
    for change in (timed(1, "x", 30), timed(2, "y", 30), beat(1, 0)):
        ahead.apply(change)
    of_another = ahead.delta(VersionVector({"a": 1}))

    outcome = behind.merge(of_another)

    assert outcome is Applied.GAP
    assert behind.vector.known("beat") == 0


def test_with_nothing_missing_a_delta_brings_the_barrier():
    ahead, behind = Replica(TIMED, BARRIER), Replica(TIMED, BARRIER)
    for change in (timed(1, "x", 30), beat(1, 0)):
        ahead.apply(change)

    behind.merge(ahead.delta(behind.vector))

    assert behind.vector == ahead.vector
