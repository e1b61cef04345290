"""The waitlist: a freed time is a real hold of the next in line, in the transaction that freed it."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app.booking.actions import (
    GUEST,
    Actor,
    Claim,
    WaitWish,
    cancel_booking,
    confirm_booking,
    expire_due_holds,
    hold_slot,
    join_waitlist,
    leave_waitlist,
    release_hold,
    reschedule_booking,
)
from app.booking.errors import BookingConflict
from app.booking.waitlist import read_entry
from app.errors import Conflict, NotFound, ValidationFailed
from app.tables import Booking, Notice, WaitlistEntry
from tests.booking.conftest import ANNA, Desk, a_doctor, owner_of
from tests.booking.promises import broken_promises

DESK = Actor("user:desk", is_staff=True)


def wait_for(desk: Desk, slot_id: int, name: str = "Wanda Waits", **more: Any) -> dict[str, Any]:
    """Stand in line for the day of the slot."""
    row = desk.slot(slot_id)
    patient = replace(ANNA, name=name, email=f"{name.split()[0].lower()}@example.org", reason=None)
    span = {"starts_from": row.starts_at - timedelta(hours=1), "starts_before": row.ends_at, **more}
    wish = WaitWish(desk.doctor_id, patient=patient, **span)
    return join_waitlist(desk.engine, wish, GUEST).value


def cancel(desk: Desk, booking: dict[str, Any]) -> None:
    cancel_booking(desk.engine, uuid.UUID(booking["id"]), DESK)


def entry(desk: Desk, joined: dict[str, Any]) -> dict[str, Any]:
    with desk.database.read() as connection:
        return read_entry(connection, uuid.UUID(joined["id"]))


def offered(desk: Desk, slot_id: int) -> Any:
    """The booking that holds the slot now."""
    with desk.database.read() as connection:
        owner = desk.slot(slot_id).booking_id
        return connection.execute(select(*Booking.__table__.columns).where(Booking.id == owner)).first()


def test_a_cancelled_time_is_held_for_the_first_in_line_and_they_are_told(desk: Desk) -> None:
    slot_id = desk.add_slot()
    booking = desk.book(slot_id)
    joined = wait_for(desk, slot_id)

    cancel(desk, booking)

    hold = offered(desk, slot_id)
    assert (desk.slot(slot_id).state, hold.status, hold.patient_name) == ("HELD", "PENDING", "Wanda Waits")
    assert entry(desk, joined)["status"] == "OFFERED"
    with desk.database.read() as connection:
        kinds = connection.execute(select(Notice.kind).where(Notice.booking_id == hold.id)).scalars().all()
    assert kinds == ["offer"]
    assert broken_promises(desk.database) == []


def test_nobody_is_quicker_than_the_line(desk: Desk) -> None:
    slot_id = desk.add_slot()
    booking = desk.book(slot_id)
    wait_for(desk, slot_id)
    cancel(desk, booking)

    with pytest.raises(BookingConflict) as refused:
        hold_slot(desk.engine, Claim((slot_id,), ANNA), GUEST)

    assert refused.value.extras["reason"] == "SLOT_HELD"


def test_accepting_is_confirming_the_hold(desk: Desk) -> None:
    slot_id = desk.add_slot()
    booking = desk.book(slot_id)
    joined = wait_for(desk, slot_id)
    cancel(desk, booking)
    hold = offered(desk, slot_id)

    confirm_booking(desk.engine, hold.id, Actor("guest", token_for=hold.id))

    assert (desk.slot(slot_id).state, entry(desk, joined)["status"]) == ("BOOKED", "BOOKED")
    assert broken_promises(desk.database) == []


def test_declining_gives_it_to_the_next_in_line(desk: Desk) -> None:
    slot_id = desk.add_slot()
    booking = desk.book(slot_id)
    wait_for(desk, slot_id, "First Person")
    wait_for(desk, slot_id, "Second Person")
    cancel(desk, booking)
    hold = offered(desk, slot_id)

    release_hold(desk.engine, hold.id, Actor("guest", token_for=hold.id))

    assert offered(desk, slot_id).patient_name == "Second Person"
    assert broken_promises(desk.database) == []


def test_whoever_lets_an_offer_lapse_goes_on_waiting_behind_the_others(desk: Desk) -> None:
    slot_id = desk.add_slot()
    booking = desk.book(slot_id)
    first, second = wait_for(desk, slot_id, "First Person"), wait_for(desk, slot_id, "Second Person")
    assert (entry(desk, first)["position"], entry(desk, second)["position"]) == (1, 2)
    cancel(desk, booking)
    desk.lapse(slot_id)

    expire_due_holds(desk.engine)

    assert offered(desk, slot_id).patient_name == "Second Person"
    assert (entry(desk, first)["status"], entry(desk, first)["position"]) == ("WAITING", 1)


def test_three_offers_that_went_by_are_enough(desk: Desk) -> None:
    slot_id = desk.add_slot()
    booking = desk.book(slot_id)
    joined = wait_for(desk, slot_id)
    cancel(desk, booking)

    for _ in range(3):
        desk.lapse(slot_id)
        expire_due_holds(desk.engine)

    assert (entry(desk, joined)["status"], desk.slot(slot_id).state) == ("LEFT", "OPEN")
    assert broken_promises(desk.database) == []


def test_a_move_frees_the_old_time_for_the_line(desk: Desk) -> None:
    old, new = desk.add_slot(24), desk.add_slot(72)
    booking = desk.book(old)
    wait_for(desk, old)

    reschedule_booking(desk.engine, uuid.UUID(booking["id"]), new, owner_of(booking))

    assert offered(desk, old).patient_name == "Wanda Waits"
    assert broken_promises(desk.database) == []


def test_only_who_wants_that_time_is_offered_it(desk: Desk) -> None:
    slot_id = desk.add_slot()
    start = desk.slot(slot_id).starts_at
    booking = desk.book(slot_id)
    wait_for(desk, slot_id, starts_from=start + timedelta(hours=1), starts_before=start + timedelta(hours=9))
    colleague = a_doctor(desk.database)
    other = replace(ANNA, email="other@example.org")
    wish = WaitWish(colleague, start - timedelta(days=1), start + timedelta(days=1), other)
    join_waitlist(desk.engine, wish, GUEST)

    cancel(desk, booking)

    assert desk.slot(slot_id).state == "OPEN"


def test_whoever_left_is_passed_over(desk: Desk) -> None:
    slot_id = desk.add_slot()
    booking = desk.book(slot_id)
    joined = wait_for(desk, slot_id)
    leave_waitlist(desk.engine, uuid.UUID(joined["id"]), GUEST)

    cancel(desk, booking)

    assert desk.slot(slot_id).state == "OPEN"
    with pytest.raises(NotFound):
        leave_waitlist(desk.engine, uuid.UUID(joined["id"]), GUEST)


def test_a_place_in_line_needs_an_address_a_span_and_a_doctor(desk: Desk) -> None:
    slot_id = desk.add_slot()
    start = desk.slot(slot_id).starts_at

    with pytest.raises(ValidationFailed):
        join_waitlist(
            desk.engine,
            WaitWish(desk.doctor_id, start, start + timedelta(1), replace(ANNA, email=None)),
            GUEST,
        )
    with pytest.raises(ValidationFailed):
        join_waitlist(desk.engine, WaitWish(desk.doctor_id, start, start, ANNA), GUEST)
    with pytest.raises(NotFound):
        join_waitlist(desk.engine, WaitWish(999, start, start + timedelta(1), ANNA), GUEST)
    with pytest.raises(NotFound), desk.database.read() as connection:
        read_entry(connection, uuid.uuid4())


def test_one_address_waits_in_five_lines_at_most(desk: Desk) -> None:
    slot_id = desk.add_slot()
    for _ in range(5):
        wait_for(desk, slot_id)

    with pytest.raises(Conflict):
        wait_for(desk, slot_id)


def test_many_times_freed_at_once_go_to_many_people_once_each(
    make_desk: Callable[..., Desk], postgres_url: str
) -> None:
    desk = make_desk(postgres_url)
    slots = [desk.add_slot(24 + number / 2) for number in range(6)]
    bookings = [desk.book(each) for each in slots]
    first, last = desk.slot(slots[0]).starts_at, desk.slot(slots[-1]).ends_at
    for number in range(4):
        wait_for(desk, slots[0], f"Person{number} Waits", starts_from=first, starts_before=last)
    threads = [threading.Thread(target=cancel, args=(desk, booking)) for booking in bookings]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with desk.database.read() as connection:
        entries = connection.execute(select(WaitlistEntry.status, WaitlistEntry.offer_id)).all()
    assert {row.status for row in entries} == {"OFFERED"}
    assert len({row.offer_id for row in entries}) == 4
    assert sorted(desk.slot(each).state for each in slots) == ["HELD"] * 4 + ["OPEN"] * 2
    assert broken_promises(desk.database) == []
