"""Profile and dependants for programs."""

from __future__ import annotations

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from tests.web.conftest import log_in_as
from tests.web.pages.conftest import Clinic, clinic

__all__ = ["clinic"]
NOBODY = "0190163d-8694-739b-aea5-966c26f8ad91"


@pytest.fixture
def me(app: APIFlask, client: FlaskClient) -> dict[str, str]:
    return log_in_as(app, client, "patient")


def test_the_profile_is_put_whole(client: FlaskClient, me: dict[str, str]) -> None:
    chosen = {"name": "Ann Elsewhere", "timezone": "Asia/Tokyo", "reminder_hours": 0}

    client.put("/api/auth/me/profile", json=chosen, headers=me)
    kept = client.get("/api/auth/me/profile", headers=me).json["data"]
    client.put("/api/auth/me/profile", json={"name": "Ann Elsewhere"}, headers=me)

    assert kept == chosen
    assert client.get("/api/auth/me/profile", headers=me).json["data"]["timezone"] is None


@pytest.mark.parametrize(
    ("field", "value"),
    [("timezone", "Moon/Crater"), ("timezone", "../etc"), ("reminder_hours", 169), ("reminder_hours", -1)],
)
def test_a_wrong_profile_names_its_field(
    client: FlaskClient, me: dict[str, str], field: str, value: object
) -> None:
    answer = client.put("/api/auth/me/profile", json={"name": "Ann Elsewhere", field: value}, headers=me)

    assert answer.status_code == 422
    assert [each["field"] for each in answer.json["errors"]] == [field]


def test_one_books_for_ones_own_people_alone(client: FlaskClient, me: dict[str, str], clinic: Clinic) -> None:
    child = client.post("/api/auth/me/dependants", json={"name": "Lena Elsewhere"}, headers=me).json["data"]
    wanted = {"slot_id": clinic.add_slot(), "dependant_id": child["id"]}

    stranger = client.post("/api/bookings", json={**wanted, "patient_email": "x@example.org"})
    nobody = client.post("/api/bookings", json={**wanted, "dependant_id": NOBODY}, headers=me)
    made = client.post("/api/bookings", json=wanted, headers=me)

    assert [each.status_code for each in (stranger, nobody, made)] == [422, 422, 201]
    assert made.json["data"]["patient_name"] == "Lena Elsewhere"
    assert made.json["data"]["booked_by"]
    assert client.get("/api/auth/me/export", headers=me).json["data"]["dependants"] == [child]
    assert client.delete(f"/api/auth/me/dependants/{child['id']}", headers=me).status_code == 200
    assert client.delete(f"/api/auth/me/dependants/{child['id']}", headers=me).status_code == 404
