"""Whose bookings staff may see and change, and what an admin does with accounts (A14, I7, N13; attack 6)."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, select

from app.booking.actions import GUEST, Claim, PatientDetails, hold_slot
from app.tables import AuditEntry, Doctor, Slot, StaffDoctor, User
from app.web.parts import EXTENSION
from tests.web.conftest import PASSWORD, log_in_as


@pytest.fixture
def parts(app):
    return app.extensions[EXTENSION]


def add_booking(parts, name):
    """A doctor of this name with one booking: the ids of both."""
    start = datetime.now(UTC).replace(microsecond=0) + timedelta(days=2)
    with parts.database.transaction() as tx:
        doctor = {"name": name, "specialization": "Cardiology", "timezone": "Europe/Berlin"}
        doctor_id = tx.execute(insert(Doctor).values(doctor).returning(Doctor.id)).scalar_one()
        slot = {"doctor_id": doctor_id, "starts_at": start, "ends_at": start + timedelta(minutes=30)}
        slot_id = tx.execute(insert(Slot).values(slot).returning(Slot.id)).scalar_one()
    claim = Claim((slot_id,), PatientDetails(f"Patient of {name}", "p@example.org"), instant=True)
    return doctor_id, hold_slot(parts.engine, claim, GUEST).value["id"]


@pytest.fixture
def practice(app, client, parts):
    """Two doctors with a booking each, and staff of the first."""
    own, other = add_booking(parts, "Dr. Own"), add_booking(parts, "Dr. Other")
    admin = log_in_as(app, client, "admin")
    staff = log_in_as(app, client, "staff")
    user_id = client.get("/api/auth/me", headers=staff).json["data"]["user"]["id"]
    body = {"all_doctors": False, "doctor_ids": [str(own[0])]}
    assert client.patch(f"/api/users/{user_id}", json=body, headers=admin).status_code == 200
    return own, other, staff, admin, user_id


def test_staff_of_one_doctor_lists_that_doctors_bookings_only(client, practice):
    own, _, staff, _, _ = practice

    listed = client.get("/api/bookings", headers=staff).json["data"]

    assert [booking["id"] for booking in listed] == [own[1]]


def test_asking_for_another_doctors_bookings_is_asking_for_nothing_that_exists(client, practice):
    _, other, staff, _, _ = practice

    answers = [
        client.get(f"/api/{kind}?doctor_id={other[0]}", headers=staff)
        for kind in ("bookings", "appointments")
    ]

    assert [answer.status_code for answer in answers] == [404, 404]


@pytest.mark.parametrize("action", ["", "/cancel", "/release", "/confirm", "/extend"])
def test_a_booking_of_another_doctor_does_not_exist_for_staff(client, practice, action):
    _, other, staff, _, _ = practice

    call = client.post if action else client.get
    answer = call(f"/api/bookings/{other[1]}{action}", headers=staff)

    assert answer.status_code == 404


def test_staff_cancels_a_booking_of_their_own_doctor(client, practice):
    own, _, staff, _, _ = practice

    assert client.post(f"/api/bookings/{own[1]}/cancel", headers=staff).status_code == 200


def test_statistics_of_staff_count_what_they_may_see(client, practice):
    _, _, staff, admin, _ = practice

    totals = [client.get("/api/bookings/stats", headers=who).json["data"]["total"] for who in (staff, admin)]

    assert totals == [1, 2]


def test_staff_of_no_doctor_sees_nothing(client, practice):
    _, _, staff, admin, user_id = practice
    client.patch(f"/api/users/{user_id}", json={"doctor_ids": []}, headers=admin)

    assert client.get("/api/bookings", headers=staff).json["data"] == []


def test_a_disabled_account_is_out_with_its_next_request_and_cannot_come_back(client, practice):
    _, _, staff, admin, user_id = practice

    client.patch(f"/api/users/{user_id}", json={"is_disabled": True}, headers=admin)

    assert client.get("/api/auth/me", headers=staff).status_code == 401
    login = client.post("/api/auth/login", json={"email": "staff@example.org", "password": PASSWORD})
    assert login.status_code == 401


def test_a_role_that_is_taken_away_counts_with_the_next_request(client, practice):
    _, _, staff, admin, user_id = practice

    client.patch(f"/api/users/{user_id}", json={"role": "patient"}, headers=admin)

    assert client.get("/api/patients", headers=staff).status_code == 403


def test_an_admin_cannot_lock_themselves_out(app, client, parts):
    admin = log_in_as(app, client, "admin")
    own_id = client.get("/api/auth/me", headers=admin).json["data"]["user"]["id"]

    answers = [
        client.patch(f"/api/users/{own_id}", json=body, headers=admin)
        for body in ({"is_disabled": True}, {"role": "patient"})
    ]

    assert [answer.status_code for answer in answers] == [409, 409]


def test_who_changed_whose_rights_stands_in_the_audit_without_names(client, practice, parts):
    with parts.database.read() as connection:
        entry = connection.execute(
            select(AuditEntry.actor, AuditEntry.origin, AuditEntry.detail).where(
                AuditEntry.action == "account.changed"
            )
        ).one()

    assert entry.actor.startswith("user:")
    assert len(entry.origin) == 32
    assert entry.detail["all_doctors"] == [True, False]
    assert "example.org" not in str(entry.detail)


def test_a_doctor_that_does_not_exist_is_refused(client, practice, parts):
    _, _, _, admin, user_id = practice

    answer = client.patch(f"/api/users/{user_id}", json={"doctor_ids": ["999999"]}, headers=admin)

    assert answer.status_code == 422
    with parts.database.read() as connection:
        assert len(connection.execute(select(StaffDoctor)).all()) == 1


def test_nobody_but_an_admin_sees_accounts(app, client):
    for role in ("patient", "staff", "operator"):
        assert client.get("/api/users", headers=log_in_as(app, client, role)).status_code == 403


def test_a_limit_can_be_raised_but_never_removed(client, practice, parts):
    _, _, _, admin, user_id = practice

    statuses = [
        client.patch(f"/api/users/{user_id}", json={"limit_factor": factor}, headers=admin).status_code
        for factor in (0, -1, 100_001, 50)
    ]

    assert statuses == [422, 422, 422, 200]
    with parts.database.read() as connection:
        assert 50 in connection.execute(select(User.limit_factor)).scalars().all()
