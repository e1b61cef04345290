"""Any doctor who has time: the first one, chosen and taken in one transaction."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest

from app.booking.actions import GUEST, Actor, FirstFree, hold_first_free
from app.booking.errors import BookingConflict
from app.errors import Forbidden
from tests.booking.conftest import ANNA, Desk, a_doctor
from tests.booking.promises import broken_promises

DESK = Actor("user:desk", is_staff=True)


def take(desk: Desk, **wanted: object) -> dict[str, str]:
    return hold_first_free(desk.engine, FirstFree(ANNA, **wanted), GUEST).value  # type: ignore[arg-type]


def test_the_earliest_time_of_any_doctor_is_held(desk: Desk) -> None:
    colleague = a_doctor(desk.database)
    desk.add_slot(25)
    earliest = desk.add_slot(24, doctor_id=colleague)

    held = take(desk)

    assert (int(held["slot_id"]), held["status"]) == (earliest, "PENDING")


def test_it_is_booked_at_once_when_asked(desk: Desk) -> None:
    desk.add_slot()

    assert take(desk, instant=True)["status"] == "CONFIRMED"
    assert broken_promises(desk.database) == []


def test_the_wish_narrows_doctors_specialty_and_span(desk: Desk) -> None:
    colleague = a_doctor(desk.database)
    desk.add_slot(24)
    theirs, later = desk.add_slot(25, doctor_id=colleague), desk.add_slot(48)
    begin = desk.slot(later).starts_at

    assert int(take(desk, doctor_ids=(colleague,))["slot_id"]) == theirs
    assert int(take(desk, starts_from=begin, specialization=" cardiology ")["slot_id"]) == later
    with pytest.raises(BookingConflict):
        take(desk, specialization="Dermatology")
    with pytest.raises(BookingConflict):
        take(desk, starts_before=begin - timedelta(days=5))


def test_taken_held_and_intervals_are_passed_over(desk: Desk) -> None:
    booked, held, free = (desk.add_slot(hours) for hours in (24, 25, 26))
    desk.book(booked)
    desk.hold(held)

    assert int(take(desk)["slot_id"]) == free


def test_a_lapsed_hold_is_a_free_time(desk: Desk) -> None:
    slot_id = desk.add_slot()
    desk.hold(slot_id)
    desk.lapse(slot_id)

    assert int(take(desk)["slot_id"]) == slot_id
    assert broken_promises(desk.database) == []


def test_none_left_says_so(desk: Desk) -> None:
    with pytest.raises(BookingConflict) as refused:
        take(desk)

    assert (refused.value.extras["reason"], refused.value.retryable) == ("SOLD_OUT", False)


def test_a_walk_in_is_booked_and_has_arrived_in_one_step(desk: Desk) -> None:
    desk.add_slot(1)

    booking = hold_first_free(desk.engine, FirstFree(ANNA, instant=True, has_arrived=True), DESK).value

    assert booking["status"] == "ARRIVED"
    assert booking["arrived_at"] is not None
    assert broken_promises(desk.database) == []


def test_a_guest_does_not_walk_in_by_themselves(desk: Desk) -> None:
    desk.add_slot(1)

    with pytest.raises(Forbidden):
        take(desk, instant=True, has_arrived=True)


def test_many_at_once_get_times_of_their_own(make_desk: Callable[..., Desk], postgres_url: str) -> None:
    desk = make_desk(postgres_url)
    slots = {desk.add_slot(24 + number) for number in range(8)}
    got: list[int] = []

    def ask() -> None:
        got.append(int(take(desk, instant=True)["slot_id"]))

    threads = [threading.Thread(target=ask) for _ in slots]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert set(got) == slots
    assert broken_promises(desk.database) == []
