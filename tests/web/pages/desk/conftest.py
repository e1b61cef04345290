"""A receptionist at a browser without JavaScript, and a clinic with two doctors."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from apiflask import APIFlask
from sqlalchemy import insert, select, update

from app.accounts.actions import NewAccount, add_account
from app.accounts.principals import Role
from app.database import db_now
from app.tables import Booking, Doctor, Slot
from app.web.parts import EXTENSION
from tests.web.conftest import PASSWORD
from tests.web.pages.conftest import Clinic, Person


@pytest.fixture
def colleague(clinic: Clinic) -> int:
    """A second doctor of the same specialty."""
    with clinic.parts.database.transaction() as tx:
        specialty = tx.execute(
            select(Doctor.specialization).where(Doctor.id == clinic.doctor_id)
        ).scalar_one()
        values = {"name": "Dr. Berta Second", "specialization": specialty, "timezone": "Europe/Berlin"}
        return tx.execute(insert(Doctor).values(values).returning(Doctor.id)).scalar_one()


def log_in(app: APIFlask, person: Person, role: str, door: str = "/desk") -> Person:
    parts = app.extensions[EXTENSION]
    hashed = parts.passwords.hash(PASSWORD)
    account = NewAccount(f"{role}@example.org", role.title(), hashed, Role(role), all_doctors=True)
    parts.database.run(lambda tx: add_account(tx, account))
    person.open(f"/login?next={door}")
    person.send("/login", email=account.email, password=PASSWORD, next=door)
    return person


@pytest.fixture
def receptionist(app: APIFlask, person: Person) -> Person:
    return log_in(app, person, "staff")


@pytest.fixture
def chief(app: APIFlask, person: Person) -> Person:
    return log_in(app, person, "admin")


def day_of(clinic: Clinic, slot_id: int) -> str:
    """The clinic's day the slot is on."""
    zone = ZoneInfo(clinic.parts.config.clinic_timezone)
    return clinic.slot(slot_id).starts_at.astimezone(zone).date().isoformat()


def make_current(clinic: Clinic, slot_id: int, minutes: float = -5) -> None:
    """Let the slot and its booking begin so many minutes from now, as waiting for it would."""
    begin = db_now(minutes * 60)
    with clinic.parts.database.transaction() as tx:
        tx.execute(
            update(Slot)
            .where(Slot.id == slot_id)
            .values(starts_at=begin, ends_at=db_now(minutes * 60 + 1800))
        )
        row = tx.execute(
            select(Slot.starts_at, Slot.ends_at, Slot.booking_id).where(Slot.id == slot_id)
        ).one()
        of_it = update(Booking).where(Booking.id == row.booking_id)
        tx.execute(of_it.values(starts_at=row.starts_at, ends_at=row.ends_at))


def now() -> datetime:
    return datetime.now(UTC) + timedelta()
