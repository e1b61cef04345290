"""Lists of slots and what is free, against a dumb filter over all rows."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select

from app.booking.actions import GUEST, Interval, book_interval
from app.booking.availability import (
    OpeningHours,
    SlotFilter,
    day_availability,
    days_with_free,
    list_slots,
    nearest_free,
    next_free,
    read_slot,
)
from app.database import Database, db_now
from app.errors import NotFound
from app.tables import Doctor, Slot, SlotState
from tests.booking.conftest import ANNA, Desk

BERLIN = ZoneInfo("Europe/Berlin")
NINE_TO_FIVE = OpeningHours(9, 17)
TOMORROW = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)


def add_doctor(database: Database, **values: Any) -> int:
    row = {"name": "Dr Bo", "specialization": "Dermatology", "timezone": "UTC", **values}
    with database.transaction() as tx:
        return tx.execute(insert(Doctor).values(row).returning(Doctor.id)).scalar_one()


def listed(desk: Desk, **wanted: Any) -> list[int]:
    with desk.database.read() as connection:
        return [int(slot["id"]) for slot in list_slots(connection, SlotFilter(**wanted))]


def availability(desk: Desk, day: date, hours: OpeningHours = NINE_TO_FIVE) -> dict[str, Any]:
    with desk.database.read() as connection:
        return day_availability(connection, desk.doctor_id, day, hours)


ENDS = ("starts_at", "ends_at")


def free_hours(found: dict[str, Any]) -> list[str]:
    return [
        "-".join(datetime.fromisoformat(span[end]).astimezone(BERLIN).strftime("%H:%M") for end in ENDS)
        for span in found["free"]
    ]


def test_a_slot_tells_its_doctor_its_local_time_and_whether_it_is_free(desk: Desk) -> None:
    slot_id = desk.add_slot()

    with desk.database.read() as connection:
        slot = read_slot(connection, slot_id)

    local = datetime.fromisoformat(slot["starts_at"]).astimezone(BERLIN)
    assert slot["starts_at"].endswith("Z")
    assert (slot["doctor_id"], slot["doctor_name"]) == (str(desk.doctor_id), "Dr Ada Probe")
    assert slot["specialization"] == "Cardiology"
    assert (slot["slot_date"], slot["slot_time"]) == (local.date().isoformat(), local.strftime("%H:%M"))
    assert (slot["duration_minutes"], slot["state"], slot["is_available"]) == (30, "OPEN", True)


def test_an_unknown_slot_is_not_found(desk: Desk) -> None:
    with desk.database.read() as connection, pytest.raises(NotFound):
        read_slot(connection, 4711)


def test_a_lapsed_hold_shows_as_free_before_anybody_sweeps(desk: Desk) -> None:
    slot_id = desk.add_slot()
    desk.hold(slot_id)
    with desk.database.read() as connection:
        held = read_slot(connection, slot_id)
    held_then = listed(desk, state=SlotState.HELD)
    desk.lapse(slot_id)

    with desk.database.read() as connection:
        lapsed = read_slot(connection, slot_id)

    assert (held["state"], held["is_available"], held_then) == ("HELD", False, [slot_id])
    assert (lapsed["state"], lapsed["is_available"]) == ("OPEN", True)
    assert listed(desk, state=SlotState.HELD) == []
    assert listed(desk, state=SlotState.OPEN) == [slot_id]


def test_a_slot_in_the_past_is_not_available_and_not_listed_unless_asked(desk: Desk) -> None:
    past, ahead = desk.add_slot(-24), desk.add_slot(24)

    with desk.database.read() as connection:
        slot = read_slot(connection, past)

    assert (slot["state"], slot["is_available"]) == ("OPEN", False)
    assert listed(desk) == [ahead]
    assert listed(desk, starts_from=datetime(2020, 1, 1, tzinfo=UTC)) == [past, ahead]


def test_what_is_not_offered_is_listed_only_when_asked_for(desk: Desk) -> None:
    free, aside = desk.add_slot(24), desk.add_slot(48)
    with desk.database.read() as connection:
        begin = datetime.fromisoformat(read_slot(connection, aside)["starts_at"])
    interval = Interval(desk.doctor_id, begin + timedelta(minutes=10), begin + timedelta(minutes=40))
    book_interval(desk.engine, interval, ANNA, GUEST)

    assert listed(desk) == [free]
    assert listed(desk, state=SlotState.BLOCKED) == [aside]
    assert len(listed(desk, state=SlotState.BOOKED)) == 1


def test_the_slots_of_a_deleted_doctor_are_not_listed(desk: Desk) -> None:
    gone = add_doctor(desk.database, deleted_at=db_now())
    desk.add_slot(24, doctor_id=gone)

    assert listed(desk) == []
    assert listed(desk, doctor_id=gone) == []


def test_a_doctor_nobody_knows_has_no_slots_on_any_day(desk: Desk) -> None:
    desk.add_slot()

    assert listed(desk, doctor_id=4711, first_day=date(2026, 1, 1)) == []


@st.composite
def worlds(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Slots of three doctors around tomorrow, each in its own quarter of an hour."""
    starts = draw(st.sets(st.integers(-60, 200), max_size=12))
    states = st.sampled_from(["OPEN", "BOOKED", "BLOCKED", "HELD", "LAPSED"])
    return [
        {"quarter": quarter, "doctor": draw(st.integers(0, 2)), "state": draw(states)}
        for quarter in sorted(starts)
    ]


def fill(tx: Any, doctors: list[int], world: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of the world, as the filter should see them."""
    rows = []
    for number, slot in enumerate(world, start=1):
        start = TOMORROW + timedelta(minutes=15 * slot["quarter"])
        state = "HELD" if slot["state"] == "LAPSED" else slot["state"]
        row = {"id": number, "doctor_id": doctors[slot["doctor"]], "starts_at": start,
               "ends_at": start + timedelta(minutes=15), "state": state}  # fmt: skip
        if state in {"HELD", "BOOKED"}:
            row["booking_id"] = BOOKING
        if state == "HELD":
            row["hold_until"] = datetime.now(UTC) + timedelta(hours=-1 if slot["state"] == "LAPSED" else 1)
        if state == "BLOCKED":
            row["block_reason"] = "closed"
        tx.execute(insert(Slot).values(row))
        rows.append(row | {"shown": "OPEN" if slot["state"] == "LAPSED" else slot["state"],
                           "zone": ZONES[slot["doctor"]]})  # fmt: skip
    return rows


ZONES = ["Europe/Berlin", "UTC", "America/New_York"]
BOOKING = uuid.UUID(int=7)
DAYS = st.none() | st.integers(-1, 3).map(lambda n: (TOMORROW + timedelta(days=n)).date())
MOMENTS = st.none() | st.integers(-60, 200).map(lambda n: TOMORROW + timedelta(minutes=15 * n))


@settings(deadline=None, max_examples=80)
@given(
    world=worlds(),
    doctor=st.none() | st.integers(0, 2),
    first_day=DAYS,
    last_day=DAYS,
    starts_from=MOMENTS,
    starts_before=MOMENTS,
    state=st.none() | st.sampled_from(SlotState),
)
def check_filters(database: Database, doctors: list[int], world: list[dict[str, Any]], **asked: Any) -> None:
    doctor = asked.pop("doctor")
    wanted = SlotFilter(doctor_id=None if doctor is None else doctors[doctor], **asked)
    with database.transaction() as tx:
        rows = fill(tx, doctors, world)
        now = tx.execute(select(db_now())).scalar_one()
        found = list_slots(tx, wanted)
        pages, after = [], None
        while page := list_slots(tx, wanted, after, limit=2):
            pages += page
            after = (datetime.fromisoformat(page[-1]["starts_at"]), int(page[-1]["id"]))
        tx.rollback()
        if database.is_sqlite:
            tx.exec_driver_sql("BEGIN IMMEDIATE")

    def is_wanted(row: dict[str, Any]) -> bool:
        local_day = row["starts_at"].astimezone(ZoneInfo(row["zone"])).date()
        without_begin = wanted.first_day is None and wanted.starts_from is None
        return (
            (wanted.doctor_id is None or row["doctor_id"] == wanted.doctor_id)
            and (wanted.first_day is None or local_day >= wanted.first_day)
            and (wanted.last_day is None or local_day <= wanted.last_day)
            and (wanted.starts_from is None or row["starts_at"] >= wanted.starts_from)
            and (wanted.starts_before is None or row["starts_at"] < wanted.starts_before)
            and (not without_begin or row["starts_at"] > now)
            and (row["shown"] != "BLOCKED" if wanted.state is None else row["shown"] == wanted.state)
        )

    expected = sorted((row for row in rows if is_wanted(row)), key=lambda row: (row["starts_at"], row["id"]))
    assert [int(slot["id"]) for slot in found] == [row["id"] for row in expected]
    assert [slot["state"] for slot in found] == [row["shown"] for row in expected]
    assert pages == found


def test_filters_find_what_looking_at_every_slot_finds(desk: Desk) -> None:
    others = [add_doctor(desk.database, timezone=zone) for zone in ZONES[1:]]

    check_filters(desk.database, [desk.doctor_id, *others])


@settings(deadline=None, max_examples=80)
@given(world=worlds())
def check_day(desk: Desk, other: int, world: list[dict[str, Any]]) -> None:
    """Every minute of the opening hours is free unless a booking or a live hold has it."""
    database, doctors = desk.database, [desk.doctor_id, other, other]
    day = (TOMORROW + timedelta(days=1)).date()
    with database.transaction() as tx:
        rows = [row for row in fill(tx, doctors, world) if row["doctor_id"] == desk.doctor_id]
        found = day_availability(tx, desk.doctor_id, day, NINE_TO_FIVE)
        counts = days_with_free(tx, desk.doctor_id, BERLIN, day, day)
        tx.rollback()
        if database.is_sqlite:
            tx.exec_driver_sql("BEGIN IMMEDIATE")
    opens = datetime.combine(day, datetime.min.time(), BERLIN).replace(hour=9).astimezone(UTC)
    minutes = [opens + timedelta(minutes=minute) for minute in range(8 * 60)]

    taken = [row for row in rows if row["shown"] in {"HELD", "BOOKED"}]
    expected = [m for m in minutes if not any(row["starts_at"] <= m < row["ends_at"] for row in taken)]
    spans = [tuple(datetime.fromisoformat(span[end]) for end in ENDS) for span in found["free"]]
    assert [m for m in minutes if any(begin <= m < end for begin, end in spans)] == expected
    assert sum((end - begin).total_seconds() for begin, end in spans) == 60 * len(expected)
    on_day = [row for row in rows if row["starts_at"].astimezone(BERLIN).date() == day]
    free = [row["id"] for row in on_day if row["shown"] == "OPEN"]
    assert [int(slot["id"]) for slot in found["slots"]] == free
    assert counts == ({day: len(free)} if free else {})


def test_what_is_left_of_a_day_is_opening_hours_minus_what_is_taken(desk: Desk) -> None:
    check_day(desk, add_doctor(desk.database))


def test_an_empty_day_is_free_from_opening_to_closing(desk: Desk) -> None:
    found = availability(desk, date(2099, 7, 1))

    assert free_hours(found) == ["09:00-17:00"]
    assert (found["opens_at"], found["closes_at"]) == ("2099-07-01T07:00:00Z", "2099-07-01T15:00:00Z")
    assert found["slots"] == []


def test_an_appointment_that_reaches_into_the_day_is_taken_off(desk: Desk) -> None:
    def at(text: str) -> datetime:
        return datetime.fromisoformat(text).replace(tzinfo=BERLIN).astimezone(UTC)

    for begin, end in (("08:30", "09:20"), ("11:00", "12:00"), ("16:45", "17:30")):
        interval = Interval(desk.doctor_id, at(f"2099-07-01T{begin}"), at(f"2099-07-01T{end}"))
        book_interval(desk.engine, interval, ANNA, GUEST)

    assert free_hours(availability(desk, date(2099, 7, 1))) == ["09:20-11:00", "12:00-16:45"]


def test_nothing_is_left_of_a_day_that_has_passed(desk: Desk) -> None:
    assert availability(desk, date(2020, 1, 6))["free"] == []


def test_of_today_only_what_is_to_come_is_left(desk: Desk) -> None:
    today = datetime.now(BERLIN).date()

    found = availability(desk, today, OpeningHours(0, 24))

    begin = datetime.fromisoformat(found["free"][0]["starts_at"])
    assert abs((begin - datetime.now(UTC)).total_seconds()) < 60


def test_availability_of_an_unknown_doctor_is_not_found(desk: Desk) -> None:
    with desk.database.read() as connection, pytest.raises(NotFound):
        day_availability(connection, 4711, date(2099, 7, 1), NINE_TO_FIVE)


def test_the_next_free_time_of_each_doctor_skips_what_is_taken_and_past(desk: Desk) -> None:
    other, idle = add_doctor(desk.database), add_doctor(desk.database)
    desk.add_slot(-24)
    booked, held, free = desk.add_slot(24), desk.add_slot(25), desk.add_slot(26)
    others = desk.add_slot(48, doctor_id=other)
    desk.book(booked)
    desk.hold(held)

    with desk.database.read() as connection:
        found = next_free(connection, [desk.doctor_id, other, idle])

    assert {doctor: int(slot["id"]) for doctor, slot in found.items()} == {
        desk.doctor_id: free,
        other: others,
    }


def test_the_next_free_time_may_be_under_a_lapsed_hold(desk: Desk) -> None:
    lapsed = desk.add_slot(24)
    later = desk.add_slot(25)
    desk.hold(lapsed)
    desk.lapse(lapsed)

    with desk.database.read() as connection:
        first = next_free(connection, [desk.doctor_id])[desk.doctor_id]
        after = datetime.fromisoformat(first["starts_at"])
        second = next_free(connection, [desk.doctor_id], after)[desk.doctor_id]

    assert [int(first["id"]), int(second["id"])] == [lapsed, later]


def test_the_nearest_free_times_are_the_closest_on_either_side(desk: Desk) -> None:
    slots = {hours: desk.add_slot(hours) for hours in (-1, 44, 47, 48, 49, 51, 64)}
    desk.book(slots[48])
    desk.hold(slots[47])
    desk.lapse(slots[47])

    with desk.database.read() as connection:
        around = datetime.fromisoformat(read_slot(connection, slots[48])["starts_at"])
        found = nearest_free(connection, desk.doctor_id, around)

    assert [int(slot["id"]) for slot in found] == [slots[47], slots[49], slots[51]]


def test_days_are_counted_in_the_zone_of_the_doctor(desk: Desk) -> None:
    late = datetime(2099, 7, 1, 22, 30, tzinfo=UTC)  # half past midnight in Berlin
    with desk.database.transaction() as tx:
        for begin in (late, late + timedelta(hours=1), late + timedelta(hours=24)):
            row = {"doctor_id": desk.doctor_id, "starts_at": begin, "ends_at": begin + timedelta(minutes=30)}
            tx.execute(insert(Slot).values(row))

    with desk.database.read() as connection:
        counts = days_with_free(connection, desk.doctor_id, BERLIN, date(2099, 7, 1), date(2099, 7, 31))

    assert counts == {date(2099, 7, 2): 2, date(2099, 7, 3): 1}
