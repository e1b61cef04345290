"""A time that is closed stays closed, whatever happens in it; nobody's booking is lost by it."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from app.booking.actions import (
    GUEST,
    Actor,
    Claim,
    ClosureDraft,
    Interval,
    book_interval,
    cancel_booking,
    close_time,
    confirm_booking,
    expire_due_holds,
    hold_slot,
    reopen_time,
    reschedule_booking,
)
from app.booking.closures import affected_bookings, count_offered, list_closures, read_closure
from app.booking.errors import BookingConflict, WrongState
from app.booking.rebooking import Order, Wish, propose, rebook
from app.errors import Forbidden, NotFound, ValidationFailed
from tests.booking.conftest import ANNA, Desk, a_doctor, owner_of
from tests.booking.promises import broken_promises

DESK = Actor("user:desk", is_staff=True)


def around(desk: Desk, *slot_ids: int, doctor_id: int | None = None) -> Interval:
    rows = [desk.slot(slot_id) for slot_id in slot_ids]
    begin, end = min(row.starts_at for row in rows), max(row.ends_at for row in rows)
    return Interval(doctor_id or desk.doctor_id, begin, end)


def close(desk: Desk, interval: Interval, reason: str = "Ill") -> dict[str, Any]:
    return close_time(desk.engine, ClosureDraft(interval, reason), DESK).value


def test_open_times_go_out_of_the_offer_and_bookings_stand(desk: Desk) -> None:
    free, booked, outside = (desk.add_slot(hours) for hours in (24, 25, 26))
    desk.book(booked)

    closed = close(desk, around(desk, free, booked))

    assert (closed["closed_slots"], closed["affected_bookings"]) == (1, 1)
    assert [desk.slot(each).state for each in (free, booked, outside)] == ["BLOCKED", "BOOKED", "OPEN"]
    with pytest.raises(BookingConflict):
        hold_slot(desk.engine, Claim((free,), ANNA), GUEST)
    assert broken_promises(desk.database) == []


def test_a_hold_in_a_closed_time_ends(desk: Desk) -> None:
    slot_id = desk.add_slot()
    held = desk.hold(slot_id)

    closed = close(desk, around(desk, slot_id))

    assert closed["ended_holds"] == 1
    assert desk.slot(slot_id).state == "BLOCKED"
    with pytest.raises(WrongState):
        confirm_booking(desk.engine, uuid.UUID(held["id"]), owner_of(held))
    assert broken_promises(desk.database) == []


def test_a_hold_that_had_lapsed_unnoticed_is_closed_as_a_free_time(desk: Desk) -> None:
    slot_id = desk.add_slot()
    desk.hold(slot_id)
    desk.lapse(slot_id)

    assert close(desk, around(desk, slot_id))["closed_slots"] == 1
    assert desk.slot(slot_id).state == "BLOCKED"
    assert broken_promises(desk.database) == []


def test_what_a_cancellation_frees_there_is_not_offered(desk: Desk) -> None:
    slot_id = desk.add_slot()
    booking = desk.book(slot_id)
    close(desk, around(desk, slot_id))

    cancel_booking(desk.engine, uuid.UUID(booking["id"]), DESK)

    assert (desk.slot(slot_id).state, desk.slot(slot_id).block_reason) == ("BLOCKED", "closure")


def test_what_a_move_leaves_there_is_not_offered(desk: Desk) -> None:
    old, new = desk.add_slot(24), desk.add_slot(48)
    booking = desk.book(old)
    close(desk, around(desk, old))

    reschedule_booking(desk.engine, uuid.UUID(booking["id"]), new, DESK)

    assert (desk.slot(old).state, desk.slot(new).state) == ("BLOCKED", "BOOKED")
    assert broken_promises(desk.database) == []


def test_what_the_sweep_frees_there_is_not_offered(desk: Desk) -> None:
    inside, outside = desk.add_slot(24), desk.add_slot(26)
    desk.hold(outside)
    desk.lapse(outside)
    close(desk, around(desk, inside))

    assert expire_due_holds(desk.engine) == 1
    assert (desk.slot(inside).state, desk.slot(outside).state) == ("BLOCKED", "OPEN")


def test_an_appointment_by_interval_is_refused_there(desk: Desk) -> None:
    slot_id = desk.add_slot()
    interval = around(desk, slot_id)
    close(desk, interval)

    with pytest.raises(BookingConflict) as refused:
        book_interval(desk.engine, interval, ANNA, DESK)

    assert refused.value.extras["reason"] == "SLOT_BLOCKED"


def test_what_stepped_aside_for_an_appointment_comes_back_closed(desk: Desk) -> None:
    slot_id = desk.add_slot()
    interval = around(desk, slot_id)
    booking = book_interval(desk.engine, interval, ANNA, DESK).value
    closure = close(desk, interval)

    cancel_booking(desk.engine, uuid.UUID(booking["id"]), DESK)
    in_between = desk.slot(slot_id).block_reason
    reopen_time(desk.engine, uuid.UUID(closure["id"]), DESK)

    assert (in_between, desk.slot(slot_id).state) == ("closure", "OPEN")
    assert broken_promises(desk.database) == []


def test_opening_again_offers_what_no_other_closure_covers(desk: Desk) -> None:
    first, second = desk.add_slot(24), desk.add_slot(25)
    wide, narrow = close(desk, around(desk, first, second)), close(desk, around(desk, second))

    reopened = reopen_time(desk.engine, uuid.UUID(wide["id"]), DESK).value

    assert reopened["reopened_slots"] == 1
    assert (desk.slot(first).state, desk.slot(second).state) == ("OPEN", "BLOCKED")
    reopen_time(desk.engine, uuid.UUID(narrow["id"]), DESK)
    assert desk.slot(second).state == "OPEN"


def test_a_closure_is_opened_once(desk: Desk) -> None:
    closure = uuid.UUID(close(desk, around(desk, desk.add_slot()))["id"])
    reopen_time(desk.engine, closure, DESK)

    with pytest.raises(NotFound):
        reopen_time(desk.engine, closure, DESK)


def test_touching_the_closed_time_is_not_lying_in_it(desk: Desk) -> None:
    slot_id = desk.add_slot()
    row = desk.slot(slot_id)
    close(desk, Interval(desk.doctor_id, row.ends_at, row.ends_at + timedelta(hours=1)))

    assert desk.book(slot_id)["status"] == "CONFIRMED"


def test_a_closure_is_of_one_doctor(desk: Desk) -> None:
    colleague = a_doctor(desk.database)
    mine, theirs = desk.add_slot(24), desk.add_slot(24, doctor_id=colleague)

    close(desk, around(desk, mine))

    assert (desk.slot(mine).state, desk.slot(theirs).state) == ("BLOCKED", "OPEN")


@pytest.mark.parametrize(("reason", "minutes"), [(" ", 60), ("Ill", 0), ("Ill", 60 * 24 * 400)])
def test_a_closure_needs_a_reason_and_a_span(desk: Desk, reason: str, minutes: int) -> None:
    begin = desk.slot(desk.add_slot()).starts_at

    with pytest.raises(ValidationFailed):
        close(desk, Interval(desk.doctor_id, begin, begin + timedelta(minutes=minutes)), reason)


def test_only_the_desk_closes_and_opens(desk: Desk) -> None:
    interval = around(desk, desk.add_slot())

    with pytest.raises(Forbidden):
        close_time(desk.engine, ClosureDraft(interval, "Ill"), GUEST)
    with pytest.raises(Forbidden):
        reopen_time(desk.engine, uuid.uuid4(), GUEST)


def test_the_preview_counts_what_closing_then_does(desk: Desk) -> None:
    free, booked, held = (desk.add_slot(hours) for hours in (24, 25, 26))
    desk.book(booked)
    desk.hold(held)
    interval = around(desk, free, booked, held)
    with desk.database.read() as connection:
        offered, affected = count_offered(connection, interval), affected_bookings(connection, interval)

    closed = close(desk, interval)

    assert offered == 1
    assert closed["affected_bookings"] == len(affected) == 1
    with desk.database.read() as connection:
        assert [each["id"] for each in list_closures(connection, interval.starts_at, interval.ends_at)] == [
            closed["id"]
        ]
        assert read_closure(connection, uuid.UUID(closed["id"]))["doctor_name"] == "Dr Ada Probe"


def test_everybody_affected_gets_a_time_of_their_own(desk: Desk) -> None:
    booked = [desk.add_slot(24 + 0.5 * number) for number in range(4)]
    bookings = [desk.book(each) for each in booked]
    spare = {desk.add_slot(30 + 0.5 * number) for number in range(4)}
    interval = around(desk, *booked)
    closure = close(desk, interval)
    with desk.database.read() as connection:
        proposals = propose(connection, affected_bookings(connection, interval), interval)

    orders = [
        Order(uuid.UUID(each.booking["id"]), Wish.MOVE, int(each.slot["id"]))
        for each in proposals
        if each.slot
    ]
    outcomes = rebook(desk.engine, orders, closure["reason"], DESK, None)

    assert {order.slot_id for order in orders} == spare
    assert [each.refusal for each in outcomes] == [None] * 4
    assert [each.booking["reference"] for each in outcomes if each.booking] == [
        booking["reference"] for booking in bookings
    ]
    assert {desk.slot(each).state for each in booked} == {"BLOCKED"}
    assert len([job for job in desk.enqueued if job[0].endswith("send_notice")]) == 8  # booked and moved
    assert broken_promises(desk.database) == []


def test_a_colleague_of_the_same_specialty_is_proposed_when_the_doctor_has_no_time(desk: Desk) -> None:
    colleague = a_doctor(desk.database)
    booked = desk.add_slot(24)
    desk.book(booked)
    other = desk.add_slot(24, doctor_id=colleague)
    interval = around(desk, booked)
    close(desk, interval)

    with desk.database.read() as connection:
        [proposal] = propose(connection, affected_bookings(connection, interval), interval)

    assert proposal.slot is not None
    assert int(proposal.slot["id"]) == other


def test_a_shorter_time_is_no_replacement(desk: Desk) -> None:
    booked = desk.add_slot(24, minutes=60)
    desk.book(booked)
    desk.add_slot(27, minutes=30)
    interval = around(desk, booked)

    with desk.database.read() as connection:
        [proposal] = propose(connection, affected_bookings(connection, interval), interval)

    assert proposal.slot is None


def test_whoever_was_quicker_sends_the_move_to_the_next_time(desk: Desk) -> None:
    booked, wanted, next_one = (desk.add_slot(hours) for hours in (24, 30, 31))
    booking = desk.book(booked)
    close(desk, around(desk, booked))
    desk.book(wanted)

    [outcome] = rebook(desk.engine, [Order(uuid.UUID(booking["id"]), Wish.MOVE, wanted)], "Ill", DESK, None)

    assert outcome.booking is not None
    assert int(outcome.booking["slot_id"]) == next_one


def test_orders_are_carried_out_one_by_one_and_told_one_by_one(desk: Desk) -> None:
    first, second, third = (desk.add_slot(hours) for hours in (24, 25, 26))
    moved, cancelled, kept = (desk.book(each) for each in (first, second, third))
    close(desk, around(desk, first, second, third))
    orders = [
        Order(uuid.UUID(moved["id"]), Wish.MOVE, 999_999),
        Order(uuid.UUID(cancelled["id"]), Wish.CANCEL),
        Order(uuid.UUID(kept["id"]), Wish.KEEP),
    ]

    outcomes = rebook(desk.engine, orders, "The doctor is ill.", DESK, None)

    assert [(each.wish, each.refusal) for each in outcomes] == [
        ("move", "There is no such slot."), ("cancel", None), ("keep", None),
    ]  # fmt: skip
    assert outcomes[1].booking is not None
    assert outcomes[1].booking["cancel_reason"] == "The doctor is ill."


@pytest.mark.timeout(90)
def test_a_cancellation_while_the_time_is_being_closed_leaves_nothing_open(
    make_desk: Callable[..., Desk], postgres_url: str
) -> None:
    desk = make_desk(postgres_url)
    for round_number in range(12):
        slot_id = desk.add_slot(24 + round_number)
        booking = desk.book(slot_id)
        interval = around(desk, slot_id)
        started = threading.Barrier(2)

        def cancel(booking: dict[str, Any] = booking, started: threading.Barrier = started) -> None:
            started.wait()
            cancel_booking(desk.engine, uuid.UUID(booking["id"]), DESK)

        other = threading.Thread(target=cancel)
        other.start()
        started.wait()
        close(desk, interval)
        other.join()

        assert desk.slot(slot_id).state == "BLOCKED"
    assert broken_promises(desk.database) == []


def test_a_stamp_is_an_instant(desk: Desk) -> None:
    closure = close(desk, around(desk, desk.add_slot()))

    assert datetime.fromisoformat(closure["starts_at"]).tzinfo is not None


def test_the_desk_of_one_doctor_closes_nobody_elses_time(desk: Desk) -> None:
    slot_id = desk.add_slot()
    interval = around(desk, slot_id)
    stranger = Actor("user:other", is_staff=True, doctors=frozenset({desk.doctor_id + 1}))
    closure = uuid.UUID(close(desk, interval)["id"])

    with pytest.raises(Forbidden):
        close_time(desk.engine, ClosureDraft(interval, "Ill"), stranger)
    with pytest.raises(NotFound):
        reopen_time(desk.engine, closure, stranger)
    own = Actor("user:own", is_staff=True, doctors=frozenset({desk.doctor_id}))
    assert reopen_time(desk.engine, closure, own).value["reopened_slots"] == 1
