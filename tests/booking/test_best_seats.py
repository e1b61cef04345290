"""Which seats are best: together, near the middle, leaving nobody alone (A28)."""

from __future__ import annotations

import random

import pytest

from app.booking.best_seats import SeatWish, best_choice, why_none
from app.booking.errors import Reason
from app.booking.seat_plan import Seat, SeatPlan
from app.booking.strays import strays_beside, warnings
from app.directory.layouts import HallRow, Layout, Zone, seats_of
from tests.cinema import SMALL, block


def plan_of(layout: Layout) -> SeatPlan:
    seats = (
        Seat(number, seat.row, seat.number, seat.y, seat.x, seat.zone, seat.kind, seat.price_cents)
        for number, seat in enumerate(seats_of(layout), 1)
    )
    return SeatPlan(1, "EUR", tuple(seats))


def ids(plan: SeatPlan, *labels: str) -> set[int]:
    return {seat.id for seat in plan.seats if seat.label in labels}


def chosen(plan: SeatPlan, wish: SeatWish, *taken: str) -> list[str] | None:
    choice = best_choice(plan, ids(plan, *taken), wish)
    return None if choice is None else plan.labels(choice)


def drawn(*rows: str) -> SeatPlan:
    labelled = tuple(HallRow(chr(65 + number), "Z", row) for number, row in enumerate(rows))
    return plan_of(Layout((Zone("Z", 1000),), labelled))


def test_the_first_seats_are_in_the_middle_two_thirds_back() -> None:
    assert chosen(plan_of(block(7, 9)), SeatWish(1)) == ["E5"]
    assert chosen(plan_of(block(7, 9)), SeatWish(3)) == ["E4", "E5", "E6"]


def test_an_aisle_parts_a_row() -> None:
    assert chosen(drawn("##_##"), SeatWish(3)) is None
    assert chosen(drawn("##_###"), SeatWish(3)) == ["A3", "A4", "A5"]


def test_a_choice_that_leaves_nobody_alone_is_better_than_a_slightly_nearer_one() -> None:
    assert chosen(drawn("######"), SeatWish(2)) == ["A3", "A4"]
    assert chosen(drawn("#######"), SeatWish(3), "A1") in (["A2", "A3", "A4"], ["A5", "A6", "A7"])


def test_a_zone_limits_the_choice() -> None:
    plan = plan_of(SMALL)

    assert chosen(plan, SeatWish(2, zone="Front")) == ["A3", "A4"]
    assert chosen(plan, SeatWish(2, zone="Back")) is not None
    assert set(chosen(plan, SeatWish(2, zone="Back")) or ()) <= {"B1", "B2", "B3", "B4", "B5"}


def test_places_for_wheelchairs_are_kept_for_those_who_ask() -> None:
    plan = drawn("wc#")

    assert chosen(plan, SeatWish(1)) == ["A3"]
    assert chosen(plan, SeatWish(2)) is None
    assert chosen(plan, SeatWish(1, accessible=True)) == ["A1"]
    assert chosen(plan, SeatWish(2, accessible=True)) == ["A1", "A2"]


def test_a_group_gets_one_place_for_a_wheelchair_and_seats_beside_it() -> None:
    assert chosen(drawn("ww###"), SeatWish(3, accessible=True)) == ["A2", "A3", "A4"]
    assert chosen(drawn("w_w_##"), SeatWish(3, together=False, accessible=True)) == ["A2", "A3", "A4"]


def test_apart_is_accepted_only_when_asked_for() -> None:
    plan = drawn("#_#_#")

    assert chosen(plan, SeatWish(2)) is None
    assert chosen(plan, SeatWish(2, together=False)) is not None


def test_those_who_accept_to_be_apart_still_sit_together_when_they_can() -> None:
    assert chosen(drawn("##_#_#"), SeatWish(2, together=False)) == ["A1", "A2"]


def fits_somewhere(plan: SeatPlan, taken: set[int], count: int) -> bool:
    """By brute force: a row of a plain rectangle has so many free seats in a row."""
    rows = ["".join("x" if seat.id in taken else "#" for seat in row) for row in plan.rows]
    return any("#" * count in row for row in rows)


def test_whatever_is_taken_the_choice_is_free_adjacent_and_complete() -> None:
    dice = random.Random(20270314)
    plan = plan_of(block(8, 12))
    for _ in range(300):
        taken = set(dice.sample([seat.id for seat in plan.seats], dice.randrange(len(plan.seats))))
        wish = SeatWish(dice.randint(1, 6), together=dice.random() < 0.6)

        choice = best_choice(plan, taken, wish)

        is_possible = fits_somewhere(plan, taken, wish.count)
        is_possible |= not wish.together and len(plan.seats) - len(taken) >= wish.count
        assert (choice is not None) == is_possible
        seats = [plan.by_id[each] for each in choice or ()]
        assert taken.isdisjoint(seat.id for seat in seats)
        assert len(set(choice or ())) == (wish.count if choice else 0)
        if choice and wish.together:
            assert len({seat.y for seat in seats}) == 1
            assert seats[-1].x - seats[0].x == wish.count - 1


@pytest.mark.parametrize(
    ("rows", "wish", "taken", "reason", "says"),
    [
        (("##",), SeatWish(1), ("A1", "A2"), Reason.SOLD_OUT, "No seat is left."),
        (("##",), SeatWish(2), ("A1",), Reason.SOLD_OUT, "Only 1 seat is left."),
        (
            ("#_#",),
            SeatWish(2),
            (),
            Reason.NOT_TOGETHER,
            "No 2 seats that fit together are left, but 2 apart are.",
        ),
        (("##",), SeatWish(1, accessible=True), (), Reason.SOLD_OUT, "No space for a wheelchair is left."),
    ],
)
def test_who_gets_nothing_hears_why(
    rows: tuple[str, ...], wish: SeatWish, taken: tuple[str, ...], reason: Reason, says: str
) -> None:
    plan = drawn(*rows)

    refusal = why_none(plan, ids(plan, *taken), 0, wish)

    assert (refusal.extras["reason"], refusal.detail) == (reason.value, says)
    assert not refusal.retryable


def test_seats_on_hold_may_come_back_so_trying_again_makes_sense() -> None:
    plan = drawn("##")

    refusal = why_none(plan, ids(plan, "A1", "A2"), 2, SeatWish(1))

    assert refusal.retryable
    assert "2 are on hold" in refusal.detail


def strays(plan: SeatPlan, chosen: tuple[str, ...], taken: tuple[str, ...] = ()) -> list[str]:
    return [seat.label for seat in strays_beside(plan, ids(plan, *chosen), ids(plan, *taken))]


@pytest.mark.parametrize(
    ("row", "chosen", "taken", "left_alone"),
    [
        ("####", ("A2", "A3"), (), ["A1", "A4"]),
        ("####", ("A1", "A2"), (), []),
        ("#####", ("A3",), ("A1",), ["A2"]),
        ("#####", ("A2",), ("A4",), ["A1", "A3"]),
        ("##_##", ("A2",), (), ["A1"]),
        ("##", ("A1", "A2"), (), []),
        ("#_#", ("A1",), (), []),
        ("w#", ("A2",), (), []),
    ],
)
def test_a_single_seat_between_others_is_noticed(
    row: str, chosen: tuple[str, ...], taken: tuple[str, ...], left_alone: list[str]
) -> None:
    assert strays(drawn(row), chosen, taken) == left_alone


def test_a_seat_that_was_alone_before_is_nobody_s_doing() -> None:
    assert strays(drawn("#####"), ("A4", "A5"), ("A1", "A3")) == []


def test_a_warning_names_the_seat() -> None:
    plan = drawn("###")

    (warning,) = warnings(plan, ids(plan, "A1", "A2"), set())

    assert (warning["code"], warning["row"], warning["number"]) == ("STRAY_SEAT", "A", 3)
    assert warning["message"] == "Seat A3 would be left alone between taken seats."
