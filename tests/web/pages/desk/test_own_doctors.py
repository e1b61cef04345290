"""Staff of one doctor sees that doctor's day and nobody else's (attack 6)."""

from __future__ import annotations

import uuid

import pytest
from sqlalchemy import delete, insert, select, update

from app.booking.actions import Claim, PatientDetails, hold_slot
from app.booking.rules import GUEST
from app.directory.patients import PatientDraft, create_patient
from app.tables import AuditEntry, Booking, Slot, StaffDoctor, User
from tests.web.conftest import PASSWORD
from tests.web.pages.desk.conftest import log_in

HIDDEN = "Quetzal Hidden"


@pytest.fixture
def limited(app, person, clinic):
    """Staff of the first doctor only."""
    log_in(app, person, "staff")
    with clinic.parts.database.transaction() as tx:
        user_id = tx.execute(select(User.id).where(User.role == "staff")).scalar_one()
        tx.execute(update(User).where(User.id == user_id).values(all_doctors=False))
        tx.execute(delete(StaffDoctor))
        tx.execute(insert(StaffDoctor).values(user_id=user_id, doctor_id=clinic.doctor_id))
    return person


@pytest.fixture
def day(clinic, colleague):
    """A day on which both doctors have a patient; the colleague's is not to be seen."""
    own, other = clinic.add_slot(48), clinic.add_slot(49)
    with clinic.parts.database.transaction() as tx:
        tx.execute(update(Slot).where(Slot.id == other).values(doctor_id=colleague))
    for slot_id, name in ((own, "Mara Shown"), (other, HIDDEN)):
        hold_slot(
            clinic.parts.engine, Claim((slot_id,), PatientDetails(name, "p@example.org"), instant=True), GUEST
        )
    return clinic.slot(own).starts_at.date().isoformat()


@pytest.mark.parametrize("page", ["/desk", "/desk/list", "/desk/list.csv"])
def test_the_day_of_another_doctor_is_not_shown(limited, day, page):
    answer = limited.open(f"{page}?date={day}")

    assert answer.status_code == 200
    assert "Mara Shown" in answer.text
    assert HIDDEN not in answer.text


def test_the_week_of_another_doctor_is_not_shown(limited, day):
    limited.open(f"/desk/week?date={day}")

    assert "Dr. Ada Probe" in limited.text
    assert "Dr. Berta Second" not in limited.text


def test_staff_of_the_whole_practice_sees_both(app, person, clinic, day):
    log_in(app, person, "staff")

    person.open(f"/desk/list?date={day}")

    assert "Mara Shown" in person.text
    assert HIDDEN in person.text


def test_a_look_at_a_day_stands_in_the_audit(limited, day, clinic):
    limited.open(f"/desk/list?date={day}")

    with clinic.parts.database.read() as connection:
        found = (
            connection.execute(select(AuditEntry.detail).where(AuditEntry.action == "read.day"))
            .scalars()
            .all()
        )
    assert [entry["count"] for entry in found] == [1]


def test_the_time_of_another_doctor_is_neither_closed_nor_given_away(limited, day, colleague):
    limited.open("/desk")
    closing = {"doctor_id": str(colleague), "first": day, "last": day, "begins": "09:00", "ends": "17:00"}

    closed = limited.send("/desk/close", **closing).status_code
    walked = limited.send("/desk/walk-in", doctor_id=str(colleague), patient_name="Some Body").status_code

    assert (closed, walked) == (404, 404)


@pytest.fixture
def on_file(clinic, day):
    """Two patients on file: one who was at the first doctor, and the colleague's. Their ids."""
    ids = {}
    for name in ("Mara Shown", HIDDEN):
        draft = PatientDraft(name, f"{name.split()[0].lower()}@example.org", "+49 30 7777777")
        ids[name] = create_patient(clinic.parts.directory, draft, "user:somebody").value["id"]
    with clinic.parts.database.transaction() as tx:
        for name, patient_id in ids.items():
            whose = Booking.patient_name == name
            tx.execute(update(Booking).where(whose).values(patient_id=uuid.UUID(patient_id)))
    return ids


@pytest.mark.parametrize("typed", ["shown hidden", "quetzal", "quetzal@example.org", "7777777", "a"])
def test_a_patient_of_another_doctor_is_not_found(limited, on_file, typed):
    for page in (f"/desk/patients?q={typed}", f"/desk?panel=walk-in&q={typed}"):
        assert HIDDEN not in limited.open(page).text

    assert "Mara Shown" in limited.open("/desk/patients?q=7777777").text


def test_for_programs_a_patient_of_another_doctor_does_not_exist(app, client, limited, on_file):
    login = client.post("/api/auth/login", json={"email": "staff@example.org", "password": PASSWORD})
    desk = {"Authorization": f"Bearer {login.json['data']['token']}"}
    entered = {"name": "Nora New", "email": "nora@example.org"}
    own = client.post("/api/patients", json=entered, headers=desk).json["data"]["id"]

    def status(patient_id):
        return client.get(f"/api/patients/{patient_id}", headers=desk).status_code

    listed = [each["id"] for each in client.get("/api/patients", headers=desk).json["data"]]
    assert listed == [on_file["Mara Shown"], own]
    assert [status(each) for each in (*on_file.values(), own)] == [200, 404, 200]


def test_nobody_is_booked_by_the_id_of_another_doctors_patient(app, client, clinic, limited, on_file):
    login = client.post("/api/auth/login", json={"email": "staff@example.org", "password": PASSWORD})
    desk = {"Authorization": f"Bearer {login.json['data']['token']}"}
    body = {"slot_id": str(clinic.add_slot(60)), "patient_id": on_file[HIDDEN]}

    answer = client.post("/api/bookings", json=body, headers=desk)

    assert answer.status_code == 422
    assert "Quetzal" not in answer.text


def test_staff_of_the_whole_practice_finds_every_patient(app, person, on_file):
    log_in(app, person, "staff")

    found = person.open("/desk/patients?q=7777777").text

    assert "Mara Shown" in found
    assert HIDDEN in found


def test_a_search_and_a_look_at_one_booking_stand_in_the_audit(limited, day, clinic, on_file):
    with clinic.parts.database.read() as connection:
        booking_id = connection.execute(
            select(Booking.id).where(Booking.patient_name == "Mara Shown")
        ).scalar_one()

    limited.open("/desk/patients?q=7777777")
    limited.open(f"/desk?booking={booking_id}")

    with clinic.parts.database.read() as connection:
        found = connection.execute(
            select(AuditEntry.action, AuditEntry.detail, AuditEntry.origin)
            .where(AuditEntry.action.in_(["read.patients", "read.booking"]))
            .order_by(AuditEntry.at)
        ).all()
    assert [(each.action, each.detail["ids"]) for each in found] == [
        ("read.patients", [on_file["Mara Shown"]]), ("read.booking", [str(booking_id)]),
    ]  # fmt: skip
    assert all(each.origin for each in found)
    assert "7777777" not in str(found)
