"""The front desk and the waitlist for programs."""

from __future__ import annotations

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from app.directory.patients import PatientDraft, create_patient
from app.web.parts import EXTENSION
from tests.web.conftest import log_in_as
from tests.web.pages.conftest import Clinic, clinic

__all__ = ["clinic"]


@pytest.fixture
def desk(app: APIFlask, client: FlaskClient) -> dict[str, str]:
    return log_in_as(app, client, "staff")


@pytest.fixture
def chief(app: APIFlask, client: FlaskClient) -> dict[str, str]:
    return log_in_as(app, client, "admin")


def span(clinic: Clinic, slot_id: int) -> dict[str, str]:
    row = clinic.slot(slot_id)
    return {
        "doctor_id": str(clinic.doctor_id),
        "starts_at": row.starts_at.isoformat(),
        "ends_at": row.ends_at.isoformat(),
    }


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/bookings/0190163d-8694-739b-aea5-966c26f8ad91/attendance"),
        ("POST", "/api/bookings/overbook"),
        ("GET", "/api/closures/preview"),
        ("POST", "/api/closures"),
        ("DELETE", "/api/closures/0190163d-8694-739b-aea5-966c26f8ad91"),
        ("GET", "/api/patients/search"),
    ],
)
def test_the_desk_is_for_staff(app: APIFlask, client: FlaskClient, method: str, path: str) -> None:
    patient = log_in_as(app, client, "patient")

    assert client.open(path, method=method, json={}).status_code == 401
    assert client.open(path, method=method, json={}, headers=patient).status_code == 403


def test_a_time_is_closed_shown_before_and_opened_again(
    client: FlaskClient, clinic: Clinic, desk: dict[str, str]
) -> None:
    slot_id = clinic.add_slot()
    booking = clinic.book_elsewhere(slot_id)
    spare = clinic.add_slot(72)

    preview = client.get("/api/closures/preview", query_string=span(clinic, slot_id), headers=desk).json[
        "data"
    ]
    closed = client.post("/api/closures", json={**span(clinic, slot_id), "reason": "Ill"}, headers=desk)
    opened = client.delete(f"/api/closures/{closed.json['data']['id']}", headers=desk)

    assert [each["booking"]["id"] for each in preview["affected"]] == [booking["id"]]
    assert preview["affected"][0]["proposed_slot"]["id"] == str(spare)
    assert (closed.status_code, closed.json["data"]["affected_bookings"]) == (201, 1)
    assert opened.status_code == 200


def test_overbooking_needs_the_permission(
    client: FlaskClient, clinic: Clinic, desk: dict[str, str], chief: dict[str, str]
) -> None:
    slot_id = clinic.add_slot()
    clinic.book_elsewhere(slot_id)
    body = {**span(clinic, slot_id), "why": "Acute pain", "patient_name": "Ella Extra"}

    refused = client.post("/api/bookings/overbook", json=body, headers=desk)
    done = client.post("/api/bookings/overbook", json=body, headers=chief)

    assert (refused.status_code, refused.json["error"]["code"]) == (403, "FORBIDDEN")
    assert (done.status_code, done.json["data"]["status"]) == (201, "CONFIRMED")


def test_attendance_is_refused_on_the_wrong_day(
    client: FlaskClient, clinic: Clinic, desk: dict[str, str]
) -> None:
    booking = clinic.book_elsewhere(clinic.add_slot())

    answer = client.post(
        f"/api/bookings/{booking['id']}/attendance", json={"status": "ARRIVED"}, headers=desk
    )

    assert (answer.status_code, answer.json["error"]["code"]) == (409, "WRONG_STATE")


def test_the_first_free_time_is_held_for_anybody(client: FlaskClient, clinic: Clinic) -> None:
    slot_id = clinic.add_slot()

    held = client.post("/api/bookings/first-free", json={"specialization": "cardiology"})
    none = client.post("/api/bookings/first-free", json={})

    assert (held.status_code, held.json["data"]["slot_id"], held.json["data"]["status"]) == (
        201,
        str(slot_id),
        "PENDING",
    )
    assert (none.status_code, none.json["reason"]) == (409, "SOLD_OUT")


def test_a_place_in_line_once_per_key(client: FlaskClient, clinic: Clinic) -> None:
    body = {
        "doctor_id": str(clinic.doctor_id), "first_day": "2099-11-23", "last_day": "2099-11-27",
        "patient_name": "Wanda Waits", "patient_email": "wanda@example.org",
    }  # fmt: skip

    first = client.post("/api/waitlist", json=body, headers={"Idempotency-Key": "one"})
    again = client.post("/api/waitlist", json=body, headers={"Idempotency-Key": "one"})

    assert (first.status_code, first.json["data"]["position"]) == (201, 1)
    assert again.json["data"] == first.json["data"]
    assert client.post("/api/waitlist", json={**body, "last_day": "2099-11-20"}).status_code == 422


def test_patients_are_found_by_staff(app: APIFlask, client: FlaskClient, desk: dict[str, str]) -> None:
    directory = app.extensions[EXTENSION].directory
    create_patient(directory, PatientDraft("Anna Example", "anna@example.org"), "seed")

    found = client.get("/api/patients/search?q=exam", headers=desk).json["data"]

    assert [patient["name"] for patient in found] == ["Anna Example"]
