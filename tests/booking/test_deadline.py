"""Until when patients change a booking, and why a time is not offered."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert

from app.booking.actions import (
    Actor,
    ClosureDraft,
    Interval,
    cancel_booking,
    close_time,
    release_hold,
    reschedule_booking,
)
from app.booking.deadline import change_until
from app.booking.errors import TooLateToChange
from app.booking.statistics import read_statistics
from app.booking.why_not import why_not_offered
from app.clinic import rules
from app.clinic.rules import ClinicRules
from app.tables import OpeningHours
from tests.booking.conftest import Desk, owner_of

DESK = Actor("user:desk", is_staff=True)
BERLIN = ZoneInfo("Europe/Berlin")


def allow_until(desk: Desk, hours: int) -> None:
    desk.database.run(lambda tx: rules.write(tx, ClinicRules(change_until_hours=hours)))


def test_a_patient_is_told_that_it_is_too_late_and_the_desk_helps(desk: Desk) -> None:
    old, new = desk.add_slot(24), desk.add_slot(72)
    booking = desk.book(old)
    allow_until(desk, 48)

    for change in (
        lambda: cancel_booking(desk.engine, uuid.UUID(booking["id"]), owner_of(booking)),
        lambda: reschedule_booking(desk.engine, uuid.UUID(booking["id"]), new, owner_of(booking)),
    ):
        with pytest.raises(TooLateToChange, match="until 48 hours before"):
            change()

    assert cancel_booking(desk.engine, uuid.UUID(booking["id"]), DESK).value["status"] == "CANCELLED"


def test_before_the_deadline_and_without_one_it_is_theirs_to_change(desk: Desk) -> None:
    early, late = desk.book(desk.add_slot(72)), desk.book(desk.add_slot(24))

    allow_until(desk, 48)
    assert cancel_booking(desk.engine, uuid.UUID(early["id"]), owner_of(early)).value["status"] == "CANCELLED"
    allow_until(desk, 0)
    assert cancel_booking(desk.engine, uuid.UUID(late["id"]), owner_of(late)).value["status"] == "CANCELLED"


def test_a_hold_has_no_deadline_but_its_own(desk: Desk) -> None:
    held = desk.hold(desk.add_slot(24))
    allow_until(desk, 48)

    assert release_hold(desk.engine, uuid.UUID(held["id"]), owner_of(held)).value["status"] == "CANCELLED"


def test_the_last_moment_is_told(desk: Desk) -> None:
    allow_until(desk, 48)
    noon = datetime(2030, 1, 7, 12, tzinfo=UTC)

    with desk.database.read() as connection:
        assert change_until(connection, noon) == noon - timedelta(days=2)


def test_every_reason_why_a_time_is_not_offered(desk: Desk) -> None:
    free, booked, held = (desk.add_slot(hours) for hours in (24, 25, 26))
    desk.book(booked)
    desk.hold(held)
    closed = desk.add_slot(48)
    span = desk.slot(closed)
    away = Interval(desk.doctor_id, span.starts_at, span.ends_at)
    close_time(desk.engine, ClosureDraft(away, "Training"), DESK)

    def why(moment: datetime) -> str | None:
        with desk.database.read() as connection:
            return why_not_offered(connection, desk.doctor_id, moment)

    assert why(desk.slot(free).starts_at) is None
    assert why(desk.slot(free).starts_at + timedelta(minutes=10)) is None
    assert why(desk.slot(booked).starts_at) == "This time is already booked."
    assert "Somebody is booking this time" in (why(desk.slot(held).starts_at) or "")
    assert why(span.starts_at) == "The doctor is away then: Training."
    assert why(datetime(2020, 1, 1, tzinfo=UTC)) == "That time has passed."
    assert why(desk.slot(free).starts_at + timedelta(days=9)) == "The doctor offers no time then."


def test_the_usual_week_explains_the_rest(desk: Desk) -> None:
    with desk.database.transaction() as tx:
        values = {"doctor_id": desk.doctor_id, "weekday": 0, "opens_minute": 540, "closes_minute": 720}
        tx.execute(insert(OpeningHours).values(duration_minutes=30, **values))
    monday = datetime(2099, 11, 23, 9, 30, tzinfo=BERLIN)

    with desk.database.read() as connection:
        told = [
            why_not_offered(connection, desk.doctor_id, moment)
            for moment in (monday, monday.replace(hour=13), monday + timedelta(days=1))
        ]

    assert told == [
        "The times of that day have not been published yet.",
        "The doctor does not work at that hour.",
        "The doctor does not work on that day.",
    ]


def test_statistics_are_what_is_in_the_database(desk: Desk) -> None:
    slots = [desk.add_slot(24 + number / 2) for number in range(4)]
    kept, cancelled = desk.book(slots[0]), desk.book(slots[1])
    desk.hold(slots[2])
    cancel_booking(desk.engine, uuid.UUID(cancelled["id"]), DESK)
    begin = desk.slot(slots[0]).starts_at
    local = begin.astimezone(BERLIN)

    with desk.database.read() as connection:
        found = read_statistics(connection, begin, begin + timedelta(hours=3), BERLIN)

    assert found.by_status == {"CONFIRMED": 1, "CANCELLED": 1, "PENDING": 1}
    assert found.total == 3
    assert found.kept_by_day[local.date()] == 1
    assert found.cancelled_by_day[local.date()] == 1
    assert found.kept_by_hour == {local.hour: 1}
    assert [(use.taken, use.offered, use.percent) for use in found.use] == [(1, 4, 25)]
    assert found.lead_days == pytest.approx((begin - datetime.now(UTC)) / timedelta(days=1), abs=0.1)
    assert found.no_show_percent is None
    assert kept["status"] == "CONFIRMED"


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Asia/Kolkata", "Asia/Kathmandu", "America/St_Johns"])
def test_days_and_hours_are_those_of_the_zone(desk: Desk, zone: str) -> None:
    slot_id = desk.add_slot(24)
    desk.book(slot_id)
    begin = desk.slot(slot_id).starts_at
    local = begin.astimezone(ZoneInfo(zone))

    with desk.database.read() as connection:
        found = read_statistics(connection, begin, begin + timedelta(minutes=1), ZoneInfo(zone))

    assert found.kept_by_day == {local.date(): 1}
    assert found.kept_by_hour == {local.hour: 1}


def test_an_empty_span_has_nothing_and_says_so(desk: Desk) -> None:
    begin = datetime(2099, 1, 1, tzinfo=UTC)

    with desk.database.read() as connection:
        found = read_statistics(connection, begin, begin + timedelta(days=2), ZoneInfo("UTC"))

    assert (found.total, found.lead_days, found.use) == (0, None, [])
    assert list(found.kept_by_day.values()) == [0, 0]
