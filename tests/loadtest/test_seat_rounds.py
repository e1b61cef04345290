"""What the seat runs judge: each wrong that could be in a hall is found, and nothing else is."""

import pytest

from loadtest.check import judge
from loadtest.cinema import Seat, Shape, blocks_of, side_by_side
from loadtest.seat_rounds import BestRefusal, broken_calls, judge_hall, judge_refusals
from loadtest.slot_model import Allowances
from tests.loadtest.histories import Storyteller


def seat(number, state="BOOKED", y=1, x=None):
    return Seat(str(number), "A", number, x or number, y, state)


HALL = [seat(1), seat(2), seat(3)]
GRANTED = {"b1": ("1", "2"), "b2": ("3",)}


def test_a_full_hall_with_every_seat_sold_once_is_in_order():
    assert judge_hall(HALL, GRANTED, {"b1": {"1", "2"}, "b2": {"3"}}) == []


@pytest.mark.parametrize(
    ("seats", "granted", "rows", "words"),
    [
        ([*HALL, seat(4, "OPEN")], GRANTED, GRANTED, "1 of 4 seats are not sold"),
        (HALL, {"b1": ("1", "2"), "b2": ("2", "3")}, {"b1": {"1", "2"}, "b2": {"2", "3"}},
         "1 seats were granted to two clients"),
        (HALL, GRANTED, {"b1": {"1"}, "b2": {"3"}}, "booking b1: told ['1', '2'], stored ['1']"),
        (HALL, GRANTED, {**GRANTED, "b3": {"9"}}, "booking b3: told [], stored ['9']"),
        (HALL, GRANTED, {"b1": ("1", "2")}, "booking b2: told ['3'], stored []"),
    ],
)  # fmt: skip
def test_a_seat_sold_twice_or_a_partial_booking_is_found(seats, granted, rows, words):
    faults = judge_hall(seats, granted, rows)

    assert any(fault.startswith(words) for fault in faults)


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        (BestRefusal(3, "SOLD_OUT", 3), "sold out for 3, with 3 seats left"),
        (BestRefusal(2, "NOT_TOGETHER", 5), "no 2 together, although there still are"),
        (BestRefusal(4, "SOLD_OUT", 1), "told that 1 seats are left when 2 were"),
        (BestRefusal(1, "SLOT_TAKEN", 9), "refused with SLOT_TAKEN"),
    ],
)
def test_an_untrue_refusal_is_found(refusal, words):
    left = [seat(7, "OPEN"), seat(8, "OPEN")]

    assert judge_refusals([refusal], left) == [words]


def test_a_true_refusal_is_none_of_our_business():
    left = [seat(7, "OPEN"), seat(9, "OPEN")]

    told = [BestRefusal(2, "NOT_TOGETHER", 4), BestRefusal(3, "SOLD_OUT", 2)]

    assert judge_refusals(told, left) == []


def test_neighbours_stand_in_one_row_without_an_aisle():
    assert side_by_side([seat(2), seat(1)])
    assert not side_by_side([seat(1), seat(2, x=3)])
    assert not side_by_side([seat(1), seat(2, y=2)])
    assert len(list(blocks_of([seat(1), seat(2), seat(3), seat(5)], 2))) == 2


@pytest.mark.parametrize("across", [1, 2, 6, 20, 40])
def test_a_drawn_row_has_the_seats_it_should(across):
    assert Shape(1, across).drawn().count("#") == across


def test_a_deadlock_somebody_reads_of_and_a_5xx_are_found():
    story = Storyteller()
    story.refused("book", 0, 1, status=409, message="Seat A1 is taken.")
    assert broken_calls(story.entries) == []
    story.refused("book", 1, 2, status=409, message="deadlock detected")
    story.unanswered("book", 3, status=503, message="busy")

    faults = broken_calls(story.entries)

    assert [fault.split(":")[0] for fault in faults] == [
        "1 calls without an answer or with a 5xx",
        "1 clients read of a deadlock",
    ]


def test_a_call_for_several_slots_counts_for_each_of_them():
    story = Storyteller(slot=None)
    story.granted("book", 0, 1, "b1", slots=("1", "2"), fences={"1": 1, "2": 1}, key="k1")
    story.granted("book", 2, 3, "b2", slots=("2", "3"), fences={"2": 2, "3": 1}, key="k2")

    verdict = judge(story.entries, Allowances())

    assert verdict.slots == 3
    assert [violation.subject for violation in verdict.violations] == ["slot 2"]


def test_a_refusal_tells_of_the_seats_it_names_and_of_no_other():
    story = Storyteller(slot=None)
    story.granted("book", 0, 1, "b1", slots=("2",), key="k1")
    story.refused("book", 2, 3, slots=("1", "2"), lost={"2": "SLOT_TAKEN"}, reason="SLOT_TAKEN", key="k2")
    assert judge(story.entries, Allowances()).is_good

    story.refused("book", 4, 5, slots=("1", "2"), lost={"1": "SLOT_TAKEN"}, reason="SLOT_TAKEN", key="k3")

    assert [v.subject for v in judge(story.entries, Allowances()).violations] == ["slot 1"]


def test_a_seat_added_to_a_hold_and_one_dropped_from_it_are_its_own_operations():
    story = Storyteller(slot=None)
    story.granted("hold", 0, 1, "b1", slots=("1", "2"), lives_seconds=100.0, key="k1")
    story.granted("add", 2, 3, "b1", slots=("3",), lives_seconds=98.0, key="k2")
    story.granted("drop", 4, 5, "b1", slots=("1",), key="k3")
    story.granted("book", 6, 7, "b2", slots=("1",), key="k4")
    assert judge(story.entries, Allowances()).is_good

    story.granted("book", 8, 9, "b3", slots=("3",), key="k5")

    assert [v.subject for v in judge(story.entries, Allowances()).violations] == ["slot 3"]
