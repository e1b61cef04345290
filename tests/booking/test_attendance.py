"""Where a person is on the day: every step, every way back, and what cannot be."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from app.booking.actions import GUEST, Actor, mark_attendance
from app.booking.attendance import STEPS, why_not
from app.booking.errors import WrongState
from app.database import db_now
from app.errors import Forbidden
from app.tables import AuditEntry, Booking, BookingStatus, Slot
from tests.booking.conftest import Desk
from tests.booking.promises import broken_promises

DESK = Actor("user:desk", is_staff=True)
NOON = datetime(2030, 1, 7, 12, tzinfo=UTC)


def today(desk: Desk, minutes: float = 30) -> dict[str, Any]:
    """A booking that begins so many minutes from now, or began before now."""
    slot_id = desk.add_slot(48)
    booking = desk.book(slot_id)
    begin, end = db_now(minutes * 60), db_now(minutes * 60 + 1800)
    with desk.database.transaction() as tx:
        tx.execute(update(Slot).where(Slot.id == slot_id).values(starts_at=begin, ends_at=end))
        start, until = tx.execute(select(Slot.starts_at, Slot.ends_at).where(Slot.id == slot_id)).one()
        of_it = update(Booking).where(Booking.id == uuid.UUID(booking["id"]))
        tx.execute(of_it.values(starts_at=start, ends_at=until))
    return booking


def mark(desk: Desk, booking: dict[str, Any], status: str, actor: Actor = DESK) -> dict[str, Any]:
    return mark_attendance(desk.engine, uuid.UUID(booking["id"]), BookingStatus(status), actor).value


def test_a_visit_goes_from_booked_to_done_and_remembers_the_arrival(desk: Desk) -> None:
    booking = today(desk)

    arrived = mark(desk, booking, "ARRIVED")
    in_room = mark(desk, booking, "IN_ROOM")
    done = mark(desk, booking, "COMPLETED")

    assert [arrived["status"], in_room["status"], done["status"]] == ["ARRIVED", "IN_ROOM", "COMPLETED"]
    assert arrived["arrived_at"] == done["arrived_at"] is not None
    assert broken_promises(desk.database) == []


def test_every_screen_hears_of_a_step_under_a_new_version_of_the_slot(desk: Desk) -> None:
    booking = today(desk)
    before = desk.slot(int(booking["slot_id"])).version
    desk.published.clear()

    mark(desk, booking, "ARRIVED")

    assert [(change["state"], change["version"]) for change in desk.published] == [("BOOKED", before + 1)]


def test_the_same_step_twice_changes_nothing(desk: Desk) -> None:
    booking = today(desk)
    first = mark(desk, booking, "ARRIVED")
    desk.published.clear()

    assert mark(desk, booking, "ARRIVED") == first
    assert desk.published == []


def test_a_mispressed_key_is_undone_and_the_arrival_forgotten(desk: Desk) -> None:
    booking = today(desk)
    mark(desk, booking, "ARRIVED")

    undone = mark(desk, booking, "CONFIRMED")

    assert (undone["status"], undone["arrived_at"]) == ("CONFIRMED", None)


def test_nobody_is_missed_before_the_appointment_begins(desk: Desk) -> None:
    early, late = today(desk, 10), today(desk, -40)

    with pytest.raises(WrongState):
        mark(desk, early, "NO_SHOW")

    assert mark(desk, late, "NO_SHOW")["status"] == "NO_SHOW"


def test_somebody_of_another_day_cannot_have_arrived(desk: Desk) -> None:
    booking = desk.book(desk.add_slot(48))

    with pytest.raises(WrongState, match="not today"):
        mark(desk, booking, "ARRIVED")


def test_a_patient_does_not_say_so_of_themselves(desk: Desk) -> None:
    booking = today(desk)

    for actor in (GUEST, Actor("guest", token_for=uuid.UUID(booking["id"]))):
        with pytest.raises(Forbidden):
            mark(desk, booking, "ARRIVED", actor)


def test_a_hold_has_not_arrived(desk: Desk) -> None:
    booking = desk.hold(desk.add_slot(1))

    with pytest.raises(WrongState, match="not confirmed"):
        mark(desk, booking, "ARRIVED")


def test_the_audit_names_the_step(desk: Desk) -> None:
    booking = today(desk)

    mark(desk, booking, "ARRIVED")

    with desk.database.read() as connection:
        wanted = select(AuditEntry.actor, AuditEntry.detail).where(AuditEntry.action == "attendance")
        assert connection.execute(wanted).one() == ("user:desk", {"was": "CONFIRMED", "now": "ARRIVED"})


@pytest.mark.parametrize("was", STEPS)
def test_every_step_can_be_taken_back(was: BookingStatus) -> None:
    started = NOON - timedelta(minutes=5)

    for now in STEPS[was]:
        assert why_not(was, now, started, NOON) is None
        assert any(why_not(now, back, started, NOON) is None for back in STEPS[now])


@pytest.mark.parametrize("ended", ["CANCELLED", "EXPIRED", "FAILED", "PENDING"])
def test_what_has_ended_has_no_next_step(ended: str) -> None:
    assert isinstance(why_not(BookingStatus(ended), BookingStatus.ARRIVED, NOON, NOON), WrongState)
