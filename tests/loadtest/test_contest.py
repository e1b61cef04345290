from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from loadtest.answers import Answer
from loadtest.contest import faults_of_refusal, judge_contest, judge_duplicates, judge_intervals
from loadtest.history import Entry, Outcome
from loadtest.stage import LiveBooking

NINE = datetime(2026, 11, 23, 9, tzinfo=UTC)


def winner(client="w", booking="b1"):
    return Entry(
        op=client, client=client, f="book", t_inv=0, t_ret=1, out=Outcome.OK, slot="7", booking=booking
    )


def loser(client="l", **changes):
    refused = Entry(
        op=client,
        client=client,
        f="book",
        t_inv=0,
        t_ret=1,
        out=Outcome.FAIL,
        slot="7",
        status=409,
        code="BOOKING_CONFLICT",
        reason="SLOT_TAKEN",
        message="This time is gone.",
        retryable=False,
        alternatives=("8", "9"),
    )
    return replace(refused, **changes)


def test_one_winner_and_truthful_losers_are_a_fair_contest():
    contest = judge_contest("7", [winner(), loser("l1"), loser("l2")])

    assert contest.faults == ()
    assert (contest.contenders, contest.winners) == (3, ("b1",))
    assert contest.told == {"SLOT_TAKEN": 2}


@pytest.mark.parametrize(
    ("claims", "fault"),
    [
        ([winner("w1", "b1"), winner("w2", "b2")], "2 winners: b1, b2"),
        ([loser()], "0 winners: nobody"),
        ([winner(), replace(winner("x"), out=Outcome.INFO, status=503)], "1 x no definite answer: 503"),
    ],
)
def test_a_contest_without_exactly_one_winner_or_with_unknown_ends_is_unfair(claims, fault):
    assert judge_contest("7", claims).faults == (fault,)


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"status": 500, "code": None}, "answered 500 None"),
        ({"reason": None}, "reason None"),
        ({"retryable": True}, "SLOT_TAKEN called retryable: True"),
        ({"retryable": None}, "SLOT_TAKEN called retryable: None"),
        ({"message": None}, "no message for a person"),
        ({"message": "Please try again."}, "told to try again for what is gone"),
        ({"reason": "SLOT_HELD", "retryable": True}, "held, but not for how long"),
        ({"alternatives": ()}, "0 alternatives"),
        ({"alternatives": ("7",)}, "offered a taken slot as alternative"),
    ],
)
def test_a_refusal_that_hides_or_bends_the_truth_is_noticed(changes, fault):
    assert faults_of_refusal(loser(**changes), taken={"7"}) == [fault]


def test_a_truthful_refusal_of_a_held_slot_says_for_how_long():
    held = loser(reason="SLOT_HELD", retryable=True, retry_after_seconds=118.0)

    assert faults_of_refusal(held, taken=()) == []


def minutes(start, end):
    return NINE + timedelta(minutes=start), NINE + timedelta(minutes=end)


def live(booking, start, end):
    begins, ends = minutes(start, end)
    return LiveBooking(booking, ("1",), "CONFIRMED", begins.isoformat(), ends.isoformat())


def test_intervals_that_touch_do_not_overlap():
    wanted = {"w1": minutes(0, 30), "w2": minutes(30, 60), "l": minutes(20, 40)}
    claims = [winner("w1", "b1"), winner("w2", "b2"), loser(reason="OVERLAP")]

    contest = judge_intervals("day", claims, wanted, [live("b1", 0, 30), live("b2", 30, 60)])

    assert contest.faults == ()


def test_overlapping_live_intervals_are_noticed():
    wanted = {"w1": minutes(0, 30), "w2": minutes(29, 60)}

    contest = judge_intervals(
        "day", [winner("w1", "b1"), winner("w2", "b2")], wanted, [live("b1", 0, 30), live("b2", 29, 60)]
    )

    assert contest.faults == ("1 pairs of live bookings overlap, such as ('b1', 'b2')",)


def test_a_refused_interval_that_meets_nobody_is_noticed():
    wanted = {"w": minutes(0, 30), "l": minutes(40, 60)}

    contest = judge_intervals("day", [winner(), loser(reason="OVERLAP")], wanted, [live("b1", 0, 30)])

    assert contest.faults == ("l was refused a time nobody has",)


def test_a_won_interval_the_system_does_not_show_is_noticed():
    contest = judge_intervals("day", [winner()], {"w": minutes(0, 30)}, [])

    assert contest.faults == ("clients won 1 bookings, the system shows 0, not the same",)


def booked(booking="b1", *, is_replay):
    headers = {"idempotency-replayed": "true"} if is_replay else {}
    return Answer(status=201, body={"data": {"id": booking}}, headers=headers)


def test_one_booking_and_its_replays_are_good_duplicates():
    assert judge_duplicates("7", [booked(is_replay=True), booked(is_replay=False)]) == []


def test_duplicates_that_book_twice_are_noticed():
    faults = judge_duplicates("7", [booked("b1", is_replay=False), booked("b2", is_replay=False)])

    assert faults == ["7: 2 answers are not marked as replays", "7: 2 different bookings in the answers"]
