"""Doctors and patients over the API, on both databases (B1-B6, B23)."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

ADA = {
    "name": "Dr Ada Probe",
    "specialization": "Cardiology",
    "email": "Ada@Example.org",
    "phone": "+49 30 1234567",
    "experience_years": 12,
    "hospital": "St Example",
}
TOMORROW = (datetime.now(UTC) + timedelta(days=2)).date().isoformat()
Headers = dict[str, str]
Bearer = Callable[[str], Headers]


@pytest.fixture
def admin(bearer: Bearer) -> Headers:
    return bearer("admin")


@pytest.fixture
def ada(client: FlaskClient, admin: Headers) -> dict[str, Any]:
    return client.post("/api/doctors", json=ADA, headers=admin).json["data"]


def test_a_doctor_is_created_read_updated_and_deleted(client: FlaskClient, admin: Headers) -> None:
    created = client.post("/api/doctors", json=ADA, headers=admin)
    where = created.headers["Location"]
    updated = client.put(where, json={"hospital": "St Other", "phone": None}, headers=admin)
    shown = client.get(where)
    deleted = client.delete(where, headers=admin)

    assert (created.status_code, created.json["message"]) == (201, "Doctor created")
    assert created.json["data"]["email"] == "ada@example.org"
    assert created.json["data"]["timezone"] == "Europe/Berlin"
    assert where == f"/api/doctors/{created.json['data']['id']}"
    assert (updated.status_code, shown.json["data"]) == (200, updated.json["data"])
    assert (shown.json["data"]["hospital"], shown.json["data"]["phone"]) == ("St Other", None)
    assert shown.json["data"]["name"] == ADA["name"]
    assert (deleted.status_code, deleted.json["message"]) == (200, "Doctor deleted")
    assert client.get(where).status_code == 404
    assert client.get(f"{where}/slots").status_code == 404
    assert client.put(where, json={}, headers=admin).status_code == 404
    assert client.delete(where, headers=admin).status_code == 404


def test_camel_case_is_understood(client: FlaskClient, admin: Headers) -> None:
    body = {"name": "Dr Bo", "specialization": "Dermatology", "experienceYears": 3}

    created = client.post("/api/doctors", json=body, headers=admin)

    assert created.json["data"]["experience_years"] == 3


def test_a_second_doctor_with_the_address_is_a_conflict_that_names_the_field(
    client: FlaskClient, admin: Headers, ada: dict[str, Any]
) -> None:
    answer = client.post("/api/doctors", json={**ADA, "name": "Dr Other"}, headers=admin)

    assert answer.status_code == 409
    assert answer.json["error"]["code"] == "CONFLICT"
    assert answer.json["errors"][0]["field"] == "email"
    assert answer.json["retryable"] is False


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": "A"}, "name"),
        ({"name": "A" * 101}, "name"),
        ({"name": "Dr\nNo"}, "name"),
        ({"specialization": ""}, "specialization"),
        ({"specialization": "A" * 101}, "specialization"),
        ({"hospital": "A" * 201}, "hospital"),
        ({"email": "nobody"}, "email"),
        ({"phone": "call me"}, "phone"),
        ({"experience_years": -1}, "experience_years"),
        ({"experience_years": 81}, "experience_years"),
        ({"experience_years": "12"}, "experience_years"),
        ({"timezone": "Europe/Atlantis"}, "timezone"),
        ({"timezone": "../../etc/passwd"}, "timezone"),
        ({"rank": "chief"}, "rank"),
    ],
)
def test_a_wrong_value_is_422_naming_the_field(
    client: FlaskClient, admin: Headers, ada: dict[str, Any], change: dict[str, Any], field: str
) -> None:
    created = client.post("/api/doctors", json={**ADA, **change}, headers=admin)
    updated = client.put(f"/api/doctors/{ada['id']}", json=change, headers=admin)

    for answer in (created, updated):
        assert answer.status_code == 422
        assert [wrong["field"] for wrong in answer.json["errors"]] == [field]


def test_a_name_cannot_be_taken_away(client: FlaskClient, admin: Headers, ada: dict[str, Any]) -> None:
    answer = client.put(f"/api/doctors/{ada['id']}", json={"name": None}, headers=admin)

    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "name")


def test_doctors_are_filtered_and_paged(client: FlaskClient, admin: Headers) -> None:
    for name, special in (("Dr A", "Cardiology"), ("Dr B", "Dermatology"), ("Dr C", "Cardiology")):
        client.post("/api/doctors", json={"name": name, "specialization": special}, headers=admin)

    first = client.get("/api/doctors?specialization=cardiology&limit=1")
    cursor = first.json["page"]["next_cursor"]
    second = client.get(f"/api/doctors?specialization=cardiology&limit=1&cursor={cursor}")
    searched = client.get("/api/doctors?q=dermato")

    assert [doctor["name"] for doctor in first.json["data"]] == ["Dr A"]
    assert [doctor["name"] for doctor in second.json["data"]] == ["Dr C"]
    assert second.json["page"] == {"next_cursor": None, "limit": 1}
    assert [doctor["name"] for doctor in searched.json["data"]] == ["Dr B"]


def test_reads_say_that_they_come_from_the_truth(client: FlaskClient, ada: dict[str, Any]) -> None:
    for path in (
        "/api/doctors",
        f"/api/doctors/{ada['id']}",
        f"/api/doctors/{ada['id']}/slots",
        "/api/slots",
    ):
        answer = client.get(path, headers={"X-Consistency": "eventual"})

        assert answer.status_code == 200
        assert answer.headers["X-Served-Consistency"] == "strong"
        assert answer.headers["X-Staleness-Ms"] == "0"


def test_a_consistency_nobody_knows_is_refused(client: FlaskClient) -> None:
    answer = client.get("/api/doctors", headers={"X-Consistency": "psychic"})

    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "X-Consistency")


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/api/doctors"), ("PUT", "/api/doctors/1"), ("DELETE", "/api/doctors/1"),
     ("POST", "/api/slots"), ("POST", "/api/slots/bulk"), ("DELETE", "/api/slots/1"),
     ("GET", "/api/patients"), ("POST", "/api/patients")],
)  # fmt: skip
def test_only_those_who_may_change_the_directory_do(
    client: FlaskClient, bearer: Bearer, method: str, path: str
) -> None:
    anonymous = client.open(path, method=method, json={})
    patient = client.open(path, method=method, json={}, headers=bearer("patient"))

    assert anonymous.status_code == 401
    assert patient.status_code == 403


@pytest.mark.parametrize("doctor_id", ["0", "-1", "x", "9" * 30, "1.5", "%00"])
def test_what_is_no_id_of_a_doctor_is_not_found(client: FlaskClient, doctor_id: str) -> None:
    assert client.get(f"/api/doctors/{doctor_id}").status_code == 404


def test_a_repeated_creation_is_answered_as_the_first(client: FlaskClient, admin: Headers) -> None:
    keyed = {**admin, "Idempotency-Key": "abc"}

    first = client.post("/api/doctors", json=ADA, headers=keyed)
    again = client.post("/api/doctors", json=ADA, headers=keyed)
    other = client.post("/api/doctors", json={**ADA, "name": "Dr Other"}, headers=keyed)

    assert (again.status_code, again.json["data"]) == (201, first.json["data"])
    assert again.headers["Idempotency-Replayed"] == "true"
    assert (other.status_code, other.json["error"]["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")


def test_a_doctor_with_bookings_to_come_stays_and_says_how_many(
    client: FlaskClient, admin: Headers, ada: dict[str, Any]
) -> None:
    slot = client.post(
        "/api/slots",
        json={"doctor_id": ada["id"], "slot_date": TOMORROW, "slot_time": "10:00"},
        headers=admin,
    ).json["data"]
    patient = {"patient_name": "Anna Example", "patient_email": "anna@example.org"}
    client.post("/api/bookings", json={"slot_id": slot["id"], **patient})

    answer = client.delete(f"/api/doctors/{ada['id']}", headers=admin)

    assert answer.status_code == 409
    assert answer.json["detail"] == "This doctor has 1 booking to come. Cancel or move them first."
    assert client.get(f"/api/doctors/{ada['id']}").status_code == 200


def test_the_front_desk_keeps_patients(client: FlaskClient, bearer: Bearer) -> None:
    desk = bearer("staff")
    anna = {"name": "Anna Example", "email": "Anna@example.org", "contact": "prefers mornings"}

    created = client.post("/api/patients", json=anna, headers=desk)
    again = client.post("/api/patients", json=anna, headers=desk)
    listed = client.get("/api/patients", headers=desk)
    shown = client.get(created.headers["Location"], headers=desk)

    assert created.status_code == 201
    assert created.json["data"]["email"] == "anna@example.org"
    assert (again.status_code, again.json["errors"][0]["field"]) == (409, "email")
    assert listed.json["data"] == [created.json["data"]] == [shown.json["data"]]


def test_pages_of_patients_follow_each_other(client: FlaskClient, bearer: Bearer) -> None:
    desk = bearer("staff")
    for number in range(3):
        body = {"name": f"Patient {number}", "email": f"p{number}@example.org"}
        client.post("/api/patients", json=body, headers=desk)

    first = client.get("/api/patients?limit=2", headers=desk).json
    second = client.get(f"/api/patients?limit=2&cursor={first['page']['next_cursor']}", headers=desk).json

    names = [patient["name"] for patient in [*first["data"], *second["data"]]]
    assert names == ["Patient 0", "Patient 1", "Patient 2"]
    assert second["page"]["next_cursor"] is None
