"""Appointments by interval: free slots step aside, and come back when nothing covers them."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.booking import actions
from app.booking.actions import GUEST, Interval
from app.booking.errors import BookingConflict, HoldExpired, SlotInPast
from app.errors import NotFound, ValidationFailed
from tests.booking.conftest import ANNA, Desk, owner_of
from tests.booking.promises import broken_promises

TOMORROW = datetime.now(UTC).replace(hour=9, minute=0, second=0, microsecond=0) + timedelta(days=1)


def at(minutes: int) -> datetime:
    return TOMORROW + timedelta(minutes=minutes)


def slot_at(desk: Desk, start: int, end: int) -> int:
    """A free slot between two minutes of tomorrow's clinic."""
    return desk.add_slot_between(at(start), at(end))


def appointment(desk: Desk, start: int, end: int) -> dict[str, Any]:
    interval = Interval(desk.doctor_id, at(start), at(end))
    return actions.book_interval(desk.engine, interval, ANNA, GUEST).value


def cancel(desk: Desk, booking: dict[str, Any]) -> None:
    actions.cancel_booking(desk.engine, uuid.UUID(booking["id"]), owner_of(booking))


def states(desk: Desk, *slot_ids: int) -> list[str]:
    return [str(desk.slot(slot_id).state) for slot_id in slot_ids]


def test_an_interval_is_booked_exactly_as_asked(desk: Desk) -> None:
    booking = appointment(desk, 10, 55)

    assert booking["status"] == "CONFIRMED"
    assert booking["is_appointment"]
    assert (booking["starts_at"], booking["ends_at"]) == tuple(
        moment.isoformat().replace("+00:00", "Z") for moment in (at(10), at(55))
    )
    assert broken_promises(desk.database) == []


def test_free_slots_step_aside_and_return_when_the_interval_is_cancelled(desk: Desk) -> None:
    before, under, across, after = (slot_at(desk, start, start + 30) for start in (0, 30, 60, 90))

    booking = appointment(desk, 30, 75)
    aside = states(desk, before, under, across, after)
    cancel(desk, booking)

    assert aside == ["OPEN", "BLOCKED", "BLOCKED", "OPEN"]
    assert states(desk, before, under, across, after) == ["OPEN"] * 4
    assert states(desk, int(booking["slot_id"])) == ["BLOCKED"]
    assert broken_promises(desk.database) == []


def test_a_slot_that_stepped_aside_is_not_offered(desk: Desk) -> None:
    slot = slot_at(desk, 0, 30)
    appointment(desk, 15, 45)

    with pytest.raises(BookingConflict) as caught:
        desk.book(slot)

    assert caught.value.extras["reason"] == "SLOT_BLOCKED"


def test_a_slot_under_two_intervals_returns_only_with_the_second(desk: Desk) -> None:
    shared = slot_at(desk, 30, 60)
    left, right = appointment(desk, 0, 40), appointment(desk, 40, 90)

    cancel(desk, left)
    after_one = states(desk, shared)
    cancel(desk, right)

    assert after_one == ["BLOCKED"]
    assert states(desk, shared) == ["OPEN"]
    assert broken_promises(desk.database) == []


def test_slots_that_would_overlap_each_other_do_not_both_return(desk: Desk) -> None:
    """The second was made while the first stood aside, and stepped aside itself."""
    first = slot_at(desk, 30, 60)
    left = appointment(desk, 0, 40)
    second = slot_at(desk, 40, 70)
    right = appointment(desk, 60, 90)
    middle = appointment(desk, 40, 60)
    cancel(desk, left)
    cancel(desk, right)

    cancel(desk, middle)

    assert states(desk, first, second) == ["OPEN", "BLOCKED"]
    assert broken_promises(desk.database) == []


@pytest.mark.parametrize("take", [Desk.hold, Desk.book], ids=["held", "booked"])
def test_an_interval_over_a_taken_slot_is_refused_and_moves_nothing(desk: Desk, take: Any) -> None:
    free, taken = slot_at(desk, 0, 30), slot_at(desk, 30, 60)
    take(desk, taken)

    with pytest.raises(BookingConflict) as caught:
        appointment(desk, 0, 45)

    assert caught.value.extras["reason"] == "OVERLAP"
    assert caught.value.extras["slot_id"] == str(taken)
    assert states(desk, free) == ["OPEN"]


def test_an_interval_over_another_appointment_is_refused(desk: Desk) -> None:
    appointment(desk, 0, 45)

    with pytest.raises(BookingConflict) as caught:
        appointment(desk, 44, 60)

    assert caught.value.extras["reason"] == "OVERLAP"


def test_touching_intervals_do_not_overlap(desk: Desk) -> None:
    appointment(desk, 0, 45)

    assert appointment(desk, 45, 60)["status"] == "CONFIRMED"
    assert broken_promises(desk.database) == []


def test_an_interval_takes_over_a_slot_whose_hold_has_lapsed(desk: Desk) -> None:
    slot = slot_at(desk, 0, 30)
    sleeper = desk.hold(slot)
    desk.lapse(slot)

    appointment(desk, 0, 30)

    with pytest.raises(HoldExpired):
        actions.confirm_booking(desk.engine, uuid.UUID(sleeper["id"]), owner_of(sleeper))
    assert states(desk, slot) == ["BLOCKED"]
    assert broken_promises(desk.database) == []


def test_a_cancelled_interval_leaves_its_time_free_for_the_same_interval(desk: Desk) -> None:
    slot = slot_at(desk, 0, 30)
    cancel(desk, appointment(desk, 0, 30))

    again = appointment(desk, 0, 30)

    assert again["status"] == "CONFIRMED"
    assert states(desk, slot) == ["BLOCKED"]


def test_moving_an_appointment_to_a_slot_retires_its_own(desk: Desk) -> None:
    under, target = slot_at(desk, 0, 30), slot_at(desk, 60, 90)
    booking = appointment(desk, 0, 30)

    moved = actions.reschedule_booking(desk.engine, uuid.UUID(booking["id"]), target, owner_of(booking)).value

    assert moved["slot_id"] == str(target)
    assert not moved["is_appointment"]
    assert states(desk, under, target, int(booking["slot_id"])) == ["OPEN", "BOOKED", "BLOCKED"]
    assert broken_promises(desk.database) == []


def test_an_interval_in_the_past_is_refused(desk: Desk) -> None:
    interval = Interval(desk.doctor_id, datetime.now(UTC) - timedelta(minutes=5), at(0))

    with pytest.raises(SlotInPast):
        actions.book_interval(desk.engine, interval, ANNA, GUEST)


@pytest.mark.parametrize("end", [30, 0])
def test_an_interval_that_does_not_end_after_its_start_is_refused(desk: Desk, end: int) -> None:
    with pytest.raises(ValidationFailed):
        appointment(desk, 30, end)


def test_an_interval_of_an_unknown_doctor_is_not_found(desk: Desk) -> None:
    with pytest.raises(NotFound):
        actions.book_interval(desk.engine, Interval(987654, at(0), at(30)), ANNA, GUEST)
