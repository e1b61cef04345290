"""The constraints behind the guards: each is there on both databases, and bites."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, delete, insert, update
from sqlalchemy.exc import IntegrityError

from app.database import Database
from app.tables import (
    Booking,
    BookingSlot,
    Doctor,
    IdempotencyRecord,
    Notice,
    OutboxEntry,
    Patient,
    Slot,
)
from tests.keys import KEYRING

NINE = datetime(2030, 1, 7, 9, tzinfo=UTC)
Statement = Any


@pytest.fixture
def tx(database_url: str) -> Iterator[Connection]:
    """One transaction, never committed."""
    database = Database(database_url, keyring=KEYRING)
    with database.transaction() as connection:
        yield connection
        connection.rollback()
    database.dispose()


@pytest.fixture
def doctor(tx: Connection) -> int:
    return a_doctor(tx)


def a_doctor(tx: Connection) -> int:
    values = {"name": "Dr Ada Probe", "specialization": "Cardiology", "timezone": "UTC"}
    return tx.execute(insert(Doctor).values(values).returning(Doctor.id)).scalar_one()


def a_slot(tx: Connection, doctor_id: int, start: int = 0, end: int = 30, **values: Any) -> int:
    """A slot between two minutes after nine."""
    span = {"starts_at": NINE + timedelta(minutes=start), "ends_at": NINE + timedelta(minutes=end)}
    row = {"doctor_id": doctor_id, **span, **values}
    return tx.execute(insert(Slot).values(row).returning(Slot.id)).scalar_one()


def a_booking(tx: Connection, doctor_id: int, **values: Any) -> uuid.UUID:
    row = {
        "reference": uuid.uuid4().hex[:8],
        "status": "CONFIRMED",
        "doctor_id": doctor_id,
        "starts_at": NINE,
        "ends_at": NINE + timedelta(minutes=30),
        "patient_name": "Anna Example",
        "processed_by": "node-1",
        **values,
    }
    return tx.execute(insert(Booking).values(row).returning(Booking.id)).scalar_one()


def a_claim(tx: Connection, booking_id: uuid.UUID, slot_id: int, fence: int = 1, live: bool = True) -> None:
    row = {"booking_id": booking_id, "slot_id": slot_id, "fence": fence, "live": live}
    tx.execute(insert(BookingSlot).values(row))


def refused_by(attempt: Callable[[], object]) -> str:
    """What the database said when it refused."""
    with pytest.raises(IntegrityError) as caught:
        attempt()
    return str(caught.value.orig)


def test_a_slot_has_one_live_claim(tx: Connection, doctor: int) -> None:
    slot = a_slot(tx, doctor)
    a_claim(tx, a_booking(tx, doctor), slot, fence=1)
    rival = a_booking(tx, doctor)

    said = refused_by(lambda: a_claim(tx, rival, slot, fence=2))

    assert "one_live_booking_per_slot" in said or "booking_slots.slot_id" in said


def test_a_slot_may_have_had_many_claims(tx: Connection, doctor: int) -> None:
    slot = a_slot(tx, doctor)
    for fence in (1, 2):
        a_claim(tx, a_booking(tx, doctor), slot, fence, live=False)

    a_claim(tx, a_booking(tx, doctor), slot, fence=3)

    assert tx.execute(delete(BookingSlot).returning(BookingSlot.fence)).scalars().all() == [1, 2, 3]


def test_a_fence_is_used_once_per_slot(tx: Connection, doctor: int) -> None:
    slot = a_slot(tx, doctor)
    a_claim(tx, a_booking(tx, doctor), slot, fence=1, live=False)
    rival = a_booking(tx, doctor)

    said = refused_by(lambda: a_claim(tx, rival, slot, fence=1))

    assert "one_booking_per_fence" in said or "booking_slots.fence" in said


OVERLAPPING = [(0, 30), (15, 45), (-15, 15), (10, 20), (-10, 40), (29, 60)]


@pytest.mark.parametrize(("start", "end"), OVERLAPPING)
def test_slots_of_a_doctor_do_not_overlap(tx: Connection, doctor: int, start: int, end: int) -> None:
    a_slot(tx, doctor)

    said = refused_by(lambda: a_slot(tx, doctor, start, end))

    assert "no_overlapping_slots" in said or "one_slot_per_doctor_and_start" in said


@pytest.mark.parametrize(("start", "end"), [(30, 60), (-30, 0)])
def test_touching_slots_do_not_overlap(tx: Connection, doctor: int, start: int, end: int) -> None:
    first = a_slot(tx, doctor)

    assert a_slot(tx, doctor, start, end) != first


def test_slots_of_two_doctors_may_overlap(tx: Connection, doctor: int) -> None:
    first = a_slot(tx, doctor)

    assert a_slot(tx, a_doctor(tx)) != first


def test_a_blocked_slot_is_in_nobodys_way(tx: Connection, doctor: int) -> None:
    blocked = a_slot(tx, doctor, state="BLOCKED", block_reason="stepped_aside")

    assert a_slot(tx, doctor, 15, 45) != blocked


def test_a_blocked_slot_cannot_return_into_a_taken_time(tx: Connection, doctor: int) -> None:
    blocked = a_slot(tx, doctor, state="BLOCKED", block_reason="stepped_aside")
    a_slot(tx, doctor, 15, 45)
    reopen = update(Slot).where(Slot.id == blocked).values(state="OPEN", block_reason=None)

    said = refused_by(lambda: tx.execute(reopen))

    assert "no_overlapping_slots" in said


def test_a_slot_cannot_be_moved_onto_another(tx: Connection, doctor: int) -> None:
    a_slot(tx, doctor)
    later = a_slot(tx, doctor, 60, 90)
    earlier = update(Slot).where(Slot.id == later).values(starts_at=NINE + timedelta(minutes=20))

    assert "no_overlapping_slots" in refused_by(lambda: tx.execute(earlier))


def test_what_a_booking_names_cannot_be_deleted(tx: Connection, doctor: int) -> None:
    slot = a_slot(tx, doctor)
    patient = tx.execute(
        insert(Patient).values(name="Anna", email="anna@example.org").returning(Patient.id)
    ).scalar_one()
    booking = a_booking(tx, doctor, patient_id=patient)
    a_claim(tx, booking, slot, live=False)

    for table, key in ((Slot, slot), (Doctor, doctor), (Patient, patient), (Booking, booking)):
        with tx.begin_nested() as attempt:
            said = refused_by(lambda table=table, key=key: tx.execute(delete(table).where(table.id == key)))
            attempt.rollback()
        assert "foreign key" in said.lower(), table


def test_a_doctor_with_slots_cannot_be_deleted(tx: Connection, doctor: int) -> None:
    a_slot(tx, doctor)

    assert "foreign key" in refused_by(lambda: tx.execute(delete(Doctor).where(Doctor.id == doctor))).lower()


IMPOSSIBLE_SLOTS = {
    "of an unknown state": {"state": "FREE"},
    "held by nobody": {"state": "HELD", "hold_until": NINE},
    "held without end": {"state": "HELD", "booking_id": uuid.uuid4()},
    "booked by nobody": {"state": "BOOKED"},
    "open with an owner": {"state": "OPEN", "booking_id": uuid.uuid4()},
    "booked with a deadline": {"state": "BOOKED", "booking_id": uuid.uuid4(), "hold_until": NINE},
    "blocked without a reason": {"state": "BLOCKED"},
    "open with a reason to be blocked": {"block_reason": "closed"},
    "with a fence below zero": {"fence": -1},
    "that ends when it starts": {"ends_at": NINE},
    "of nobody": {"doctor_id": 987654},
}


@pytest.mark.parametrize("values", IMPOSSIBLE_SLOTS.values(), ids=IMPOSSIBLE_SLOTS)
def test_there_is_no_slot(tx: Connection, doctor: int, values: dict[str, Any]) -> None:
    assert refused_by(lambda: a_slot(tx, **{"doctor_id": doctor} | values))


IMPOSSIBLE_BOOKINGS = {
    "of an unknown status": {"status": "BOOKED"},
    "confirmed for nobody": {"patient_name": None},
    "pending without end": {"status": "PENDING"},
    "confirmed with a deadline": {"expires_at": NINE},
    "for an unknown patient": {"patient_id": uuid.uuid4()},
    "by an unknown user": {"user_id": uuid.uuid4()},
}


@pytest.mark.parametrize("values", IMPOSSIBLE_BOOKINGS.values(), ids=IMPOSSIBLE_BOOKINGS)
def test_there_is_no_booking(tx: Connection, doctor: int, values: dict[str, Any]) -> None:
    assert refused_by(lambda: a_booking(tx, doctor, **values))


def test_a_reference_names_one_booking(tx: Connection, doctor: int) -> None:
    a_booking(tx, doctor, reference="QX7-4RM")

    assert "reference" in refused_by(lambda: a_booking(tx, doctor, reference="QX7-4RM"))


def test_a_change_causes_one_notice_of_a_kind(tx: Connection, doctor: int) -> None:
    notice = insert(Notice).values(booking_id=a_booking(tx, doctor), kind="confirmation", sequence=0)
    tx.execute(notice)

    assert refused_by(lambda: tx.execute(notice))


def test_a_place_in_a_stream_is_given_once(tx: Connection) -> None:
    entry = insert(OutboxEntry).values(stream="doctor:1", seq=1, kind="slot", payload={})
    tx.execute(entry)

    assert refused_by(lambda: tx.execute(entry))


def test_a_key_is_remembered_once_per_scope(tx: Connection) -> None:
    record = insert(IdempotencyRecord).values(scope="anna", key="key-1", request_hash="x", answer={})
    tx.execute(record)

    assert refused_by(lambda: tx.execute(record))
