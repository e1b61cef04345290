"""The auditor finds what the constraints forbid, once they are gone; and says how far it has looked."""

import uuid
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, select, text, update

from app.booking import auditor as auditing
from app.booking.actions import cancel_booking
from app.booking.auditor import Auditor
from app.booking.invariants import INVARIANTS
from app.clock import ManualClock
from app.tables import Booking, BookingSlot, Slot
from tests.booking.conftest import owner_of

#: What keeps the promises, and must go before they can be broken.
GUARDS = {
    "postgresql": (
        "ALTER TABLE slots DROP CONSTRAINT no_overlapping_slots",
        "ALTER TABLE slots DROP CONSTRAINT ck_slots_owned_when_taken",
    ),
    "sqlite": ("PRAGMA ignore_check_constraints=ON",),
}


class Undone(Exception):
    """Ends a transaction so that nothing of it stays."""


@pytest.fixture
def auditor(desk):
    return Auditor(desk.database, ManualClock(datetime(2030, 1, 7, 9, tzinfo=UTC)))


@contextmanager
def unguarded(desk):
    """A transaction in which every promise can be broken; gone afterwards."""
    with suppress(Undone), desk.database.transaction() as tx:
        tx.execute(text("DROP INDEX one_live_booking_per_slot"))
        tx.execute(text("DROP INDEX one_booking_per_fence"))
        tx.execute(text("DROP INDEX one_slot_per_doctor_and_start"))
        if desk.database.is_sqlite:
            names = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'slots'"
            for name in tx.execute(text(names)).scalars().all():
                tx.execute(text(f"DROP TRIGGER {name}"))
        for statement in GUARDS[tx.dialect.name]:
            tx.execute(text(statement))
        yield tx
        raise Undone


def broken(found):
    return {finding.name: finding.slots for finding in found.findings if finding.broken}


def claim_too(tx, booking, slot_id, fence=99):
    """A second live claim on a slot that is somebody else's."""
    tx.execute(update(Slot).where(Slot.id == slot_id).values(fence=fence))
    values = {"booking_id": uuid.UUID(booking["id"]), "slot_id": slot_id, "fence": fence, "live": True}
    tx.execute(insert(BookingSlot).values(values))


def age(tx, seconds=3600):
    """Everything was booked a while ago, so that only the way through all slots finds it."""
    tx.execute(update(Booking).values(created_at=datetime.now(UTC) - timedelta(seconds=seconds)))


def test_a_database_in_order_has_nothing_to_show(desk, auditor):
    desk.hold(desk.add_slot(24))
    cancelled = desk.book(slot := desk.add_slot(25))
    cancel_booking(desk.engine, uuid.UUID(cancelled["id"]), owner_of(cancelled))
    desk.book(slot)
    desk.add_slot(26)

    found = auditor.look()

    assert broken(found) == {}
    assert {finding.name for finding in found.findings} == {invariant.name for invariant in INVARIANTS}
    assert (found.slots, found.fresh_slots, found.whole_slots) == (3, 2, 3)


def test_an_empty_database_is_in_order(auditor):
    assert broken(auditor.look()) == {}


@pytest.mark.parametrize("seconds", [0, 3600])
def test_a_double_booking_is_found_fresh_and_old(desk, auditor, seconds):
    slot, other = desk.add_slot(24), desk.add_slot(25)
    desk.book(slot)
    second = desk.book(other)

    with unguarded(desk) as tx:
        claim_too(tx, second, slot)
        age(tx, seconds)
        found = auditor.examine(tx)

    assert broken(found) == {"double_booking": (slot,), "overlap": (slot,), "owned": (slot,)}


def test_an_overlap_of_two_bookings_is_found(desk, auditor):
    slot, later = desk.add_slot(24), desk.add_slot(26)
    desk.book(slot)
    desk.book(later)

    with unguarded(desk) as tx:
        start = tx.execute(select(Slot.starts_at).where(Slot.id == slot)).scalar_one()
        moved = {"starts_at": start + timedelta(minutes=20), "ends_at": start + timedelta(minutes=50)}
        tx.execute(update(Slot).where(Slot.id == later).values(moved))
        found = auditor.examine(tx)

    assert broken(found) == {"overlap": (later,)}


def test_an_overlap_across_the_border_of_two_stretches_is_found(desk, auditor, monkeypatch):
    monkeypatch.setattr(auditing, "SLOTS_PER_ROUND", 1)
    slot, later = desk.add_slot(24), desk.add_slot(26)
    desk.book(slot)
    desk.book(later)

    with unguarded(desk) as tx:
        start = tx.execute(select(Slot.starts_at).where(Slot.id == slot)).scalar_one()
        moved = {"starts_at": start + timedelta(minutes=20), "ends_at": start + timedelta(minutes=50)}
        tx.execute(update(Slot).where(Slot.id == later).values(moved))
        age(tx)
        rounds = [broken(auditor.examine(tx)) for _ in range(2)]

    assert rounds == [{}, {"overlap": (later,)}]


def test_a_taken_slot_without_its_claim_is_found(desk, auditor):
    slot = desk.add_slot()
    desk.book(slot)

    with unguarded(desk) as tx:
        tx.execute(update(BookingSlot).values(live=False))
        found = auditor.examine(tx)

    assert broken(found) == {"named": (slot,), "confirmed": (slot,)}


def test_a_claim_its_slot_does_not_know_of_is_found(desk, auditor):
    slot = desk.add_slot()
    desk.book(slot)

    with unguarded(desk) as tx:
        tx.execute(update(Slot).values(state="OPEN", booking_id=None))
        found = auditor.examine(tx)

    assert broken(found) == {"owned": (slot,)}


def test_a_fence_that_went_back_is_found(desk, auditor):
    slot = desk.add_slot()
    desk.book(slot)

    with unguarded(desk) as tx:
        tx.execute(update(Slot).values(fence=0))
        found = auditor.examine(tx)

    assert broken(found) == {"fence": (slot,)}


def test_all_slots_are_looked_at_stretch_by_stretch_and_then_anew(desk, auditor, monkeypatch):
    monkeypatch.setattr(auditing, "SLOTS_PER_ROUND", 2)
    for hour in range(5):
        desk.add_slot(24 + hour)

    rounds = [auditor.look() for _ in range(4)]

    assert [each.slots for each in rounds] == [2, 2, 1, 2]
    assert [each.whole_slots for each in rounds] == [None, None, 5, 5]
