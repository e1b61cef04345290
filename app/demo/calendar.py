"""The demo's calendar: two weeks of working days ahead, some of them taken, one in five cancelled again."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from zlib import crc32
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from app.accounts.addresses import has_address
from app.booking.actions import SYSTEM, Actor, Claim, PatientDetails, cancel_booking, hold_slot
from app.booking.engine import Engine
from app.booking.errors import BookingConflict
from app.config import Config
from app.demo.people import DOCTORS, PATIENT_ADDRESS, PATIENTS, SEED
from app.directory.bulk import create_slots
from app.directory.directory import Directory
from app.directory.generation import Window, generate
from app.directory.placing import read_now
from app.directory.wall_time import day_bounds, local_day
from app.tables import BookingSlot, Doctor, Patient, Slot, User

DAYS_AHEAD = 14
REASONS = ("Check-up", "Follow-up", "First visit", "Test results", "Vaccination")


@dataclass(frozen=True)
class DemoDoctor:
    """A demo doctor who is still there: position in the list, id, and what the local day is."""

    number: int
    id: int
    zone: ZoneInfo
    today: date


@dataclass(frozen=True)
class Appointment:
    """The slot of that number on the doctor's day, taken by that patient."""

    slot_number: int
    patient_number: int
    reason: str
    is_cancelled: bool


def appointments_of(doctor_number: int, day: date) -> list[Appointment]:
    """What is in the doctor's book on a day: the same whenever it is asked."""
    count = 1 + (day.toordinal() + doctor_number) % 2
    return [_appointment(doctor_number, day, number) for number in range(count)]


def demo_doctors(connection: Connection) -> list[DemoDoctor]:
    now = read_now(connection)
    numbers = {name: number for number, (name, *_) in enumerate(DOCTORS)}
    rows = connection.execute(
        select(Doctor.name, Doctor.id, Doctor.timezone)
        .where(Doctor.name.in_(numbers), Doctor.deleted_at.is_(None))
        .order_by(Doctor.id)
    )
    return [
        DemoDoctor(numbers[name], doctor_id, ZoneInfo(zone), local_day(now, ZoneInfo(zone)))
        for name, doctor_id, zone in rows
    ]


def add_slots(directory: Directory, config: Config, doctor: DemoDoctor) -> int:
    """Fill the weekdays ahead that have no slot at all; how many slots were made."""
    with directory.database.read() as connection:
        filled, now = slots_by_day(connection, doctor), read_now(connection)
    made = 0
    for ahead in range(DAYS_AHEAD + 1):
        day = doctor.today + timedelta(days=ahead)
        window = Window(
            day, day, config.clinic_start_hour * 60, config.clinic_end_hour * 60,
            config.default_slot_minutes, exclude_weekends=True,
        )  # fmt: skip
        is_useful = any(span.starts_at > now for span in generate(window, doctor.zone)[0])
        if day not in filled and is_useful:
            made += create_slots(directory, doctor.id, window, SEED).value["created"]
    return made


def add_bookings(engine: Engine, doctor: DemoDoctor) -> tuple[int, int]:
    """Take those of the demo's slots that nobody ever had; how many, and how many were cancelled again."""
    with engine.database.read() as connection:
        plan = _plan(connection, doctor)
        book = _PatientBook.read(connection)
    booked = cancelled = 0
    for slot_id, wanted in plan:
        booking_id = _book(engine, slot_id, wanted, book)
        booked += booking_id is not None
        if booking_id is not None and wanted.is_cancelled:
            cancel_booking(engine, booking_id, SYSTEM, "The patient called.")
            cancelled += 1
    return booked, cancelled


def slots_by_day(connection: Connection, doctor: DemoDoctor) -> dict[date, list[int]]:
    """Whatever slots there are in the weeks ahead, blocked ones too, by local day and time."""
    begin, _ = day_bounds(doctor.today, doctor.zone)
    _, end = day_bounds(doctor.today + timedelta(days=DAYS_AHEAD), doctor.zone)
    days: dict[date, list[int]] = defaultdict(list)
    for slot_id, starts_at in connection.execute(
        select(Slot.id, Slot.starts_at)
        .where(Slot.doctor_id == doctor.id, Slot.starts_at >= begin, Slot.starts_at < end)
        .order_by(Slot.starts_at, Slot.id)
    ):
        days[local_day(starts_at, doctor.zone)].append(slot_id)
    return dict(days)


@dataclass(frozen=True)
class _PatientBook:
    """The demo's patients as they are on file, and the account of the one who can log in."""

    ids: Mapping[str, uuid.UUID]
    account: uuid.UUID | None

    @classmethod
    def read(cls, connection: Connection) -> _PatientBook:
        rows = connection.execute(select(Patient.email, Patient.id))
        account = connection.execute(select(User.id).where(has_address(connection, PATIENT_ADDRESS))).scalar()
        return cls({row.email: row.id for row in rows}, account)


def _appointment(doctor_number: int, day: date, number: int) -> Appointment:
    """The first of a day is in the morning, the second in the afternoon; else as if drawn by lot."""
    lot = crc32(f"{doctor_number}/{day}/{number}".encode())
    return Appointment(
        slot_number=lot % 8 + 8 * number,
        patient_number=lot // 8 % len(PATIENTS),
        reason=REASONS[lot // 80 % len(REASONS)],
        is_cancelled=(day.toordinal() + 2 * doctor_number + 3 * number) % 5 == 0,
    )


def _plan(connection: Connection, doctor: DemoDoctor) -> list[tuple[int, Appointment]]:
    """From tomorrow on, so that it does not depend on the hour; a slot with any history is left alone."""
    claimed = select(BookingSlot.slot_id).join(Slot, Slot.id == BookingSlot.slot_id)
    had = set(connection.execute(claimed.where(Slot.doctor_id == doctor.id)).scalars())
    return [
        (slot_id, wanted)
        for day, slots in slots_by_day(connection, doctor).items()
        if day > doctor.today
        for wanted in appointments_of(doctor.number, day)
        if (slot_id := slots[wanted.slot_number % len(slots)]) not in had
    ]


def _book(engine: Engine, slot_id: int, wanted: Appointment, book: _PatientBook) -> uuid.UUID | None:
    """None when a visitor was quicker."""
    patient = PATIENTS[wanted.patient_number]
    # No address: nobody wants a hundred mails about appointments they never made.
    details = PatientDetails(patient.name, None, patient.phone, wanted.reason, book.ids.get(patient.email))
    actor = Actor(SEED, book.account if patient.email == PATIENT_ADDRESS else None)
    try:
        return uuid.UUID(hold_slot(engine, Claim((slot_id,), details, instant=True), actor).value["id"])
    except BookingConflict:
        return None
