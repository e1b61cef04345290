"""A replica equals the database whatever it missed: bus, outbox and snapshot lead to the same rows (K11)."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from redis import Redis
from sqlalchemy import select, update

from app.algorithms.change_log import Applied, PrivateFieldError
from app.algorithms.replica import Replica
from app.coordination import keys, outbox
from app.coordination.replication.rows import Incomplete, change_of_row, entry_of
from app.coordination.replication.snapshot import SLOT_COLUMNS, take_snapshot
from app.errors import Unavailable
from app.tables import Doctor, Slot
from tests.cinema import Cinema
from tests.coordination.replication.conftest import NO_REDIS, Node, Site, state_of
from tests.servers import eventually


def flush(site: Site) -> None:
    with Redis.from_url(site.redis_url) as redis:
        redis.flushall()


def test_a_new_node_takes_a_snapshot_and_then_follows_the_bus(site: Site) -> None:
    doctor = site.doctor()
    first = site.slot(doctor)
    site.relay_everything()
    node = site.node()
    node.catch_up()

    second = site.slot(doctor, 25)
    site.delete(first)
    site.relay_everything()
    node.catch_up()

    assert node.slots(doctor) == {f"slot:{second}": "OPEN"}
    assert state_of(node) == site.truth()
    assert node.feed.fed_by == "bus"


def test_what_the_doorbell_tells_need_not_be_fetched(site: Site, monkeypatch) -> None:
    node, doctor = following(site)
    asked = []
    monkeypatch.setattr(node.feed._bus, "records_after", lambda known, limit: asked.append(known) or [])
    seen = []
    node.feed._observe = seen.append

    slot = site.slot(doctor)
    site.relay_everything()
    node.feed.turn(5)

    assert node.slots(doctor) == {f"slot:{slot}": "OPEN"}
    assert asked == []
    assert len(seen) == 1
    assert state_of(node) == site.truth()


def test_changes_whose_doorbell_was_lost_or_was_too_short_are_fetched(site: Site, monkeypatch) -> None:
    node, doctor = following(site)
    node.feed._bell.close()
    first = site.slot(doctor)
    site.relay_everything()
    node.feed._bell._subscribe()
    second = site.slot(doctor, 25)
    site.relay_everything()

    node.feed.turn(5)  # the second is told, past a gap
    after_a_loss = node.slots(doctor)
    monkeypatch.setattr("app.coordination.replication.bus.MOST_TOLD", 0)
    third = site.slot(doctor, 26)
    site.relay_everything()
    node.feed.turn(5)

    assert after_a_loss.keys() == {f"slot:{first}", f"slot:{second}"}
    assert node.slots(doctor).keys() == {f"slot:{first}", f"slot:{second}", f"slot:{third}"}
    assert node.feed.fed_by == "bus"


@pytest.mark.parametrize("noise", [b"{", b"[]", b"7", b'{"doctor:1": 5}', b'{"heads": {}, "changes": [[1]]}'])
def test_noise_on_the_channel_only_makes_a_node_look(site: Site, noise: bytes) -> None:
    node, doctor = following(site)
    node.feed._bell.close()
    slot = site.slot(doctor)
    site.relay_everything()
    with Redis.from_url(site.redis_url) as redis:
        node.feed._bell._subscribe()
        redis.publish(keys.BUS_CHANNEL, noise)
    node.feed.turn(5)

    assert node.slots(doctor) == {f"slot:{slot}": "OPEN"}


def following(site: Site) -> tuple[Node, int]:
    """A node that listens, and a doctor whom it knows."""
    doctor = site.doctor()
    site.relay_everything()
    node = site.node()
    node.catch_up()
    return node, doctor


def test_the_seats_of_a_showtime_travel_as_any_slot_does(site: Site) -> None:
    cinema = Cinema.on(site.database)
    first = cinema.add_showtime()
    site.relay_everything()
    node = site.node()
    node.catch_up()

    second = cinema.add_showtime()
    site.delete(cinema.ids(first)["B2"])
    site.relay_everything()
    node.catch_up()

    states = node.seats(first)
    assert len(states) == len(node.seats(second)) == 9
    assert [key for key, state in states.items() if state == "BLOCKED"] == [f"slot:{cinema.ids(first)['B2']}"]
    assert state_of(node) == site.truth()
    assert node.feed.fed_by == "bus"


def test_a_change_that_the_bus_lost_is_found_by_the_gap_before_the_next_one(site: Site) -> None:
    doctor = site.doctor()
    site.slot(doctor)
    site.relay_everything()
    node = site.node()
    node.catch_up()
    site.slot(doctor, 25)
    flush(site)
    with site.database.read() as connection:
        heads = outbox.heads(connection)
    site.bus().publish([])
    site.slot(doctor, 26)
    with Redis.from_url(site.redis_url) as redis:  # as if a relay had begun in the middle
        redis.hset("oneslot:bus:heads", f"doctor:{doctor}", heads[f"doctor:{doctor}"])

    site.relay_everything()
    node.catch_up()

    assert len(node.slots(doctor)) == 3
    assert state_of(node) == site.truth()


def test_without_the_gap_check_that_change_would_be_missing_for_ever(site: Site, monkeypatch) -> None:
    monkeypatch.setattr(Replica, "_is_past_a_gap", lambda self, stream, before: False)

    with pytest.raises(AssertionError):
        test_a_change_that_the_bus_lost_is_found_by_the_gap_before_the_next_one(site)


def test_without_redis_the_database_is_asked(site: Site) -> None:
    doctor = site.doctor()
    node = site.node(NO_REDIS)
    node.catch_up()

    site.slot(doctor)
    site.beat()
    node.catch_up()

    assert node.feed.fed_by == "outbox"
    assert state_of(node) == site.truth()
    assert node.replica.complete_until is not None


def test_entries_that_were_trimmed_are_replaced_by_a_snapshot(site: Site) -> None:
    doctor = site.doctor()
    node = site.node(NO_REDIS)
    node.catch_up()
    site.slot(doctor)
    with site.database.transaction() as tx:
        tx.exec_driver_sql("DELETE FROM outbox")

    node.catch_up()

    assert state_of(node) == site.truth()


def test_what_a_node_has_is_complete_until_the_last_heartbeat(site: Site) -> None:
    doctor = site.doctor()
    site.beat()
    site.relay_everything()
    node = site.node()
    node.catch_up()
    before = node.replica.complete_until
    site.slot(doctor)
    time.sleep(0.002)  # SQLite's clock has whole milliseconds
    site.beat()

    site.relay_everything()

    assert before is not None
    eventually(lambda: node.catch_up() or node.replica.complete_until > before, what="the second heartbeat")
    assert node.replica.age_seconds < 5
    assert len(node.slots(doctor)) == 1


def test_a_heartbeat_is_not_taken_in_while_something_before_it_is_missing(site: Site, monkeypatch) -> None:
    doctor = site.doctor()
    site.relay_everything()
    node = site.node()
    node.catch_up()
    node.feed._bell.close()  # what was rung meanwhile is lost
    site.slot(doctor)
    site.beat()
    site.relay_everything()
    with Redis.from_url(site.redis_url) as redis:
        redis.delete(f"oneslot:bus:doctor:{doctor}")

    def away(*_anything):
        raise Unavailable

    monkeypatch.setattr(site.database, "read", away)
    monkeypatch.setattr(site.database, "snapshot", away)
    node.catch_up()

    assert node.replica.complete_until is None
    assert node.feed.fed_by == "peers"


def test_a_bulk_of_slots_and_a_renamed_doctor_arrive_too(site: Site) -> None:
    doctor = site.doctor()
    node = site.node(NO_REDIS)
    node.catch_up()
    with site.database.transaction() as tx:
        slots = [
            {"id": str(n), "starts_at": "2040-01-01T10:00:00Z", "ends_at": "2040-01-01T10:30:00Z",
             "state": "OPEN", "hold_until": None, "is_interval": False, "version": 1}
            for n in (1001, 1002)
        ]  # fmt: skip
        outbox.append(tx, f"doctor:{doctor}", "slots", {"doctor_id": str(doctor), "slots": slots})
        renamed = {"id": str(doctor), "name": "Dr Eve Other", "specialization": "Skin", "timezone": "UTC"}
        outbox.append(tx, f"doctor:{doctor}", "doctor", {**renamed, "version": 2})

    node.catch_up()

    assert node.slots(doctor) == {"slot:1001": "OPEN", "slot:1002": "OPEN"}
    with node.replica.unchanging() as core:
        assert core.get(f"doctor:{doctor}", f"doctor:{doctor}").fields["name"] == "Dr Eve Other"


def test_a_deleted_doctor_is_gone(site: Site) -> None:
    from app.directory.doctors import delete_doctor, update_doctor

    doctor = site.doctor()
    node = site.node(NO_REDIS)
    node.catch_up()
    update_doctor(site.directory, doctor, {"name": "Dr Ida New"}, "test")
    delete_doctor(site.directory, doctor, "test")

    node.catch_up()

    with node.replica.unchanging() as core:
        assert core.get(f"doctor:{doctor}", f"doctor:{doctor}") is None
    assert state_of(node) == site.truth()


def test_an_entry_of_an_older_version_is_replaced_by_a_snapshot(site: Site) -> None:
    doctor = site.doctor()
    slot = site.slot(doctor)
    node = site.node(NO_REDIS)
    node.catch_up()
    with site.database.transaction() as tx:
        tx.execute(update(Slot).where(Slot.id == slot).values(version=2))
        old = {"type": "slot", "id": str(slot), "doctor_id": str(doctor), "state": "OPEN", "version": 2}
        outbox.append(tx, f"doctor:{doctor}", "slot", old)

    node.catch_up()

    assert state_of(node) == site.truth()


def test_a_kind_that_replicas_do_not_hold_only_counts(site: Site) -> None:
    record = outbox.Record("doctor:1", 1, "something new", {"a": 1}, 0.0)

    assert entry_of(record).changes == ()


def test_an_entry_without_what_a_row_needs_is_refused() -> None:
    with pytest.raises(Incomplete):
        entry_of(outbox.Record("doctor:1", 1, "doctor", {"id": "1", "version": 1}, 0.0))


def test_a_field_that_is_not_public_is_refused_by_the_replica(site: Site) -> None:
    doctor = site.doctor()
    node = site.node(NO_REDIS)
    node.catch_up()

    with node.replica.unchanging() as core:
        (row,) = core.rows(f"doctor:{doctor}")
        private = type(row)("doctor:9", 1, "slot:1", 1, {"patient_name": "Ann"}, 0.0)
        with pytest.raises(PrivateFieldError):
            core.apply(private)


def test_what_booking_writes_beside_the_rows_does_not_travel(site: Site) -> None:
    """Whatever else a payload holds, only the listed fields become rows."""
    slot = {
        "id": "1",
        "doctor_id": "1",
        "starts_at": "2040-01-01T10:00:00Z",
        "ends_at": "2040-01-01T11:00:00Z",
    }
    slot |= {"state": "HELD", "hold_until": None, "is_interval": False, "version": 3}

    entry = entry_of(outbox.Record("doctor:1", 1, "slot", {**slot, "patient_name": "Ann", "node": "n"}, 0.0))

    (change,) = entry.changes
    assert set(change.fields) == {"doctor_id", "starts_at", "ends_at", "state", "hold_until", "is_interval"}


def test_a_spoilt_row_is_repaired_by_a_rebuild(site: Site) -> None:
    doctor = site.doctor()
    slot = site.slot(doctor)
    node = site.node(NO_REDIS)
    node.catch_up()
    with node.replica.unchanging() as core:
        row = core.get(f"doctor:{doctor}", f"slot:{slot}")
        core._rows[row.stream][row.key] = type(row)(
            row.stream, row.seq, row.key, 99, {**row.fields, "state": "BOOKED"}, 0.0
        )

    node.feed.rebuild()

    assert node.slots(doctor) == {f"slot:{slot}": "OPEN"}


def test_more_rows_than_a_replica_may_hold_leave_it_empty_and_unfit(site: Site) -> None:
    doctor = site.doctor()
    for hour in range(4):
        site.slot(doctor, 24 + hour)
    site.beat()
    node = site.node(NO_REDIS, most_rows=3)

    node.catch_up()

    assert node.replica.is_overflowing
    assert node.replica.complete_until is None


def test_heads_beyond_the_database_do_not_keep_a_node_busy(site: Site) -> None:
    """Redis may be older than a restored database, or of another one."""
    doctor = site.doctor()
    site.relay_everything()
    with Redis.from_url(site.redis_url) as redis:
        redis.hset("oneslot:bus:heads", mapping={f"doctor:{doctor}": 50, "doctor:777": 3})
    node = site.node()

    node.catch_up()
    node.catch_up()

    assert state_of(node) == site.truth()


def test_a_delta_of_a_neighbour_fills_an_empty_replica(site: Site) -> None:
    doctor = site.doctor()
    site.slot(doctor)
    full, empty = site.node(NO_REDIS), site.node(NO_REDIS)
    full.catch_up()

    outcome = empty.replica.merge(full.replica.delta(empty.replica.vector))

    assert outcome is Applied.APPLIED
    assert state_of(empty) == state_of(full)


def test_yesterdays_slots_are_not_kept(site: Site) -> None:
    doctor = site.doctor()
    slot = site.slot(doctor)
    with site.database.transaction() as tx:
        long_ago = {"starts_at": _days_ago(3), "ends_at": _days_ago(2.9)}
        tx.execute(update(Slot).where(Slot.id == slot).values(**long_ago))
        tx.execute(update(Doctor).where(Doctor.id == doctor).values(version=2))
    site.beat()
    node = site.node(NO_REDIS)

    node.catch_up()

    assert node.slots(doctor) == {}


def _days_ago(days: float):
    from datetime import UTC, datetime, timedelta

    return datetime.now(UTC) - timedelta(days=days)


def test_a_snapshot_has_the_rows_that_changes_make(site: Site) -> None:
    """To the microsecond, for slots of doctors and of showtimes: else copies would seem to differ."""
    doctor, showtime = site.doctor(), Cinema.on(site.database).add_showtime()
    slot = site.slot(doctor)
    odd = datetime(2040, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    with site.database.transaction() as tx:
        moved = {"starts_at": odd, "ends_at": odd + timedelta(minutes=30), "version": 7}
        tx.execute(update(Slot).where(Slot.id == slot).values(moved))
        stored = tx.execute(select(*SLOT_COLUMNS)).all()
    streams = {f"doctor:{doctor}", f"showtime:{showtime}"}

    snapshot = take_snapshot(site.database, sorted(streams))

    read = {row.key: row for row in snapshot.rows if row.key.startswith("slot:")}
    made = {
        row.key: row
        for row in (
            change_of_row(stream, snapshot.upto[stream], "slot", slot._asdict())
            for slot in stored
            for stream in [outbox.stream_of(slot.doctor_id, slot.showtime_id)]
        )
    }
    assert len(read) == 10
    assert read == made
    assert {row.print for row in read.values()} == {row.print for row in made.values()}
