"""A directory on a real database, and an engine beside it for slots that somebody has booked."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy import insert, select, update

from app.booking.actions import GUEST, Actor, Claim, PatientDetails, cancel_booking, hold_slot
from app.booking.engine import Engine
from app.booking.glance import Glance
from app.clock import SystemClock
from app.coordination.breaker import Breaker
from app.coordination.locks import SlotLocks
from app.coordination.stamps import Stamper
from app.database import Database, db_now
from app.directory.directory import Directory
from app.directory.doctors import DoctorDraft, create_doctor
from app.tables import Booking, Doctor, OutboxEntry, Slot
from tests.keys import KEYRING

ADMIN = "admin@example.org"
ANNA = PatientDetails("Anna Example", "anna@example.org", "+49 30 1234567")
NINE_TOMORROW = datetime.now(UTC).replace(hour=9, minute=0, second=0, microsecond=0) + timedelta(days=1)


@dataclass
class House:
    """A directory, and what a test wants to do and ask around it."""

    directory: Directory
    engine: Engine
    published: list[dict[str, Any]] = field(default_factory=list)

    @property
    def database(self) -> Database:
        return self.directory.database

    def add_doctor(self, name: str = "Dr Ada Probe", **details: Any) -> int:
        draft = {"specialization": "Cardiology", "timezone": "Europe/Berlin", **details}
        return int(create_doctor(self.directory, DoctorDraft(name, **draft), ADMIN).value["id"])

    def add_slot(
        self, doctor_id: int, starts_at: datetime = NINE_TOMORROW, minutes: int = 30, **values: Any
    ) -> int:
        row = {"doctor_id": doctor_id, "starts_at": starts_at,
               "ends_at": starts_at + timedelta(minutes=minutes), **values}  # fmt: skip
        with self.database.transaction() as tx:
            return tx.execute(insert(Slot).values(row).returning(Slot.id)).scalar_one()

    def hold(self, slot_id: int) -> dict[str, Any]:
        return hold_slot(self.engine, Claim((slot_id,), ANNA), GUEST).value

    def book(self, slot_id: int) -> dict[str, Any]:
        return hold_slot(self.engine, Claim((slot_id,), ANNA, instant=True), GUEST).value

    def cancel(self, booking: dict[str, Any]) -> None:
        desk = Actor("desk", is_staff=True)
        cancel_booking(self.engine, uuid.UUID(booking["id"]), desk)

    def lapse(self, slot_id: int) -> None:
        """Move the deadline of the hold into the past, as waiting for it would."""
        with self.database.transaction() as tx:
            owner = tx.execute(select(Slot.booking_id).where(Slot.id == slot_id)).scalar_one()
            tx.execute(update(Slot).where(Slot.id == slot_id).values(hold_until=db_now(-1)))
            tx.execute(update(Booking).where(Booking.id == owner).values(expires_at=db_now(-1)))

    def slots(self) -> list[Any]:
        with self.database.read() as connection:
            return list(connection.execute(select(*Slot.__table__.columns).order_by(Slot.starts_at)))

    def slot(self, slot_id: int) -> Any:
        return next((slot for slot in self.slots() if slot.id == slot_id), None)

    def doctor(self, doctor_id: int) -> Any:
        with self.database.read() as connection:
            return connection.execute(select(*Doctor.__table__.columns).where(Doctor.id == doctor_id)).one()

    def changes(self, *kinds: str) -> list[dict[str, Any]]:
        """What the outbox tells others, in order: of slots, unless another kind is asked for."""
        wanted = OutboxEntry.kind.in_(kinds or ("slot", "slots"))
        query = select(OutboxEntry.payload).where(wanted).order_by(OutboxEntry.seq)
        with self.database.read() as connection:
            return list(connection.execute(query).scalars())


@pytest.fixture
def make_house(redis_url: str) -> Iterator[Callable[[str], House]]:
    databases: list[Database] = []

    def make(url: str) -> House:
        databases.append(Database(url, keyring=KEYRING))
        return _house(databases[-1], redis_url)

    yield make
    for database in databases:
        database.dispose()


@pytest.fixture
def house(make_house: Callable[[str], House], database_url: str) -> House:
    return make_house(database_url)


def _house(database: Database, redis_url: str) -> House:
    redis = Redis.from_url(redis_url, socket_timeout=0.25, retry=Retry(NoBackoff(), 0))
    stamper = Stamper(database, "node-1", "http://127.0.0.1:0")
    published: list[dict[str, Any]] = []
    engine = Engine(
        database=database,
        locks=SlotLocks(redis, Breaker(SystemClock())),
        glance=Glance(database),
        stamper=stamper,
        node_id="node-1",
        hold_seconds=120,
        publish=published.append,
        enqueue=lambda name, notice: None,
    )
    return House(Directory(database, stamper, "node-1", published.append), engine, published)
