"""Looks at personal data stand in the audit; the operator sees who looked, never at whom (N14)."""

import pytest
from sqlalchemy import select

from app.tables import AuditEntry
from app.web.parts import EXTENSION
from tests.web.conftest import log_in_as

PATIENT = {"name": "Canary Quetzal", "email": "canary@example.org", "phone": "+49 30 7777777"}


@pytest.fixture
def reads(app):
    def entries():
        with app.extensions[EXTENSION].database.read() as connection:
            found = select(AuditEntry.action, AuditEntry.actor, AuditEntry.detail, AuditEntry.origin)
            return connection.execute(found.where(AuditEntry.action.like("read.%"))).all()

    return entries


def test_a_look_at_patients_is_written_down_with_who_and_from_where(app, client, reads):
    staff = log_in_as(app, client, "staff")
    made = client.post("/api/patients", json=PATIENT, headers=staff).json["data"]

    client.get("/api/patients", headers=staff)
    client.get(f"/api/patients/{made['id']}", headers=staff)

    assert [(each.action, each.detail["ids"]) for each in reads()] == [
        ("read.patients", [made["id"]]), ("read.patient", [made["id"]]),
    ]  # fmt: skip
    assert all(each.actor.startswith("user:") and len(each.origin) == 32 for each in reads())


def test_looking_at_ones_own_is_nobodys_business(app, client, reads):
    client.get("/api/bookings", headers=log_in_as(app, client, "patient"))

    assert reads() == []


def test_the_operator_sees_the_audit_and_no_personal_data_in_it(app, client):
    staff = log_in_as(app, client, "staff")
    client.post("/api/patients", json=PATIENT, headers=staff)
    client.get("/api/patients", headers=staff)

    answer = client.get("/api/audit", headers=log_in_as(app, client, "operator"))

    assert answer.status_code == 200
    assert {"read.patients", "patient_created"} <= {e["action"] for e in answer.json["data"]["entries"]}
    assert not any(word in answer.text for word in ("Quetzal", "canary@", "7777777"))


@pytest.mark.parametrize("role", ["patient", "staff"])
def test_nobody_else_sees_it(app, client, role):
    assert client.get("/api/audit", headers=log_in_as(app, client, role)).status_code == 403


def test_changes_of_the_directory_and_orders_say_from_where_and_why(app, client):
    admin = log_in_as(app, client, "admin")
    doctor = {"name": "Dr. New", "specialization": "Cardiology"}
    client.post("/api/doctors", json=doctor, headers=admin)
    client.post("/api/patients", json=PATIENT, headers=admin)
    order = {"algorithm": "ring", "reason": "to see the ring"}
    assert client.post("/api/cluster/algorithm", json=order, headers=admin).status_code == 200

    with app.extensions[EXTENSION].database.read() as connection:
        wanted = ["doctor_created", "patient_created", "cluster.algorithm"]
        found = connection.execute(
            select(AuditEntry.action, AuditEntry.origin, AuditEntry.purpose).where(
                AuditEntry.action.in_(wanted)
            )
        ).all()

    assert {each.action for each in found} == set(wanted)
    assert {len(each.origin or "") for each in found} == {32}
    assert {each.purpose for each in found} == {None, "to see the ring"}
