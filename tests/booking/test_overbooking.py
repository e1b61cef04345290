"""Overbooking: never by accident, never two bookings in one slot, always with a reason."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable

import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from app.booking.actions import (
    Actor,
    ClosureDraft,
    Interval,
    Overbooking,
    book_interval,
    cancel_booking,
    close_time,
    overbook,
    reschedule_booking,
)
from app.booking.availability import SlotFilter, list_slots
from app.booking.errors import BookingConflict
from app.errors import Forbidden, Refusal, ValidationFailed
from app.tables import AuditEntry, Slot
from tests.booking.conftest import ANNA, Desk
from tests.booking.promises import broken_promises

CHIEF = Actor("user:chief", is_staff=True, may_overbook=True)
DESK = Actor("user:desk", is_staff=True)


def span_of(desk: Desk, slot_id: int) -> Interval:
    row = desk.slot(slot_id)
    return Interval(desk.doctor_id, row.starts_at, row.ends_at)


def extra(desk: Desk, slot_id: int, actor: Actor = CHIEF, reason: str = "An emergency") -> dict[str, str]:
    return overbook(desk.engine, Overbooking(span_of(desk, slot_id), reason), ANNA, actor).value


def test_a_taken_time_gets_one_more_in_a_slot_of_its_own(desk: Desk) -> None:
    slot_id = desk.add_slot()
    desk.book(slot_id)

    booking = extra(desk, slot_id)

    own = desk.slot(int(booking["slot_id"]))
    assert (own.lane, own.state, own.id != slot_id) == (1, "BOOKED", True)
    assert broken_promises(desk.database) == []


def test_it_needs_the_permission_and_a_reason(desk: Desk) -> None:
    slot_id = desk.add_slot()
    desk.book(slot_id)

    with pytest.raises(Forbidden):
        extra(desk, slot_id, DESK)
    elsewhere = Actor("user:chief", is_staff=True, may_overbook=True, doctors=frozenset({desk.doctor_id + 1}))
    with pytest.raises(Forbidden):
        extra(desk, slot_id, elsewhere)
    with pytest.raises(ValidationFailed, match="say why"):
        extra(desk, slot_id, reason="  ")


def test_a_free_time_is_never_overbooked(desk: Desk) -> None:
    with pytest.raises(ValidationFailed, match="this time is free"):
        extra(desk, desk.add_slot())


def test_the_reason_stands_in_the_audit(desk: Desk) -> None:
    slot_id = desk.add_slot()
    desk.book(slot_id)

    booking = extra(desk, slot_id)

    with desk.database.read() as connection:
        entry = connection.execute(select(AuditEntry).where(AuditEntry.action == "overbook")).one()
    assert entry.booking_id == uuid.UUID(booking["id"])
    assert (entry.actor, entry.detail) == ("user:chief", {"lane": 1, "why": "An emergency"})


def test_three_extra_are_the_most(desk: Desk) -> None:
    slot_id = desk.add_slot()
    desk.book(slot_id)

    lanes = [desk.slot(int(extra(desk, slot_id)["slot_id"])).lane for _ in range(3)]

    assert lanes == [1, 2, 3]
    with pytest.raises(BookingConflict):
        extra(desk, slot_id)


def test_a_closed_time_is_not_overbooked(desk: Desk) -> None:
    slot_id = desk.add_slot()
    desk.book(slot_id)
    close_time(desk.engine, ClosureDraft(span_of(desk, slot_id), "Ill"), DESK)

    with pytest.raises(BookingConflict) as refused:
        extra(desk, slot_id)

    assert refused.value.extras["reason"] == "SLOT_BLOCKED"


def test_the_extra_slot_is_never_offered_and_goes_with_its_booking(desk: Desk) -> None:
    slot_id = desk.add_slot()
    desk.book(slot_id)
    booking = extra(desk, slot_id)

    cancel_booking(desk.engine, uuid.UUID(booking["id"]), CHIEF)

    gone = desk.slot(int(booking["slot_id"]))
    assert (gone.state, gone.block_reason) == ("BLOCKED", "retired")
    with desk.database.read() as connection:
        assert [slot["id"] for slot in list_slots(connection, SlotFilter(desk.doctor_id))] == [str(slot_id)]
    assert broken_promises(desk.database) == []


def test_an_overbooking_can_move_to_an_ordinary_time(desk: Desk) -> None:
    slot_id, free = desk.add_slot(24), desk.add_slot(25)
    desk.book(slot_id)
    booking = extra(desk, slot_id)

    moved = reschedule_booking(desk.engine, uuid.UUID(booking["id"]), free, CHIEF).value

    assert int(moved["slot_id"]) == free
    assert broken_promises(desk.database) == []


def test_no_appointment_fits_between_by_the_ordinary_way(desk: Desk) -> None:
    slot_id = desk.add_slot()
    first = desk.book(slot_id)
    extra(desk, slot_id)
    cancel_booking(desk.engine, uuid.UUID(first["id"]), DESK)

    with pytest.raises(BookingConflict):
        book_interval(desk.engine, span_of(desk, slot_id), ANNA, DESK)


@pytest.mark.parametrize("lane", [0, 1])
def test_the_wall_stands_in_every_lane(desk: Desk, lane: int) -> None:
    row = desk.slot(desk.add_slot())
    values = {"doctor_id": desk.doctor_id, "starts_at": row.starts_at, "ends_at": row.ends_at}
    own = {**values, "is_interval": True, "lane": lane}
    if lane:
        with desk.database.transaction() as tx:
            tx.execute(insert(Slot).values(own))

    with pytest.raises(IntegrityError), desk.database.transaction() as tx:
        tx.execute(insert(Slot).values(own))


def test_many_at_once_get_lanes_of_their_own_or_a_refusal(
    make_desk: Callable[..., Desk], postgres_url: str
) -> None:
    desk = make_desk(postgres_url)
    slot_id = desk.add_slot()
    desk.book(slot_id)
    answers: list[str] = []

    def ask() -> None:
        try:
            answers.append(extra(desk, slot_id)["status"])
        except Refusal as refusal:
            answers.append(refusal.code)

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(answers) == ["BOOKING_CONFLICT"] * 3 + ["CONFIRMED"] * 3
    assert broken_promises(desk.database) == []
