"""Many people, several nodes, one slot: whoever wins, nobody else does, and everybody hears the truth."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event

from app.booking.actions import GUEST, Claim, cancel_booking, hold_slot, reschedule_booking
from app.booking.errors import BookingConflict
from app.database_errors import sqlstate
from tests.booking.conftest import ANNA, NO_REDIS, Desk, owner_of
from tests.booking.promises import broken_promises
from tests.together import together

NODES = 3


@pytest.fixture
def clients(database_url: str) -> int:
    """How many race: SQLite has one writer and gives everybody a turn."""
    return 15 if database_url.startswith("sqlite") else 48


@pytest.fixture(params=["redis", "no redis"])
def nodes(request: pytest.FixtureRequest, make_desk: Callable[..., Desk], database_url: str) -> list[Desk]:
    """Engines of several nodes over one database."""
    options = {"redis": NO_REDIS} if request.param == "no redis" else {}
    first = make_desk(database_url, **options)
    others = (f"node-{number}" for number in range(2, NODES + 1))
    return [
        first,
        *(make_desk(database_url, node_id=node, doctor_id=first.doctor_id, **options) for node in others),
    ]


def winners(outcomes: list[Any]) -> list[dict[str, Any]]:
    return [outcome for outcome in outcomes if isinstance(outcome, dict)]


def reasons(outcomes: list[Any]) -> set[str]:
    """What the losers were told; anything but a conflict shows under its own name."""
    lost = [outcome for outcome in outcomes if not isinstance(outcome, dict)]
    return {loser.extras["reason"] if isinstance(loser, BookingConflict) else repr(loser) for loser in lost}


def move(desk: Desk, booking: dict[str, Any], slot_id: int) -> dict[str, Any]:
    return reschedule_booking(desk.engine, uuid.UUID(booking["id"]), slot_id, owner_of(booking)).value


def sqlstates(nodes: list[Desk]) -> list[str | None]:
    """Fills with the errors that the database reports from now on, also those the product recovers from."""
    seen: list[str | None] = []
    for desk in nodes:
        event.listen(
            desk.database.engine,
            "handle_error",
            lambda context: seen.append(sqlstate(context.sqlalchemy_exception)),
        )
    return seen


def test_one_of_many_books_the_slot_and_all_others_hear_that_it_is_taken(
    nodes: list[Desk], clients: int
) -> None:
    slot = nodes[0].add_slot()

    outcomes = together([lambda desk=nodes[n % NODES]: desk.book(slot) for n in range(clients)])

    assert len(winners(outcomes)) == 1
    assert reasons(outcomes) == {"SLOT_TAKEN"}
    assert str(nodes[0].slot(slot).booking_id) == winners(outcomes)[0]["id"]
    assert broken_promises(nodes[0].database) == []


def test_one_of_many_holds_the_slot_and_all_others_hear_that_it_is_held(
    nodes: list[Desk], clients: int
) -> None:
    slot = nodes[0].add_slot()

    outcomes = together([lambda desk=nodes[n % NODES]: desk.hold(slot) for n in range(clients)])

    assert len(winners(outcomes)) == 1
    assert reasons(outcomes) == {"SLOT_HELD"}
    assert broken_promises(nodes[0].database) == []


def test_one_of_many_takes_over_a_lapsed_hold(nodes: list[Desk], clients: int) -> None:
    slot = nodes[0].add_slot()
    sleeper = nodes[0].hold(slot)
    nodes[0].lapse(slot)

    outcomes = together([lambda desk=nodes[n % NODES]: desk.book(slot) for n in range(clients)])

    assert len(winners(outcomes)) == 1
    assert winners(outcomes)[0]["fence"] > sleeper["fence"]
    assert reasons(outcomes) == {"SLOT_TAKEN"}
    assert broken_promises(nodes[0].database) == []


def test_overlapping_sets_of_slots_are_taken_all_or_nothing_without_a_deadlock(
    nodes: list[Desk], clients: int
) -> None:
    slots = [nodes[0].add_slot(24 + number) for number in range(6)]
    dice = random.Random(7)
    wanted = [tuple(dice.sample(slots, dice.randint(2, 4))) for _ in range(clients)]

    def take(desk: Desk, slot_ids: tuple[int, ...]) -> dict[str, Any]:
        return hold_slot(desk.engine, Claim(slot_ids, ANNA), GUEST).value

    seen = sqlstates(nodes)

    outcomes = together([lambda n=n: take(nodes[n % NODES], wanted[n]) for n in range(clients)])

    owned = [int(slot["id"]) for booking in winners(outcomes) for slot in booking["slots"]]
    assert winners(outcomes)
    assert len(owned) == len(set(owned))
    assert reasons(outcomes) <= {"SLOT_HELD"}
    for outcome, slot_ids in zip(outcomes, wanted, strict=True):
        if isinstance(outcome, dict):
            assert [int(slot["id"]) for slot in outcome["slots"]] == sorted(slot_ids)
    assert seen == []
    assert broken_promises(nodes[0].database) == []


def test_taking_and_cancelling_sets_of_slots_at_once_never_deadlocks(nodes: list[Desk]) -> None:
    slots = [nodes[0].add_slot(24 + number) for number in range(5)]

    def take_and_give_back(desk: Desk, seed: int) -> int:
        dice = random.Random(seed)
        taken = 0
        for _ in range(6):
            claim = Claim(tuple(dice.sample(slots, 3)), ANNA, instant=True)
            try:
                booking = hold_slot(desk.engine, claim, GUEST).value
            except BookingConflict:
                continue
            taken += 1
            cancel_booking(desk.engine, uuid.UUID(booking["id"]), owner_of(booking))
        return taken

    seen = sqlstates(nodes)

    outcomes = together([lambda n=n: take_and_give_back(nodes[n % NODES], n) for n in range(8)])

    assert sum(outcomes) > 0
    assert seen == []
    assert {nodes[0].slot(slot).state for slot in slots} == {"OPEN"}
    assert broken_promises(nodes[0].database) == []


def test_of_many_bookings_moved_to_one_slot_one_arrives_and_the_others_stay(nodes: list[Desk]) -> None:
    target = nodes[0].add_slot(24)
    bookings = [nodes[0].book(nodes[0].add_slot(25 + number)) for number in range(8)]

    outcomes = together([lambda n=n: move(nodes[n % NODES], bookings[n], target) for n in range(8)])

    assert len(winners(outcomes)) == 1
    assert reasons(outcomes) == {"SLOT_TAKEN"}
    for outcome, booking in zip(outcomes, bookings, strict=True):
        expected = "OPEN" if isinstance(outcome, dict) else "BOOKED"
        assert nodes[0].slot(int(booking["slot_id"])).state == expected
    assert broken_promises(nodes[0].database) == []


def test_two_bookings_cannot_swap_their_slots(nodes: list[Desk]) -> None:
    left, right = nodes[0].add_slot(24), nodes[0].add_slot(25)
    first, second = nodes[0].book(left), nodes[1].book(right)

    outcomes = together([lambda: move(nodes[1], first, right), lambda: move(nodes[2], second, left)])

    assert winners(outcomes) == []
    assert reasons(outcomes) == {"SLOT_TAKEN"}
    assert str(nodes[0].slot(left).booking_id) == first["id"]
    assert str(nodes[0].slot(right).booking_id) == second["id"]
    assert broken_promises(nodes[0].database) == []
