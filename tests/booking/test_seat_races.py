"""Many people, several nodes, one hall: no seat twice, no part of a group, no deadlock."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from app.booking import actions
from app.booking.actions import GUEST, Claim, SeatWish
from app.booking.errors import BookingConflict
from tests.booking.conftest import ANNA, NO_REDIS, Desk, owner_of
from tests.booking.promises import broken_promises
from tests.booking.test_races import reasons, sqlstates, winners
from tests.cinema import Cinema, block
from tests.together import outcome_of, together

NODES = 3


@pytest.fixture(params=["redis", "no redis"])
def nodes(request: pytest.FixtureRequest, make_desk: Callable[..., Desk], database_url: str) -> list[Desk]:
    options = {"redis": NO_REDIS} if request.param == "no redis" else {}
    first = make_desk(database_url, **options)
    return [
        first,
        *(make_desk(database_url, node_id=f"node-{n}", doctor_id=first.doctor_id, **options) for n in (2, 3)),
    ]


@pytest.fixture
def cinema(nodes: list[Desk]) -> Cinema:
    return Cinema.on(nodes[0].database)


def seats_of(bookings: list[dict[str, Any]]) -> list[str]:
    return [slot["id"] for booking in bookings for slot in booking["slots"]]


def test_random_overlapping_groups_fill_the_hall_without_a_seat_sold_twice(
    nodes: list[Desk], cinema: Cinema
) -> None:
    hall = list(cinema.ids(cinema.add_showtime(block(5, 8))).values())

    def grab(desk: Desk, seed: int) -> list[tuple[tuple[int, ...], Any]]:
        dice = random.Random(seed)
        wishes = [tuple(dice.sample(hall, dice.randint(1, 6))) for _ in range(8)]
        return [(wish, outcome_of(lambda wish=wish: take(desk, wish))) for wish in wishes]

    def take(desk: Desk, wanted: tuple[int, ...]) -> dict[str, Any]:
        return actions.hold_slot(desk.engine, Claim(wanted, ANNA, instant=True), GUEST).value

    seen = sqlstates(nodes)

    tried = together([lambda n=n: grab(nodes[n % NODES], n) for n in range(9)])

    outcomes = [each for tries in tried for each in tries]
    for wanted, outcome in outcomes:
        if isinstance(outcome, BookingConflict):
            assert {seat["id"] for seat in outcome.extras.get("seats", ())} <= set(map(str, wanted))
        else:
            assert {slot["id"] for slot in outcome["slots"]} == set(map(str, wanted))
    sold = seats_of(winners([outcome for _, outcome in outcomes]))
    assert len(sold) == len(set(sold))
    assert len(sold) > 10
    assert seen == []
    assert broken_promises(nodes[0].database) == []


def test_the_best_seats_of_many_callers_are_disjoint_adjacent_and_end_with_sold_out(
    nodes: list[Desk], cinema: Cinema
) -> None:
    showtime = cinema.add_showtime(block(12, 4))

    def ask(desk: Desk, count: int) -> dict[str, Any]:
        claim = actions.BestClaim(showtime, SeatWish(count), ANNA)
        return actions.hold_best(desk.engine, claim, GUEST).value

    outcomes = together([lambda n=n: ask(nodes[n % NODES], 4) for n in range(16)])

    got = winners(outcomes)
    assert len(got) == 12
    assert len(set(seats_of(got))) == 48
    for booking in got:
        numbers = sorted(slot["number"] for slot in booking["slots"])
        assert len({slot["row"] for slot in booking["slots"]}) == 1
        assert numbers == list(range(numbers[0], numbers[0] + 4))
    assert reasons(outcomes) == {"SOLD_OUT"}
    assert broken_promises(nodes[0].database) == []


def test_one_hold_changed_from_two_windows_at_once_keeps_one_countdown(
    nodes: list[Desk], cinema: Cinema
) -> None:
    seats = list(cinema.ids(cinema.add_showtime(block(2, 6))).values())
    held = actions.hold_slot(nodes[0].engine, Claim((seats[0],), ANNA), GUEST).value
    booking_id, owner = uuid.UUID(held["id"]), owner_of(held)
    changes = [
        *(lambda s=s: actions.add_slots(nodes[1].engine, booking_id, [s], owner).value for s in seats[1:6]),
        lambda: actions.extend_hold(nodes[2].engine, booking_id, owner).value,
        lambda: actions.drop_slots(nodes[0].engine, booking_id, [seats[0]], owner).value,
    ]
    seen = sqlstates(nodes)

    outcomes = together(changes)

    assert len(winners(outcomes)) >= 6  # the first seat cannot be dropped while it is the only one
    assert seen == []
    assert broken_promises(nodes[0].database) == []


def test_a_seat_wanted_for_two_holds_goes_to_one(nodes: list[Desk], cinema: Cinema) -> None:
    seats = list(cinema.ids(cinema.add_showtime(block(1, 8))).values())
    holds = [
        actions.hold_slot(nodes[n % NODES].engine, Claim((seats[n],), ANNA), GUEST).value for n in range(4)
    ]

    def add(desk: Desk, held: dict[str, Any]) -> dict[str, Any]:
        return actions.add_slots(desk.engine, uuid.UUID(held["id"]), seats[5:7], owner_of(held)).value

    outcomes = together([lambda n=n: add(nodes[n % NODES], holds[n]) for n in range(4)])

    assert len(winners(outcomes)) == 1
    assert reasons(outcomes) == {"SLOT_HELD"}
    assert broken_promises(nodes[0].database) == []


def test_a_seat_added_while_its_hold_is_confirmed_is_booked_with_it_or_refused(
    nodes: list[Desk], cinema: Cinema
) -> None:
    for _ in range(6):
        seats = list(cinema.ids(cinema.add_showtime(block(1, 4))).values())
        held = actions.hold_slot(nodes[0].engine, Claim((seats[0],), ANNA), GUEST).value
        booking_id, owner = uuid.UUID(held["id"]), owner_of(held)

        outcomes = together(
            [
                lambda s=seats, b=booking_id, o=owner: actions.add_slots(nodes[1].engine, b, [s[1]], o).value,
                lambda b=booking_id, o=owner: actions.confirm_booking(nodes[2].engine, b, o).value,
                lambda b=booking_id, o=owner: actions.extend_hold(nodes[0].engine, b, o).value,
            ]
        )

        added, confirmed, _ = outcomes
        assert isinstance(confirmed, dict)
        expected = "BOOKED" if isinstance(added, dict) else "OPEN"
        assert nodes[0].slot(seats[1]).state == expected
        assert broken_promises(nodes[0].database) == []
