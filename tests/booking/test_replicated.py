"""What a replica shows is what the database shows: the same questions, the same documents."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import product
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert, select, update

from app.booking import availability
from app.booking.actions import GUEST, Claim, Interval, book_interval, cancel_booking, hold_slot
from app.booking.availability import OpeningHours, SlotFilter
from app.booking.replicated import NotHere, ReplicatedSlots
from app.booking.seating import seat_states
from app.clock import SystemClock
from app.coordination.outbox import HEARTBEAT_STREAM, Record, append
from app.coordination.replication.heartbeat import horizon
from app.coordination.replication.node_replica import NodeReplica
from app.coordination.replication.snapshot import take_snapshot
from app.database import Database, db_now
from app.tables import Doctor, Slot, SlotState, Stream
from tests.booking.conftest import ANNA, Desk, owner_of
from tests.cinema import Cinema

TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
DAYS = [None, TODAY.date(), TODAY.date() + timedelta(days=1), TODAY.date() + timedelta(days=3)]
INSTANTS = [None, TODAY + timedelta(hours=30), TODAY + timedelta(days=2)]
STATES = [None, *SlotState]


def fed(replica: NodeReplica, database: Database) -> NodeReplica:
    """As a node has it that follows the database."""
    with database.read() as connection:
        streams = [name for name in connection.execute(select(Stream.name)).scalars() if ":" in name]
        now = connection.execute(select(db_now())).scalar_one()
    replica.install(take_snapshot(database, streams))
    beat = {"at": now.isoformat(), "horizon": horizon(now).isoformat()}
    replica.install_heartbeat(Record(HEARTBEAT_STREAM, 1, "heartbeat", beat, now.timestamp()))
    return replica


def replica_of(desk: Desk) -> ReplicatedSlots:
    return ReplicatedSlots(fed(NodeReplica(SystemClock()), desk.database))


@pytest.fixture
def desk(make_desk, sqlite_url: str) -> Desk:
    """Two doctors far apart, and slots in every state around now."""
    desk = make_desk(sqlite_url)
    with desk.database.transaction() as tx:
        values = {"name": "Dr Kai", "specialization": "Skin", "timezone": "Pacific/Auckland"}
        other = tx.execute(insert(Doctor).values(values).returning(Doctor.id)).scalar_one()
        gone = {**values, "name": "Dr Gone", "deleted_at": db_now()}
        third = tx.execute(insert(Doctor).values(gone).returning(Doctor.id)).scalar_one()
        for doctor in (desk.doctor_id, other, third):
            append(tx, f"doctor:{doctor}", "test", {})
    for doctor, hours in product((desk.doctor_id, other), (-30, -2, 1, 5, 20, 26, 27, 28, 50, 74)):
        desk.add_slot(hours, doctor_id=doctor)
    desk.add_slot(3, doctor_id=third)
    with desk.database.read() as connection:
        by_start = connection.execute(
            select(Slot.id).where(Slot.doctor_id == desk.doctor_id).order_by(Slot.starts_at)
        )
        ids = list(by_start.scalars())
    desk.hold(ids[3])
    desk.hold(ids[4])
    desk.lapse(ids[4])
    desk.book(ids[5])
    ends = desk.slot(ids[7])
    book_interval(desk.engine, Interval(desk.doctor_id, ends.starts_at, ends.ends_at), ANNA, GUEST)
    start = ends.ends_at + timedelta(hours=1)
    made = book_interval(
        desk.engine, Interval(desk.doctor_id, start, start + timedelta(minutes=15)), ANNA, GUEST
    )
    cancel_booking(desk.engine, _id(made.value), owner_of(made.value))
    return desk


def _id(document: dict[str, Any]):
    import uuid

    return uuid.UUID(document["id"])


def test_every_list_is_the_same(desk: Desk) -> None:
    replica = replica_of(desk)
    with desk.database.read() as connection:
        doctors = [None, desk.doctor_id, *connection.execute(select(Doctor.id)).scalars()]
        compared = 0
        for doctor, first, last, state in product(doctors[:3], DAYS, DAYS, STATES):
            for since, until in ((None, None), *product(INSTANTS[:2], INSTANTS)):
                if (first and since) or (last and until):
                    continue
                wanted = SlotFilter(doctor, first, last, since, until, state)
                there = availability.list_slots(connection, wanted)
                assert replica.list_slots(wanted) == there, wanted
                compared += bool(there)
    assert compared > 200


def test_pages_follow_each_other_alike(desk: Desk) -> None:
    replica, wanted = replica_of(desk), SlotFilter(state=SlotState.OPEN)
    with desk.database.read() as connection:
        after = None
        for _ in range(4):
            there = availability.list_slots(connection, wanted, after, 3)
            assert replica.list_slots(wanted, after, 3) == there
            after = datetime.fromisoformat(there[-1]["starts_at"]), int(there[-1]["id"])


@pytest.mark.parametrize("day", [TODAY.date() + timedelta(days=n) for n in range(4)])
def test_what_is_left_of_a_day_is_the_same(desk: Desk, day: date) -> None:
    hours = OpeningHours(0, 24)
    with desk.database.read() as connection:
        there = availability.day_availability(connection, desk.doctor_id, day, hours)

    here = replica_of(desk).day_availability(desk.doctor_id, day, hours)

    # Of today what is ahead begins now, and the two looks are some milliseconds apart.
    assert _to_the_minute(here) == _to_the_minute(there)


def _to_the_minute(found: dict[str, Any]) -> dict[str, Any]:
    spans = [
        {name: str(value)[:16] if name.endswith("_at") else None for name, value in span.items()}
        for span in found["free"]
    ]
    return {**found, "free": spans}


def test_the_next_free_time_of_each_doctor_is_the_same(desk: Desk) -> None:
    replica = replica_of(desk)
    with desk.database.read() as connection:
        doctors = list(connection.execute(select(Doctor.id).where(Doctor.deleted_at.is_(None))).scalars())
        for after in INSTANTS:
            assert replica.next_free(doctors, after) == availability.next_free(connection, doctors, after)


def test_the_days_with_free_times_are_the_same(desk: Desk) -> None:
    replica, zone = replica_of(desk), ZoneInfo("Europe/Berlin")
    asked = (desk.doctor_id, zone, TODAY.date(), TODAY.date() + timedelta(days=5))
    with desk.database.read() as connection:
        there = availability.days_with_free(connection, *asked)

    assert replica.days_with_free(*asked) == there
    assert len(there) > 1


@pytest.mark.parametrize(
    "wanted",
    [
        SlotFilter(first_day=TODAY.date() - timedelta(days=9)),
        SlotFilter(starts_from=TODAY - timedelta(days=9)),
        SlotFilter(doctor_id=4711),
    ],
)
def test_what_only_the_database_can_tell_is_left_to_it(desk: Desk, wanted: SlotFilter) -> None:
    with pytest.raises(NotHere):
        replica_of(desk).list_slots(wanted)


def test_a_day_long_past_is_left_to_the_database(desk: Desk) -> None:
    with pytest.raises(NotHere):
        replica_of(desk).day_availability(
            desk.doctor_id, TODAY.date() - timedelta(days=9), OpeningHours(9, 17)
        )


def test_a_doctor_who_is_gone_has_no_slots_to_show(desk: Desk) -> None:
    replica = replica_of(desk)

    names = {slot["doctor_name"] for slot in replica.list_slots(SlotFilter())}

    assert names == {"Dr Ada Probe", "Dr Kai"}


def test_a_change_is_seen_although_the_order_of_slots_is_kept_sorted(desk: Desk) -> None:
    replica = replica_of(desk)
    before = replica.list_slots(SlotFilter(desk.doctor_id, state=SlotState.OPEN))
    with desk.database.transaction() as tx:
        slot = int(before[0]["id"])
        tx.execute(
            update(Slot).where(Slot.id == slot).values(state="BLOCKED", block_reason="closed", version=9)
        )
        append(tx, f"doctor:{desk.doctor_id}", "test", {})
    replica._replica.install(take_snapshot(desk.database, [f"doctor:{desk.doctor_id}"]))

    after = replica.list_slots(SlotFilter(desk.doctor_id, state=SlotState.OPEN))

    assert after == before[1:]


def test_the_seats_of_a_showtime_are_the_same_in_every_state(desk: Desk) -> None:
    cinema = Cinema.on(desk.database)
    showtime, other = cinema.add_showtime(), cinema.add_showtime()
    seats = cinema.ids(showtime)
    desk.book(cinema.ids(other)["B1"])
    hold_slot(desk.engine, Claim((seats["B1"], seats["B2"]), ANNA, instant=True), GUEST)
    desk.hold(seats["B4"])
    desk.hold(seats["B5"])
    desk.lapse(seats["B5"])
    with desk.database.transaction() as tx:
        tx.execute(update(Slot).where(Slot.id == seats["A1"]).values(state="BLOCKED", block_reason="closed"))
    with desk.database.read() as connection:
        there = seat_states(connection, showtime)

    here = replica_of(desk).seat_states(showtime)

    assert here == there
    assert {seats[label]: there[seats[label]][0] for label in ("B1", "B2", "B4", "A1")} == {
        seats["B1"]: "BOOKED", seats["B2"]: "BOOKED", seats["B4"]: "HELD", seats["A1"]: "BLOCKED",
    }  # fmt: skip
    assert seats["B5"] not in there


def test_seats_are_no_times_of_a_doctor(desk: Desk) -> None:
    before = replica_of(desk).list_slots(SlotFilter())

    Cinema.on(desk.database).add_showtime()

    assert replica_of(desk).list_slots(SlotFilter()) == before


def test_a_showtime_the_replica_has_not_heard_of_is_left_to_the_database(desk: Desk) -> None:
    with pytest.raises(NotHere):
        replica_of(desk).seat_states(4711)
