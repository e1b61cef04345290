"""Many people want overlapping pieces of one doctor's time: no two of them get any minute."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Select, select

from app.booking.actions import GUEST, Interval, book_interval, cancel_booking
from app.booking.errors import BookingConflict
from app.booking.local_queue import LocalQueue
from app.errors import Unavailable
from app.tables import Doctor, Stream
from tests.booking.conftest import ANNA, Desk, owner_of
from tests.booking.promises import broken_promises
from tests.lineup import line_up
from tests.together import together

MORNING = datetime.now(UTC).replace(hour=8, minute=0, second=0, microsecond=0) + timedelta(days=1)
Minutes = tuple[int, int]


@pytest.fixture
def nodes(make_desk: Callable[..., Desk], database_url: str) -> list[Desk]:
    first = make_desk(database_url)
    return [first, make_desk(database_url, node_id="node-2", doctor_id=first.doctor_id)]


def appointment(desk: Desk, minutes: Minutes) -> dict[str, Any]:
    start, end = (MORNING + timedelta(minutes=minute) for minute in minutes)
    return book_interval(desk.engine, Interval(desk.doctor_id, start, end), ANNA, GUEST).value


def cancel(desk: Desk, booking: dict[str, Any]) -> dict[str, Any]:
    return cancel_booking(desk.engine, uuid.UUID(booking["id"]), owner_of(booking)).value


def slot_at(desk: Desk, start: int, end: int) -> int:
    return desk.add_slot_between(MORNING + timedelta(minutes=start), MORNING + timedelta(minutes=end))


def overlap(left: Minutes, right: Minutes) -> bool:
    return left[0] < right[1] and right[0] < left[1]


def some_intervals(count: int, seed: int) -> list[Minutes]:
    """None equal to another, most of them overlapping."""
    dice = random.Random(seed)
    every = [(start, start + length) for start in range(0, 240, 5) for length in (15, 20, 35, 50)]
    return dice.sample(every, count)


def the_news_of(desk: Desk) -> Select[Any]:
    """The row every change of the doctor's slots takes last."""
    return select(Stream.name).where(Stream.name == f"doctor:{desk.doctor_id}")


def test_of_overlapping_intervals_only_disjoint_ones_are_booked(nodes: list[Desk], database_url: str) -> None:
    wanted = some_intervals(10 if database_url.startswith("sqlite") else 40, seed=3)

    outcomes = together([lambda n=n: appointment(nodes[n % 2], wanted[n]) for n in range(len(wanted))])

    won = [minutes for minutes, outcome in zip(wanted, outcomes, strict=True) if isinstance(outcome, dict)]
    lost = [
        (m, outcome) for m, outcome in zip(wanted, outcomes, strict=True) if not isinstance(outcome, dict)
    ]
    assert won
    for minutes, outcome in lost:
        assert isinstance(outcome, BookingConflict), repr(outcome)
        assert outcome.extras["reason"] == "OVERLAP"
        assert any(overlap(minutes, winner) for winner in won), f"{minutes} was refused without cause"
    assert broken_promises(nodes[0].database) == []


def test_a_slot_and_an_interval_over_it_have_one_winner(nodes: list[Desk]) -> None:
    slots = [slot_at(nodes[0], start, start + 30) for start in (0, 30, 60, 90)]

    def want(number: int) -> Callable[[], Any]:
        if number % 2:
            return lambda: appointment(nodes[1], (number * 10, number * 10 + 25))
        return lambda: nodes[0].book(slots[number // 2 % 4])

    outcomes = together([want(number) for number in range(12)])

    assert any(isinstance(outcome, dict) for outcome in outcomes)
    assert all(isinstance(outcome, dict | BookingConflict) for outcome in outcomes), outcomes
    assert broken_promises(nodes[0].database) == []


def test_intervals_booked_and_cancelled_at_once_give_every_slot_back(nodes: list[Desk]) -> None:
    slots = [slot_at(nodes[0], start, start + 30) for start in range(0, 240, 30)]

    def come_and_go(desk: Desk, seed: int) -> int:
        booked = 0
        for minutes in some_intervals(4, seed):
            try:
                booking = appointment(desk, minutes)
            except BookingConflict:
                continue
            booked += 1
            cancel(desk, booking)
        return booked

    outcomes = together([lambda n=n: come_and_go(nodes[n % 2], n) for n in range(6)])

    assert sum(outcomes) > 0
    assert {nodes[0].slot(slot).state for slot in slots} == {"OPEN"}
    assert broken_promises(nodes[0].database) == []


def test_an_interval_about_to_commit_keeps_a_slot_aside_that_a_cancellation_would_reopen(
    make_desk: Callable[..., Desk], postgres_url: str
) -> None:
    desk = make_desk(postgres_url)
    shared = slot_at(desk, 30, 60)
    left = appointment(desk, (0, 40))

    booked, cancelled = line_up(
        desk.database, the_news_of(desk), lambda: appointment(desk, (45, 90)), lambda: cancel(desk, left)
    )

    assert booked["status"] == "CONFIRMED"
    assert cancelled["status"] == "CANCELLED"
    assert desk.slot(shared).state == "BLOCKED"
    assert broken_promises(desk.database) == []


def test_a_slot_about_to_return_steps_aside_again_for_the_next_interval(
    make_desk: Callable[..., Desk], postgres_url: str
) -> None:
    desk = make_desk(postgres_url)
    shared = slot_at(desk, 30, 60)
    left = appointment(desk, (0, 40))

    cancelled, booked = line_up(
        desk.database, the_news_of(desk), lambda: cancel(desk, left), lambda: appointment(desk, (45, 90))
    )

    assert cancelled["status"] == "CANCELLED"
    assert booked["status"] == "CONFIRMED"
    assert desk.slot(shared).state == "BLOCKED"
    assert broken_promises(desk.database) == []


def test_a_slot_under_two_intervals_cancelled_at_once_returns(
    make_desk: Callable[..., Desk], postgres_url: str
) -> None:
    desk = make_desk(postgres_url)
    shared = slot_at(desk, 30, 60)
    left, right = appointment(desk, (0, 40)), appointment(desk, (40, 90))

    outcomes = line_up(
        desk.database, the_news_of(desk), lambda: cancel(desk, left), lambda: cancel(desk, right)
    )

    assert [booking["status"] for booking in outcomes] == ["CANCELLED", "CANCELLED"]
    assert desk.slot(shared).state == "OPEN"
    assert broken_promises(desk.database) == []


def test_whoever_wants_a_taken_time_does_not_queue_for_the_doctor(
    make_desk: Callable[..., Desk], postgres_url: str
) -> None:
    desk = make_desk(postgres_url)
    appointment(desk, (0, 40))

    with desk.database.transaction() as tx:  # somebody else's booking with the same doctor, under way
        tx.execute(select(Doctor.id).where(Doctor.id == desk.doctor_id).with_for_update())
        (outcome,) = together([lambda: appointment(desk, (30, 60))])

    assert isinstance(outcome, BookingConflict)
    assert outcome.extras["reason"] == "OVERLAP"


def test_whoever_would_wait_too_long_for_the_doctor_may_come_again(desk: Desk) -> None:
    impatient = replace(desk, engine=replace(desk.engine, local_queue=LocalQueue(seconds=0.05)))

    with impatient.engine.local_queue.turn(desk.doctor_id):
        (outcome,) = together([lambda: appointment(impatient, (0, 40))])

    assert isinstance(outcome, Unavailable)
