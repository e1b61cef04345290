"""An engine on a real database and a real Redis, and a doctor with free slots."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy import insert, select, update

from app.booking.actions import GUEST, Actor, Claim, PatientDetails, hold_slot
from app.booking.engine import Engine
from app.booking.glance import Glance
from app.clock import SystemClock
from app.coordination.breaker import Breaker
from app.coordination.locks import SlotLocks
from app.coordination.stamps import Stamper
from app.database import Database, db_now
from app.tables import Booking, Doctor, Slot
from tests import moments
from tests.keys import KEYRING

HOLD_SECONDS = 120
#: Nothing listens there, so bookings go on in the database alone.
NO_REDIS = "redis://127.0.0.1:1/0"
ANNA = PatientDetails("Anna Example", "anna@example.org", "+49 30 1234567")


@dataclass
class Desk:
    """An engine and what a test wants to ask about it."""

    engine: Engine
    doctor_id: int
    published: list[dict[str, Any]] = field(default_factory=list)
    enqueued: list[tuple[str, str]] = field(default_factory=list)

    @property
    def database(self) -> Database:
        return self.engine.database

    def add_slot(self, hours_ahead: float = 24, minutes: int = 30, doctor_id: int | None = None) -> int:
        start = moments.hours_ahead(hours_ahead)
        return self.add_slot_between(start, start + timedelta(minutes=minutes), doctor_id)

    def add_slot_between(self, starts_at: datetime, ends_at: datetime, doctor_id: int | None = None) -> int:
        values = {"doctor_id": doctor_id or self.doctor_id, "starts_at": starts_at, "ends_at": ends_at}
        with self.database.transaction() as tx:
            return tx.execute(insert(Slot).values(values).returning(Slot.id)).scalar_one()

    def slot(self, slot_id: int) -> Any:
        with self.database.read() as connection:
            return connection.execute(select(*Slot.__table__.columns).where(Slot.id == slot_id)).one()

    def lapse(self, slot_id: int) -> None:
        """Move the deadline of the hold, with all its slots, into the past, as waiting for it would."""
        self.lapse_booking(self.slot(slot_id).booking_id)

    def lapse_booking(self, booking_id: uuid.UUID) -> None:
        with self.database.transaction() as tx:
            past = tx.execute(select(db_now(-1))).scalar_one()
            tx.execute(update(Slot).where(Slot.booking_id == booking_id).values(hold_until=past))
            tx.execute(update(Booking).where(Booking.id == booking_id).values(expires_at=past))

    def hold(self, slot_id: int, **options: Any) -> dict[str, Any]:
        return hold_slot(self.engine, Claim((slot_id,), ANNA), GUEST, **options).value

    def book(self, slot_id: int, **options: Any) -> dict[str, Any]:
        return hold_slot(self.engine, Claim((slot_id,), ANNA, instant=True), GUEST, **options).value


def owner_of(booking: dict[str, Any]) -> Actor:
    """Whoever was given the booking's manage token."""
    return Actor("guest", token_for=uuid.UUID(booking["id"]))


def quick_redis(url: str) -> Redis:
    return Redis.from_url(url, socket_timeout=0.25, socket_connect_timeout=0.25, retry=Retry(NoBackoff(), 0))


@pytest.fixture
def make_desk(redis_url: str) -> Iterator[Callable[[str], Desk]]:
    databases: list[Database] = []

    def make(url: str, redis: str = redis_url, node_id: str = "node-1", doctor_id: int | None = None) -> Desk:
        database = Database(url, keyring=KEYRING)
        databases.append(database)
        published: list[dict[str, Any]] = []
        enqueued: list[tuple[str, str]] = []
        engine = Engine(
            database=database,
            locks=SlotLocks(quick_redis(redis), Breaker(SystemClock())),
            glance=Glance(database),
            stamper=Stamper(database, node_id, "http://127.0.0.1:0"),
            node_id=node_id,
            hold_seconds=HOLD_SECONDS,
            publish=published.append,
            enqueue=lambda name, notice: enqueued.append((name, notice)),
        )
        return Desk(engine, doctor_id or a_doctor(database), published, enqueued)

    yield make
    for database in databases:
        database.dispose()


@pytest.fixture
def desk(make_desk: Callable[[str], Desk], database_url: str) -> Desk:
    return make_desk(database_url)


def a_doctor(database: Database) -> int:
    with database.transaction() as tx:
        values = {"name": "Dr Ada Probe", "specialization": "Cardiology", "timezone": "Europe/Berlin"}
        return tx.execute(insert(Doctor).values(values).returning(Doctor.id)).scalar_one()
