import itertools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from app.booking.actions import Actor, ClosureDraft, Interval, close_time
from app.directory.bulk import create_slots
from app.directory.generation import Window
from app.directory.slots import SlotDraft, create_slot
from app.errors import Conflict, NotFound, ValidationFailed
from app.idempotency import RequestKey
from tests.directory.conftest import ADMIN, House

MONDAY = date(2099, 11, 23)
DAY = Window(MONDAY, MONDAY, 9 * 60, 17 * 60, 30)


def create(house: House, doctor: int, window: Window = DAY) -> dict:
    return create_slots(house.directory, doctor, window, ADMIN).value


def test_an_office_day_in_half_hours_makes_sixteen_slots(house: House) -> None:
    doctor = house.add_doctor()

    report = create(house, doctor)

    assert (report["count"], report["created"], report["skipped"]) == (16, 16, 0)
    assert len(house.slots()) == 16
    assert house.slots()[0].starts_at == datetime(2099, 11, 23, 8, 0, tzinfo=UTC)
    assert sum(len(change["slots"]) for change in house.changes()) == 16


def test_making_the_same_slots_again_changes_nothing(house: House) -> None:
    doctor = house.add_doctor()
    week = replace(DAY, last_day=MONDAY + timedelta(days=6), exclude_weekends=True)

    first = create(house, doctor, week)
    before = house.slots()
    second = create(house, doctor, week)

    assert (first["created"], second["created"]) == (80, 0)
    assert second["skipped_reasons"] == {"ALREADY_THERE": 80}
    assert house.slots() == before


def test_a_longer_range_adds_only_what_is_missing(house: House) -> None:
    doctor = house.add_doctor()
    create(house, doctor)

    report = create(house, doctor, replace(DAY, last_day=MONDAY + timedelta(days=1), closes_minute=18 * 60))

    assert (report["created"], report["skipped"]) == (2 + 18, 16)


def test_times_that_overlap_what_is_there_are_skipped_and_named(house: House) -> None:
    doctor = house.add_doctor()
    house.add_slot(doctor, datetime(2099, 11, 23, 8, 15, tzinfo=UTC), 30)
    house.add_slot(
        doctor, datetime(2099, 11, 23, 10, 0, tzinfo=UTC), 30, state="BLOCKED", block_reason="stepped_aside"
    )
    house.add_slot(
        doctor, datetime(2099, 11, 23, 12, 0, tzinfo=UTC), 30, state="BLOCKED", block_reason="closed"
    )

    report = create(house, doctor)

    assert report["created"] == 13
    assert report["skipped_samples"] == [
        {"slot_date": "2099-11-23", "slot_time": "09:00", "reason": "OVERLAP"},
        {"slot_date": "2099-11-23", "slot_time": "09:30", "reason": "OVERLAP"},
        {"slot_date": "2099-11-23", "slot_time": "11:00", "reason": "ALREADY_THERE"},
    ]


def test_times_of_today_that_have_passed_are_skipped(house: House) -> None:
    doctor = house.add_doctor(timezone="UTC")
    today = datetime.now(UTC).date()
    whole_day = Window(today, today + timedelta(days=1), 0, 24 * 60, 60)

    report = create(house, doctor, whole_day)

    assert report["created"] + report["skipped"] == 48
    assert report["skipped_reasons"] == {"IN_THE_PAST": report["skipped"]}
    assert 1 <= report["skipped"] <= 25


def test_times_that_clocks_skip_are_reported(house: House) -> None:
    doctor = house.add_doctor()
    night = Window(date(2099, 3, 29), date(2099, 3, 29), 60, 240, 30)

    report = create(house, doctor, night)

    assert report["created"] == 4
    assert report["skipped_reasons"] == {"NO_SUCH_LOCAL_TIME": 2}


def test_a_window_in_the_past_is_refused(house: House) -> None:
    yesterday = datetime.now(UTC).date() - timedelta(days=2)

    with pytest.raises(ValidationFailed) as caught:
        create(house, house.add_doctor(), replace(DAY, first_day=yesterday, last_day=yesterday))

    assert caught.value.extras["errors"] == [{"field": "start_date", "message": "is in the past"}]


def test_a_weekend_without_weekends_makes_nothing(house: House) -> None:
    saturday = MONDAY + timedelta(days=5)
    weekend = replace(DAY, first_day=saturday, last_day=saturday + timedelta(days=1), exclude_weekends=True)

    report = create(house, house.add_doctor(), weekend)

    assert (report["created"], report["skipped"]) == (0, 0)
    assert house.changes() == []


def test_there_are_no_slots_without_a_doctor(house: House) -> None:
    with pytest.raises(NotFound):
        create(house, 4711)


def test_a_repeated_request_gets_the_first_answer(house: House) -> None:
    doctor = house.add_doctor()
    request = RequestKey.of("user:1", "key-1", {"doctor_id": doctor})

    first = create_slots(house.directory, doctor, DAY, ADMIN, request)
    second = create_slots(house.directory, doctor, DAY, ADMIN, request)

    assert (second.replayed, second.value["created"]) == (True, 16)
    assert first.value == second.value


def test_shifted_windows_made_at_once_leave_no_overlap(house: House) -> None:
    doctor = house.add_doctor()
    windows = [replace(DAY, opens_minute=9 * 60 + 10 * shift) for shift in range(6)]

    with ThreadPoolExecutor(6) as pool:
        made = sum(report["created"] for report in pool.map(lambda w: create(house, doctor, w), windows))

    slots = house.slots()
    assert made == len(slots)
    assert all(one.ends_at <= other.starts_at for one, other in itertools.pairwise(slots))


def test_a_year_of_slots_fits_in_one_call(house: House) -> None:
    doctor = house.add_doctor()
    year = replace(DAY, last_day=MONDAY + timedelta(days=365), duration_minutes=15)

    report = create(house, doctor, year)

    assert report["created"] == 366 * 32
    assert sum(len(change["slots"]) for change in house.changes()) == 366 * 32


def test_a_closed_time_gets_no_slots(house: House) -> None:
    doctor = house.add_doctor()
    noon = datetime(2099, 11, 23, 11, tzinfo=UTC)
    closed = ClosureDraft(Interval(doctor, noon, noon + timedelta(hours=1)), "Training")
    close_time(house.engine, closed, Actor("desk", is_staff=True))

    report = create(house, doctor)

    assert (report["created"], report["skipped_reasons"]) == (14, {"CLOSED": 2})
    with pytest.raises(Conflict):
        create_slot(house.directory, SlotDraft(doctor, noon, 30), ADMIN)


@pytest.mark.parametrize(
    ("zone", "first", "hours", "expected"),
    [
        # The night of the change and the day after it, every half hour: a day has 23, 25 or 24.5 hours.
        ("Europe/Berlin", date(2099, 3, 28), 24, 96 - 2),
        ("Europe/Berlin", date(2099, 10, 24), 24, 96),
        ("America/New_York", date(2099, 3, 7), 24, 96 - 2),
        ("America/New_York", date(2099, 10, 31), 24, 96),
        ("Australia/Lord_Howe", date(2099, 10, 3), 24, 96 - 1),
        ("Australia/Lord_Howe", date(2099, 4, 4), 24, 96),
        # By day nobody notices but the instants.
        ("Europe/Berlin", date(2099, 3, 28), 8, 32),
        ("Australia/Lord_Howe", date(2099, 10, 3), 8, 32),
    ],
)
def test_over_a_change_of_the_clocks_the_instants_are_those_a_walk_through_time_finds(
    house: House, zone: str, first: date, hours: int, expected: int
) -> None:
    doctor = house.add_doctor(timezone=zone)
    opens = 0 if hours == 24 else 9 * 60
    window = Window(first, first + timedelta(days=1), opens, opens + hours * 60, 30)

    report = create(house, doctor, window)

    # Every five minutes of real time, the clock on that wall is read; the first time it shows a start counts.
    read: dict[datetime, datetime] = {}
    moment = datetime.combine(first, datetime.min.time(), UTC) - timedelta(hours=15)
    while moment.date() <= first + timedelta(days=3):
        read.setdefault(moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None), moment)
        moment += timedelta(minutes=5)
    starts = {
        at
        for shown, at in read.items()
        if first <= shown.date() <= first + timedelta(days=1)
        and shown.minute % 30 == 0
        and opens <= shown.hour * 60 + shown.minute < opens + hours * 60
    }
    assert report["created"] == expected
    assert {slot.starts_at for slot in house.slots()} == starts
