"""The demo data, on both databases, without Redis (A32, E17)."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from app.accounts.addresses import has_address
from app.config import Config
from app.database import Database, db_now
from app.demo import calendar, cinema, people
from app.directory.directory import Directory
from app.directory.doctors import create_doctor
from app.directory.slots import delete_slot
from app.seed import SeedRefused, demo_engine, seed
from app.tables import Booking, Doctor, Hall, Movie, Patient, Showtime, Slot, User, metadata
from tests.keys import KEYRING
from tests.servers import run_python_module


def config_for(url: str, **settings: str) -> Config:
    return Config.from_env(
        {"APP_ENV": "test", "DATABASE_URL": url, "REDIS_URL": "redis://127.0.0.1:1/0", **settings}
    )


def silent(_line: str) -> None:
    pass


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url, keyring=KEYRING)
    yield database
    database.dispose()


@pytest.fixture
def sqlite(sqlite_url: str) -> Iterator[Database]:
    """For what the database has no part in."""
    database = Database(sqlite_url, keyring=KEYRING)
    yield database
    database.dispose()


def everything(database: Database) -> dict[str, list[Any]]:
    with database.read() as connection:
        return {
            table.name: sorted(map(repr, connection.execute(select(table))))
            for table in metadata.sorted_tables
        }


def rows(database: Database, *columns: Any) -> list[Any]:
    with database.read() as connection:
        return list(connection.execute(select(*columns)))


def test_the_demo_has_everybody_and_a_busy_fortnight(database: Database) -> None:
    seed(config_for(database.url), silent)

    roles = dict(map(tuple, rows(database, User.email, User.role)))
    assert roles == {
        "admin@example.org": "admin",
        "operator@example.org": "operator",
        "desk@example.org": "staff",
        "patient@example.org": "patient",
        "load@example.org": "patient",
    }
    assert len({row.specialization for row in rows(database, Doctor.specialization)}) == 5
    assert len(rows(database, Patient.id)) == 10
    statuses = Counter(
        row.status for row in rows(database, Booking.status, Booking.doctor_id) if row.doctor_id
    )
    assert set(statuses) == {"CONFIRMED", "CANCELLED"}
    assert statuses.total() == 75
    assert 11 <= statuses["CANCELLED"] <= 19
    states = Counter(row.state for row in rows(database, Slot.state, Slot.doctor_id) if row.doctor_id)
    assert states["BOOKED"] == statuses["CONFIRMED"]
    assert states["OPEN"] >= 5 * 10 * 16 - states["BOOKED"]


def test_the_demo_has_movies_with_showtimes_and_some_seats_sold(database: Database) -> None:
    seed(config_for(database.url), silent)

    assert len(rows(database, Hall.id)) == 2
    assert len(rows(database, Movie.id)) == 4
    by_movie = Counter(row.movie_id for row in rows(database, Showtime.movie_id))
    assert set(by_movie) == {row.id for row in rows(database, Movie.id)}
    assert min(by_movie.values()) >= cinema.DAYS_AHEAD
    seats = Counter(row.state for row in rows(database, Slot.state, Slot.showtime_id) if row.showtime_id)
    assert 0 < seats["BOOKED"] < seats["OPEN"] / 5
    assert set(seats) == {"OPEN", "BOOKED"}


def test_seeding_twice_changes_nothing(database: Database) -> None:
    seed(config_for(database.url), silent)
    before = everything(database)

    added = seed(config_for(database.url), silent)

    assert not +added
    assert everything(database) == before


def test_the_patient_who_can_log_in_has_appointments(sqlite: Database) -> None:
    seed(config_for(sqlite.url), silent)

    with sqlite.read() as connection:
        patient = connection.execute(
            select(User.id).where(has_address(connection, people.PATIENT_ADDRESS))
        ).scalar()
        mine = connection.execute(select(Booking.patient_name).where(Booking.user_id == patient)).scalars()
        assert set(mine) == {"Paula Patient"}


def test_nobody_gets_mail_about_the_demo(sqlite: Database) -> None:
    seed(config_for(sqlite.url), silent)

    assert {row.patient_email for row in rows(sqlite, Booking.patient_email)} == {None}


def test_a_later_run_adds_only_the_days_that_came_into_view(sqlite: Database) -> None:
    config = config_for(sqlite.url)
    seed(config, silent)
    engine = demo_engine(config, sqlite)
    directory = Directory(sqlite, engine.stamper, "node-1", silent)
    before = set(rows(sqlite, Slot.id, Slot.starts_at))
    with sqlite.read() as connection:
        today = calendar.demo_doctors(connection)[0]
    later = replace(today, today=today.today + timedelta(days=7))

    made = calendar.add_slots(directory, config, later)
    again = calendar.add_slots(directory, config, later)

    new = set(rows(sqlite, Slot.id, Slot.starts_at)) - before
    assert (made, again) == (5 * 16, 0)
    assert len(new) == made
    assert min(row.starts_at for row in new) > max(row.starts_at for row in before)


def test_what_was_taken_away_does_not_come_back(sqlite: Database) -> None:
    config = config_for(sqlite.url)
    seed(config, silent)
    engine = demo_engine(config, sqlite)
    directory = Directory(sqlite, engine.stamper, "node-1", silent)
    slot = next(row.id for row in rows(sqlite, Slot.id, Slot.state) if row.state == "OPEN")
    delete_slot(directory, slot, "admin")
    with sqlite.transaction() as tx:
        gone = tx.execute(select(Doctor.id).where(Doctor.name == people.DOCTORS[0][0])).scalar_one()
        tx.execute(update(Doctor).where(Doctor.id == gone).values(deleted_at=db_now(), email=None))

    added = seed(config, silent)

    assert not +added


def test_somebody_who_has_the_name_or_the_address_already_is_no_obstacle(sqlite: Database) -> None:
    config = config_for(sqlite.url)
    engine = demo_engine(config, sqlite)
    directory = Directory(sqlite, engine.stamper, "node-1", silent)
    name, specialization, address, *_ = people.DOCTORS[0]
    draft = people.DoctorDraft("Dr. Somebody Else", specialization, "UTC", address)
    create_doctor(directory, draft, "admin")

    added = seed(config, silent)

    assert added["doctors"] == 4
    assert name not in {row.name for row in rows(sqlite, Doctor.name)}


def test_production_gets_no_account_with_a_known_password(sqlite_url: str) -> None:
    safe = {"SECRET_KEY": "x" * 40, "DATA_KEY": "d" * 40, "BASE_URL": "https://example.org"}
    config = config_for(sqlite_url, APP_ENV="production", **safe)

    with pytest.raises(SeedRefused):
        seed(config, silent)


@pytest.mark.parametrize("first", [date(2026, 11, 20) + timedelta(days=offset) for offset in range(0, 40, 3)])
def test_any_fortnight_is_busy_for_everybody_and_one_in_five_cancels(first: date) -> None:
    days = [first + timedelta(days=ahead) for ahead in range(1, calendar.DAYS_AHEAD + 1)]
    weekdays = [day for day in days if day.weekday() < 5]

    books = [
        [appointment for day in weekdays for appointment in calendar.appointments_of(number, day)]
        for number in range(len(people.DOCTORS))
    ]

    wanted = [appointment for book in books for appointment in book]
    assert len(wanted) >= 50
    assert 0.15 <= sum(appointment.is_cancelled for appointment in wanted) / len(wanted) <= 0.25
    assert {appointment.patient_number for appointment in wanted} == set(range(len(people.PATIENTS)))
    for book in books:
        assert len({appointment.slot_number for appointment in book}) > 5
        assert len({appointment.patient_number for appointment in book}) > 3
        assert 1 <= sum(appointment.is_cancelled for appointment in book) <= len(book) / 2


def test_the_command_says_what_it_added(sqlite_url: str) -> None:
    settings = {"DATABASE_URL": sqlite_url, "REDIS_URL": "redis://127.0.0.1:1/0"}

    first = run_python_module("app.seed", **settings).stdout
    second = run_python_module("app.seed", **settings).stdout

    assert "5 doctors" in first
    assert "75 bookings" in first
    assert second == "seed: the demo data is there\n"
