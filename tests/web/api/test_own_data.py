"""Taking one's data along, being forgotten, and not being kept for ever (N16; attack 38)."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import String, cast, func, insert, select, text, update

from app.accounts.retention import forget_what_is_old
from app.database import db_now
from app.tables import Attempt, Booking, Doctor, Patient, Slot, metadata
from app.web.parts import EXTENSION
from tests.web.conftest import PASSWORD, log_in_as

CANARY = {"email": "canary.bird@example.org", "name": "Quetzal Canary", "password": PASSWORD}
PHONE, REASON = "+49 30 424242", "a reason only they know"


@pytest.fixture
def parts(app):
    return app.extensions[EXTENSION]


@pytest.fixture
def canary(client):
    token = client.post("/api/auth/register", json=CANARY).json["data"]["token"]
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def booked(client, canary, parts):
    start = datetime.now(UTC).replace(microsecond=0) + timedelta(days=2)
    with parts.database.transaction() as tx:
        doctor = {"name": "Dr. Ada Probe", "specialization": "Cardiology", "timezone": "Europe/Berlin"}
        doctor_id = tx.execute(insert(Doctor).values(doctor).returning(Doctor.id)).scalar_one()
        slot = {"doctor_id": doctor_id, "starts_at": start, "ends_at": start + timedelta(minutes=30)}
        slot_id = tx.execute(insert(Slot).values(slot).returning(Slot.id)).scalar_one()
    body = {"slot_id": str(slot_id), "patient_phone": PHONE, "reason": REASON}
    answer = client.post("/api/bookings", json=body, headers={**canary, "Idempotency-Key": "one"})
    assert answer.status_code == 201
    return answer.json["data"]


def everywhere(parts, words):
    """The tables that hold one of these words in any row."""
    found = set()
    with parts.database.read() as connection:
        for table in metadata.sorted_tables:
            whole = [cast(column, String) for column in table.columns]
            rows = str(connection.execute(select(*whole)).all()) if whole else ""
            found |= {(table.name, word) for word in words if word in rows}
    return found


def test_the_export_holds_the_account_the_bookings_and_what_one_did(client, canary, booked):
    told = client.get("/api/auth/me/export", headers=canary).json["data"]

    assert told["account"]["email"] == CANARY["email"]
    assert [booking["reason"] for booking in told["bookings"]] == [REASON]
    assert {"account.registered", "book"} <= {entry["action"] for entry in told["audit"]}


def test_after_being_forgotten_no_table_holds_a_trace(client, canary, booked, parts, app):
    desk = log_in_as(app, client, "staff")
    client.post("/api/patients", json={"name": CANARY["name"], "email": CANARY["email"]}, headers=desk)
    words = (CANARY["email"], "Quetzal", PHONE, REASON)
    assert everywhere(parts, words)

    answer = client.post("/api/auth/me/erase", json={"password": PASSWORD}, headers=canary)

    assert answer.status_code == 200
    assert everywhere(parts, words) == set()
    with parts.database.read() as connection:
        assert connection.execute(select(Slot.state)).scalars().all() == ["OPEN"]
        assert connection.execute(select(Booking.status)).scalars().all() == ["CANCELLED"]
        assert connection.execute(select(func.count()).select_from(Patient)).scalar_one() == 1


def test_who_is_forgotten_is_logged_out_and_cannot_log_in(client, canary):
    client.post("/api/auth/me/erase", json={"password": PASSWORD}, headers=canary)

    login = client.post("/api/auth/login", json={"email": CANARY["email"], "password": PASSWORD})

    assert client.get("/api/auth/me", headers=canary).status_code == 401
    assert login.status_code == 401


def test_the_address_may_open_an_account_again(client, canary):
    client.post("/api/auth/me/erase", json={"password": PASSWORD}, headers=canary)

    assert client.post("/api/auth/register", json=CANARY).status_code == 201


def test_a_login_alone_forgets_nobody(client, canary, parts):
    answer = client.post("/api/auth/me/erase", json={"password": "not the password"}, headers=canary)

    assert answer.status_code == 422
    assert client.get("/api/auth/me", headers=canary).status_code == 200


def test_a_booking_long_past_is_taken_its_person_and_a_recent_one_is_not(client, canary, booked, parts):
    def keep(days):
        return parts.database.run(lambda tx: forget_what_is_old(tx, days))

    parts.database.run(
        lambda tx: tx.execute(
            update(Booking).values(starts_at=db_now(-12 * 86_400), ends_at=db_now(-11 * 86_400))
        )
    )

    assert [keep(30), keep(10), keep(10)] == [0, 1, 0]
    with parts.database.read() as connection:
        row = connection.execute(select(Booking.patient_name, Booking.patient_email, Booking.reason)).one()
    assert tuple(row) == ("Forgotten", None, None)


def test_addresses_and_tries_are_kept_for_a_day(client, parts, booked):
    with parts.database.transaction() as tx:
        tx.execute(update(Booking).values(origin="x" * 32, created_at=db_now(-2 * 86_400)))
        tx.execute(update(Attempt).values(since=db_now(-2 * 86_400)))

    parts.database.run(lambda tx: forget_what_is_old(tx, 730))

    with parts.database.read() as connection:
        assert connection.execute(select(Booking.origin)).scalars().all() == [None]
        assert connection.execute(text("SELECT count(*) FROM attempts")).scalar_one() == 0
