"""What reaches a person is sealed at rest, found by marks, and sealed anew when keys change (N16)."""

import subprocess
import sys
from pathlib import Path

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, select, text, update

from app.accounts import totp
from app.accounts.actions import NewAccount, add_account
from app.booking.actions import Claim, PatientDetails, WaitWish, hold_slot, join_waitlist
from app.booking.lookup import find_by_reference
from app.booking.rules import GUEST
from app.config import ConfigError
from app.database import Database
from app.directory.patients import PatientDraft, Reader, create_patient, find_patient, search_patients
from app.errors import Conflict, Unavailable
from app.idempotency import RequestKey
from app.key_check import require_keys
from app.migrate import alembic_config, migrate
from app.rotate_keys import places, rotate
from app.sealing import EMAIL, PHONE, KeyLost, Keyring, SealBroken
from app.tables import Booking, User, metadata
from tests.directory.conftest import ADMIN, NINE_TOMORROW, House, _house
from tests.servers import ROOT, clean_environment

OLD, NEW = "o" * 40, "n" * 40
ADDRESS, NUMBER, SECRET = "Canary.Bird@example.org", "+49 30 424242 77", totp.new_secret()
CLEAR = (ADDRESS, ADDRESS.lower(), NUMBER, NUMBER.replace(" ", ""), SECRET, "rings only after six")
ANYBODY = Reader("desk", None)
CANARY = PatientDetails("Quetzal Canary", ADDRESS, NUMBER)


@pytest.fixture
def open_with(database_url, redis_url):
    """open_with(NEW, OLD): the same database to a product with these keys, the newest first."""
    databases = []

    def open_it(*keys: str) -> House:
        databases.append(Database(database_url, keyring=Keyring(keys)))
        return _house(databases[-1], redis_url)

    yield open_it
    for database in databases:
        database.dispose()


@pytest.fixture
def house(open_with):
    return open_with(OLD)


def plant(house):
    """The canary in every table that is told how to reach somebody; the reference of its booking."""
    doctor_id = house.add_doctor()
    key = RequestKey.of("u", "one", "two")
    booked = hold_slot(
        house.engine, Claim((house.add_slot(doctor_id),), CANARY, instant=True), GUEST, key
    ).value
    later = NINE_TOMORROW.replace(hour=10)
    held = Claim((house.add_slot(doctor_id, later),), CANARY)
    hold_slot(house.engine, held, GUEST, RequestKey.of("u", "three", "four"))
    draft = PatientDraft(CANARY.name, ADDRESS, NUMBER, "rings only after six")
    create_patient(house.directory, draft, ADMIN, RequestKey.of("u", "five", "six"))
    join_waitlist(house.engine, WaitWish(doctor_id, NINE_TOMORROW, later, CANARY), GUEST)
    with house.database.transaction() as tx:
        user_id = add_account(tx, NewAccount(ADDRESS.lower(), CANARY.name, "-"))
        tx.execute(update(User).where(User.id == user_id).values(totp_secret=SECRET))
    return booked["reference"]


def raw_text(database):
    """Every cell of every table as it is stored."""
    with database.engine.connect() as connection:
        return {
            table.name: str(connection.execute(text(f'SELECT * FROM "{table.name}"')).all())
            for table in metadata.sorted_tables
        }


#: How many rows plant() makes whose texts are sealed.
PLANTED = {"users": 1, "patients": 1, "bookings": 2, "waitlist": 1, "idempotency": 3}


def sealed_with(house, keys):
    """The tables that hold something of these keys."""
    ids = [Keyring([key]).newest_id for key in keys]
    found = raw_text(house.database)
    return {name for name, rows in found.items() for each in ids if f"s1.{each}." in rows}


def test_no_table_holds_an_address_a_number_or_a_second_factor_in_the_clear(house):
    plant(house)

    stored = raw_text(house.database)

    assert {(table, word) for table, rows in stored.items() for word in CLEAR if word in rows} == set()
    assert {table for table, rows in stored.items() if "s1." in rows} == {
        "bookings", "idempotency", "patients", "users", "waitlist",
    }  # fmt: skip


def test_the_files_of_the_database_hold_none_of_it(sqlite_url, redis_url):
    database = Database(sqlite_url, keyring=Keyring([OLD]))
    plant(_house(database, redis_url))
    database.dispose()

    file = Path(sqlite_url.removeprefix("sqlite:///"))
    stored = b"".join(each.read_bytes() for each in file.parent.glob(f"{file.name}*"))
    assert CANARY.name.encode() in stored
    assert [word for word in CLEAR if word.encode() in stored] == []


def test_what_is_sealed_is_found_and_read_as_before(house):
    reference = plant(house)

    with house.database.read() as connection:
        assert find_by_reference(connection, reference, ADDRESS.upper()) is not None
        assert find_by_reference(connection, reference, "other@example.org") is None
        assert find_patient(connection, ADDRESS.lower())["phone"] == NUMBER
        assert connection.execute(select(User.totp_secret)).scalar_one() == SECRET
        assert set(connection.execute(select(Booking.patient_email)).scalars()) == {ADDRESS}


@pytest.mark.parametrize(
    "typed",
    ["quetz", "canary quetzal", ADDRESS.lower(), "030 42424277", "+49 30-424242-77", "4242 4277 canary"],
)
def test_the_desk_finds_a_patient_by_name_address_or_number(house, typed):
    plant(house)

    with house.database.read() as connection:
        assert [found["name"] for found in search_patients(connection, ANYBODY, typed)] == [CANARY.name]


@pytest.mark.parametrize("typed", ["nobody", "canary@example.org", "030 1111111", "quetzal 1111111"])
def test_the_desk_finds_nobody_else(house, typed):
    plant(house)

    with house.database.read() as connection:
        assert search_patients(connection, ANYBODY, typed) == []


def test_a_repeated_request_hears_the_address_it_was_given(house):
    plant(house)

    again = hold_slot(
        house.engine, Claim((1,), CANARY, instant=True), GUEST, RequestKey.of("u", "one", "two")
    )

    assert again.replayed
    assert again.value["patient_email"] == ADDRESS


def test_comparing_a_sealed_column_is_refused_where_it_is_written():
    with pytest.raises(AssertionError, match="compare the marks"):
        select(User.id).where(User.email == ADDRESS)


def test_what_was_sealed_for_one_purpose_opens_for_no_other():
    keyring = Keyring([OLD])

    with pytest.raises(SealBroken):
        keyring.open(PHONE, keyring.seal(EMAIL, ADDRESS))


def test_a_text_that_was_changed_does_not_open(house):
    plant(house)
    with house.database.transaction() as tx:
        sealed = tx.execute(text("SELECT email FROM patients")).scalar_one()
        other = "A" if sealed[-5] != "A" else "B"
        tx.execute(text("UPDATE patients SET email = :it"), {"it": sealed[:-5] + other + sealed[-4:]})

    with house.database.read() as connection, pytest.raises(SealBroken):
        find_patient(connection, ADDRESS)


def test_clear_text_put_there_by_hand_is_no_address(house):
    plant(house)
    with house.database.transaction() as tx:
        tx.execute(text("UPDATE patients SET email = 'evil@example.org'"))

    with house.database.read() as connection, pytest.raises(SealBroken):
        find_patient(connection, ADDRESS)


def test_after_a_new_key_the_old_one_still_opens_and_finds(house, open_with):
    reference = plant(house)

    changed = open_with(NEW, OLD)

    with changed.database.read() as connection:
        assert find_by_reference(connection, reference, ADDRESS) is not None
        assert find_patient(connection, ADDRESS)["email"] == ADDRESS
    with pytest.raises(Conflict):
        create_patient(changed.directory, PatientDraft("Other", ADDRESS), ADMIN)
    with changed.database.transaction() as tx:
        assert add_account(tx, NewAccount(ADDRESS.lower(), "Other", "-")) is None


def test_rotating_seals_everything_anew_in_batches_and_changes_nothing_else(house, open_with):
    require_keys(house.database)
    reference = plant(house)
    changed = open_with(NEW, OLD)
    require_keys(changed.database)
    before = _clear_of_all(changed.database)

    done = rotate(changed.database, at_once=1)

    assert {table: count for table, count in done.items() if count} == PLANTED
    assert sealed_with(changed, [OLD]) == set()
    assert _clear_of_all(changed.database) == before
    assert rotate(changed.database) == dict.fromkeys(done, 0)
    alone = open_with(NEW)
    require_keys(alone.database)
    assert rotate(alone.database) == dict.fromkeys(done, 0)
    with alone.database.read() as connection:
        assert find_by_reference(connection, reference, ADDRESS) is not None
        assert find_patient(connection, ADDRESS)["phone"] == NUMBER
        assert [found["name"] for found in search_patients(connection, ANYBODY, NUMBER)] == [CANARY.name]


def test_every_mark_is_made_anew_with_its_text():
    declared = {
        (table.name, column.name)
        for table in metadata.sorted_tables
        for column in table.columns
        if column.name.endswith("_mark")
    }

    assert {(place.table.name, mark) for place in places() for mark in place.marks} == declared


def test_a_rotation_that_was_stopped_goes_on_where_it_was(house, open_with, monkeypatch):
    plant(house)
    changed = open_with(NEW, OLD)
    first = places()[0]
    monkeypatch.setattr("app.rotate_keys.places", lambda: [first])
    rotate(changed.database)
    assert sealed_with(changed, [OLD]) == {"bookings", "idempotency", "patients", "users", "waitlist"} - {
        first.table.name
    }

    monkeypatch.undo()
    done = rotate(changed.database)

    assert done[first.table.name] == 0
    assert sealed_with(changed, [OLD]) == set()


def _clear_of_all(database):
    """Every row of the sealed tables as the product reads it, without the marks: those are the keys' own."""
    with database.read() as connection:
        return [
            sorted(str(row) for row in connection.execute(
                select(*(column for column in place.table.columns if not column.name.endswith("_mark")))
            ))
            for place in places()
        ]  # fmt: skip


def test_a_lost_key_is_named_at_the_start(house, open_with):
    require_keys(house.database)

    with pytest.raises(ConfigError, match=Keyring([OLD]).newest_id):
        require_keys(open_with(NEW).database)


def test_without_its_key_a_row_is_unavailable_and_not_a_crash(house, open_with):
    plant(house)

    with open_with(NEW).database.read() as connection, pytest.raises(KeyLost) as lost:
        connection.execute(select(Booking.patient_email)).all()
    assert isinstance(lost.value, Unavailable)
    assert Keyring([OLD]).newest_id in str(lost.value)


def test_a_web_node_with_the_wrong_key_says_so_and_does_not_start(database_url, house):
    require_keys(house.database)

    argv = [sys.executable, "-c", "import app; app.create_app()"]
    environment = clean_environment(DATABASE_URL=database_url, DATA_KEY=NEW)
    done = subprocess.run(argv, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)

    assert done.returncode != 0
    assert "ConfigError: DATA_KEY: contact data in this database is sealed with key" in done.stderr


def test_rows_of_before_are_sealed_on_the_way_up_and_opened_on_the_way_down(empty_database_url):
    keyring = Keyring([OLD])
    scripts = ScriptDirectory.from_config(alembic_config(empty_database_url, keyring))
    before = str(scripts.get_revision("0060_sealed_contacts").down_revision)
    migrate(empty_database_url, before)
    engine = create_engine(empty_database_url)
    ids = [f"{number:032x}" for number in range(600)]
    with engine.begin() as connection:
        at = "2026-01-01 00:00:00.000000"
        connection.execute(
            text("INSERT INTO patients (id, name, email, phone, created_at, updated_at)"
                 " VALUES (:id, 'P', :email, :phone, :at, :at)"),
            [{"id": each, "email": f"{each}@example.org", "phone": NUMBER, "at": at} for each in ids],
        )  # fmt: skip

    migrate(empty_database_url, "head", keyring)
    database = Database(empty_database_url, keyring=keyring)
    with database.read() as connection:
        found = find_patient(connection, f"{ids[-1]}@EXAMPLE.org")
        stored = str(connection.execute(text("SELECT email, phone FROM patients")).all())
    database.dispose()
    command.downgrade(alembic_config(empty_database_url, keyring), before)
    with engine.connect() as connection:
        back = set(connection.execute(text("SELECT email FROM patients")).scalars())
    engine.dispose()

    assert (found or {}).get("phone") == NUMBER
    assert "example.org" not in stored
    assert back == {f"{each}@example.org" for each in ids}
