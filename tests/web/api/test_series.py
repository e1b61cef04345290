"""Appointments that repeat, for programs (N24)."""

from __future__ import annotations

from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from tests.web.conftest import log_in_as
from tests.web.pages.conftest import Clinic, clinic

__all__ = ["clinic"]
DAILY = {"frequency": "daily", "count": 3}
WHO = {"patient_name": "Mara Lindqvist", "patient_email": "mara@example.org"}


@pytest.fixture
def desk(app: APIFlask, client: FlaskClient) -> dict[str, str]:
    return log_in_as(app, client, "staff")


def days(clinic: Clinic, count: int = 3, hour: float = 48) -> list[int]:
    return [clinic.add_slot(hour + 24 * day) for day in range(count)]


def book(client: FlaskClient, clinic: Clinic, desk: dict[str, str], **more: Any) -> Any:
    body = {"slot_id": days(clinic)[0], **DAILY, **WHO, **more}
    return client.post("/api/series", json=body, headers=desk)


def test_a_series_is_booked_shown_and_cancelled(
    client: FlaskClient, clinic: Clinic, desk: dict[str, str]
) -> None:
    made = book(client, clinic, desk)
    first = made.json["data"]["bookings"][0]["id"]

    shown = client.get(f"/api/bookings/{first}/series", headers=desk)
    ended = client.post(f"/api/bookings/{first}/series/cancel", json={"scope": "all"}, headers=desk)

    assert (made.status_code, made.json["message"]) == (201, "Booked 3 times")
    assert len(shown.json["data"]["bookings"]) == 3
    assert ended.json["message"] == "Cancelled 3"


def test_a_booking_is_looked_at_repeated_and_moved_by_its_token(client: FlaskClient, clinic: Clinic) -> None:
    slots = days(clinic)
    later = days(clinic, hour=50)
    made = client.post("/api/bookings", json={"slot_id": slots[0], **WHO}).json["data"]
    path, mine = f"/api/bookings/{made['id']}", {"X-Manage-Token": made["manage_token"]}

    seen = client.get(f"{path}/repeat", query_string=DAILY, headers=mine).json["data"]
    done = client.post(f"{path}/repeat", json=DAILY, headers=mine)
    body = {"scope": "all", "slot_id": later[0]}
    moved = client.post(f"{path}/series/reschedule", json=body, headers=mine)

    assert [each["is_free"] for each in seen] == [True, True]
    assert done.status_code == 201
    assert moved.json["message"] == "Moved 3"
    assert client.get(f"{path}/series", headers={"X-Manage-Token": "x" * 40}).status_code == 401
    assert client.get(f"{path}/series").status_code == 401


def test_a_refused_series_names_each_time_and_its_alternatives(
    client: FlaskClient, clinic: Clinic, desk: dict[str, str]
) -> None:
    slots = days(clinic)
    clinic.book_elsewhere(slots[1])
    spare = clinic.add_slot(73)
    body = {"slot_id": slots[0], **DAILY, **WHO}

    refused = client.post("/api/series", json=body, headers=desk)
    partly = client.post("/api/series", json={**body, "take": "free"}, headers=desk)

    assert (refused.status_code, refused.json["error"]["code"]) == (409, "SERIES_CONFLICT")
    (told,) = refused.json["refused"]
    assert (told["reason"], told["slot_id"]) == ("SLOT_TAKEN", str(slots[1]))
    assert str(spare) in [each["id"] for each in told["alternatives"]]
    assert (partly.status_code, partly.json["message"]) == (201, "Booked 2 times, 1 not free")


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"frequency": "hourly"}, "frequency"),
        ({"every": 0}, "every"),
        ({"count": 61}, "count"),
        ({"until": "2026-13-01", "count": None}, "until"),
        ({"take": "some"}, "take"),
    ],
)
def test_a_wrong_rule_names_its_field(
    client: FlaskClient, clinic: Clinic, desk: dict[str, str], wrong: dict[str, Any], field: str
) -> None:
    answer = book(client, clinic, desk, **wrong)

    assert answer.status_code == 422
    assert field in [each["field"] for each in answer.json["errors"]]


def test_the_key_of_a_series_is_good_once(client: FlaskClient, clinic: Clinic, desk: dict[str, str]) -> None:
    body = {"slot_id": days(clinic)[0], **DAILY, **WHO}
    keyed = {**desk, "Idempotency-Key": "series-1"}

    first, second = (client.post("/api/series", json=body, headers=keyed) for _ in range(2))

    assert first.json["data"] == second.json["data"]
    assert second.headers["Idempotency-Replayed"] == "true"
