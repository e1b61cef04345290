"""`python -m tests.cost_of_the_wall`: what the second wall costs a read, with and without it in turn.

Not a test: the numbers are for ARCHITECTURE.md."""

from __future__ import annotations

import random
import statistics
import time
import uuid
from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from unittest.mock import patch

from sqlalchemy import insert, text

from app.booking.documents import select_bookings
from app.booking.rules import Actor
from app.booking.seen import seen_by
from app.booking.wall import read_for
from app.config import Config
from app.database import Database
from app.tables import Booking, Doctor
from tests.keys import KEYRING
from tests.servers import run_python_module, running_postgres

BOOKINGS, ROUNDS, PER_ROUND = 20_000, 10, 100
BEGIN = datetime(2030, 1, 1, tzinfo=UTC)
Look = Callable[[uuid.UUID, bool], None]


def main() -> None:
    with running_postgres() as server:
        url = server.create_database("wall")
        run_python_module("app.migrate", DATABASE_URL=url)
        database = Database(Config.from_env({"DATABASE_URL": url}).database_url, 8, KEYRING)
        ids, doctor_id = _fill(database)
        for name, look in _looks(database, doctor_id).items():
            without, walled = _compare(look, ids)
            print(f"{name:24} without {without:6.2f} ms   with {walled:6.2f} ms")
        database.dispose()


def _fill(database: Database) -> tuple[list[uuid.UUID], int]:
    ids = [uuid.uuid4() for _ in range(BOOKINGS)]
    doctor = {"name": "D", "specialization": "C", "timezone": "Europe/Berlin"}
    half = timedelta(minutes=30)
    with database.transaction() as tx:
        doctor_id = tx.execute(insert(Doctor).values(doctor).returning(Doctor.id)).scalar_one()
        tx.execute(insert(Booking), [
            {"id": each, "reference": f"{n:07}", "status": "CONFIRMED", "doctor_id": doctor_id,
             "starts_at": BEGIN + n * half, "ends_at": BEGIN + (n + 1) * half, "patient_name": "P",
             "processed_by": "node-1"}
            for n, each in enumerate(ids)
        ])  # fmt: skip
        tx.execute(text("ANALYZE bookings"))
    return ids, doctor_id


def _looks(database: Database, doctor_id: int) -> dict[str, Look]:
    staff = Actor("user:s", is_staff=True, doctors=frozenset({doctor_id}))

    def ask(query: object, actor: Actor, walled: bool) -> None:
        with read_for(database, actor) if walled else database.read() as connection:
            connection.execute(query).all()

    def one(booking_id: uuid.UUID, walled: bool) -> None:
        ask(select_bookings().where(Booking.id == booking_id), Actor("guest", token_for=booking_id), walled)

    def day(booking_id: uuid.UUID, walled: bool) -> None:
        begin = BEGIN + timedelta(days=booking_id.int % 400)
        within = Booking.starts_at.between(begin, begin + timedelta(days=1))
        ask(select_bookings().where(Booking.doctor_id == doctor_id, within), staff, walled)

    def before_a_change(booking_id: uuid.UUID, walled: bool) -> None:
        away = nullcontext() if walled else patch("app.booking.seen.behind_wall", lambda *_: nullcontext())
        with away, database.transaction() as tx:
            seen_by(tx, booking_id, Actor("guest", token_for=booking_id))

    return {
        "one booking by its link": one,
        "a day of 48 bookings": day,
        "the look before a change": before_a_change,
    }


def _compare(look: Look, ids: list[uuid.UUID]) -> tuple[float, float]:
    """The medians, in milliseconds; the two take turns, so that a busy machine is unfair to both."""
    took: dict[bool, list[float]] = {False: [], True: []}
    for _ in range(ROUNDS):
        for walled, times in took.items():
            began = time.perf_counter()
            for booking_id in random.sample(ids, PER_ROUND):
                look(booking_id, walled)
            times.append((time.perf_counter() - began) / PER_ROUND * 1000)
    return statistics.median(took[False]), statistics.median(took[True])


if __name__ == "__main__":
    main()
