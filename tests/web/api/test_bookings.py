"""The bookings API on both databases, without Redis: the database alone keeps every promise."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from sqlalchemy import insert, update

from app.database import db_now
from app.tables import Booking, Doctor, Slot
from app.web.parts import EXTENSION
from tests import moments

PATIENT = {"patient_name": "Anna Example", "patient_email": "anna@example.org"}
Headers = dict[str, str]


@pytest.fixture
def doctor(app: APIFlask) -> int:
    with app.extensions[EXTENSION].database.transaction() as tx:
        values = {"name": "Dr Ada Probe", "specialization": "Cardiology", "timezone": "Europe/Berlin"}
        return tx.execute(insert(Doctor).values(values).returning(Doctor.id)).scalar_one()


@pytest.fixture
def add_slot(app: APIFlask, doctor: int) -> Callable[..., str]:
    def add(hours_ahead: float = 24) -> str:
        start = moments.hours_ahead(hours_ahead)
        values = {"doctor_id": doctor, "starts_at": start, "ends_at": start + timedelta(minutes=30)}
        with app.extensions[EXTENSION].database.transaction() as tx:
            return str(tx.execute(insert(Slot).values(values).returning(Slot.id)).scalar_one())

    return add


def owner(booking: dict[str, Any]) -> Headers:
    return {"X-Manage-Token": booking["manage_token"]}


def test_an_instant_booking_is_201_with_everything_a_guest_needs(
    client: FlaskClient, add_slot: Callable[..., str]
) -> None:
    answer = client.post("/api/bookings", json={"slot_id": add_slot(), **PATIENT})

    booking = answer.json["data"]
    assert answer.status_code == 201
    assert answer.json["message"] == "Booking confirmed successfully"
    assert answer.headers["Location"] == f"/api/bookings/{booking['id']}"
    assert booking["status"] == "CONFIRMED"
    assert booking["manage_url"].endswith(f"/m/{booking['manage_token']}")
    assert client.get(answer.headers["Location"], headers=owner(booking)).json["data"]["id"] == booking["id"]


def test_the_loser_is_told_the_truth_in_problem_json(
    client: FlaskClient, add_slot: Callable[..., str]
) -> None:
    slot, near = add_slot(24), add_slot(25)
    client.post("/api/bookings", json={"slot_id": slot, **PATIENT})

    answer = client.post("/api/bookings", json={"slot_id": slot, **PATIENT})

    assert answer.status_code == 409
    assert answer.content_type == "application/problem+json"
    assert answer.json["error"]["code"] == "BOOKING_CONFLICT"
    assert answer.json["reason"] == "SLOT_TAKEN"
    assert answer.json["retryable"] is False
    assert [slot["id"] for slot in answer.json["alternatives"]] == [near]


def test_a_held_slot_says_for_how_long(client: FlaskClient, add_slot: Callable[..., str]) -> None:
    slot = add_slot()
    client.post("/api/bookings", json={"slot_id": slot, "hold": True, **PATIENT})

    answer = client.post("/api/bookings", json={"slot_id": slot, **PATIENT})

    assert answer.json["reason"] == "SLOT_HELD"
    assert 0 < answer.json["retry_after_seconds"] <= 120
    assert answer.json["retryable"] is True


def test_a_hold_is_confirmed_by_its_owner_alone(client: FlaskClient, add_slot: Callable[..., str]) -> None:
    held = client.post("/api/bookings", json={"slotId": add_slot(), "hold": True, **PATIENT}).json["data"]
    path = f"/api/bookings/{held['id']}/confirm"

    assert held["status"] == "PENDING"
    assert client.post(path, json={}).status_code == 401
    assert client.post(path, json={}, headers={"X-Manage-Token": "x" * 43}).status_code == 401
    assert client.post(path, json={}, headers=owner(held)).json["data"]["status"] == "CONFIRMED"
    assert client.post(path, json={}, headers=owner(held)).status_code == 409


def test_a_lapsed_hold_is_410(app: APIFlask, client: FlaskClient, add_slot: Callable[..., str]) -> None:
    held = client.post("/api/bookings", json={"slot_id": add_slot(), "hold": True, **PATIENT}).json["data"]
    with app.extensions[EXTENSION].database.transaction() as tx:
        tx.execute(update(Slot).where(Slot.booking_id == uuid.UUID(held["id"])).values(hold_until=db_now(-1)))
        tx.execute(update(Booking).where(Booking.id == uuid.UUID(held["id"])).values(expires_at=db_now(-1)))

    answer = client.post(f"/api/bookings/{held['id']}/confirm", json={}, headers=owner(held))

    assert answer.status_code == 410
    assert answer.json["error"]["code"] == "HOLD_EXPIRED"


@pytest.mark.parametrize("verb", ["post", "put", "patch"])
def test_every_cancel_verb_cancels(client: FlaskClient, add_slot: Callable[..., str], verb: str) -> None:
    slot = add_slot()
    booking = client.post("/api/bookings", json={"slot_id": slot, **PATIENT}).json["data"]

    answer = getattr(client, verb)(f"/api/bookings/{booking['id']}/cancel", headers=owner(booking))

    assert answer.json["message"] == "Booking cancelled successfully"
    assert answer.json["data"]["status"] == "CANCELLED"
    assert client.post("/api/bookings", json={"slot_id": slot, **PATIENT}).status_code == 201


def test_a_repeat_with_the_same_key_gets_the_same_answer(
    client: FlaskClient, add_slot: Callable[..., str]
) -> None:
    body, key = {"slot_id": add_slot(), **PATIENT}, {"Idempotency-Key": "once-1"}

    first = client.post("/api/bookings", json=body, headers=key)
    again = client.post("/api/bookings", json=body, headers=key)
    other = client.post("/api/bookings", json={**body, "patient_name": "Bo Other"}, headers=key)

    assert again.status_code == 201
    assert again.json["data"] == first.json["data"]
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert other.status_code == 422
    assert other.json["error"]["code"] == "IDEMPOTENCY_KEY_REUSED"


def test_a_refusal_is_repeated_under_its_key_even_when_the_slot_is_free_again(
    client: FlaskClient, add_slot: Callable[..., str]
) -> None:
    body, key = {"slot_id": add_slot(), **PATIENT}, {"Idempotency-Key": "lost-1"}
    winner = client.post("/api/bookings", json=body).json["data"]
    lost = client.post("/api/bookings", json=body, headers=key)
    client.post(f"/api/bookings/{winner['id']}/cancel", headers=owner(winner))

    again = client.post("/api/bookings", json=body, headers=key)

    assert (lost.status_code, again.status_code) == (409, 409)
    assert again.json["reason"] == lost.json["reason"] == "SLOT_TAKEN"
    assert again.headers["Idempotency-Replayed"] == "true"


def test_a_doctor_and_a_wall_time_mean_the_next_such_slot(
    app: APIFlask, client: FlaskClient, doctor: int
) -> None:
    from zoneinfo import ZoneInfo

    zone = ZoneInfo("Europe/Berlin")
    start = (datetime.now(zone) + timedelta(days=2)).replace(hour=9, minute=0, second=0, microsecond=0)
    with app.extensions[EXTENSION].database.transaction() as tx:
        tx.execute(
            insert(Slot).values(doctor_id=doctor, starts_at=start, ends_at=start + timedelta(minutes=30))
        )

    answer = client.post(
        "/api/bookings", json={"doctorId": doctor, "slotTime": "09:00", "patientName": "Anna Example"}
    )

    assert answer.status_code == 201
    assert datetime.fromisoformat(answer.json["data"]["starts_at"]) == start


def test_wrong_fields_are_all_named(client: FlaskClient) -> None:
    answer = client.post("/api/bookings", json={"slot_id": "x", "patient_email": "no", "colour": "red"})

    assert answer.status_code == 422
    assert {error["field"] for error in answer.json["errors"]} >= {"slot_id", "patient_email", "colour"}


@pytest.mark.parametrize(
    ("name", "accepted"), [("A", False), ("Al", True), ("A" * 100, True), ("A" * 101, False)]
)
def test_a_name_has_2_to_100_letters(
    client: FlaskClient, add_slot: Callable[..., str], name: str, accepted: bool
) -> None:
    answer = client.post("/api/bookings", json={"slot_id": add_slot(), **PATIENT, "patient_name": name})

    assert answer.status_code == (201 if accepted else 422)


def test_a_past_slot_is_422_slot_in_past(client: FlaskClient, add_slot: Callable[..., str]) -> None:
    answer = client.post("/api/bookings", json={"slot_id": add_slot(-2), **PATIENT})

    assert answer.status_code == 422
    assert answer.json["error"]["code"] == "SLOT_IN_PAST"


def test_the_list_is_ones_own_and_the_desk_sees_all(
    client: FlaskClient, add_slot: Callable[..., str], bearer: Callable[[str], Headers]
) -> None:
    patient, staff = bearer("patient"), bearer("staff")
    client.post("/api/bookings", json={"slot_id": add_slot(24), **PATIENT})
    mine = client.post("/api/bookings", json={"slot_id": add_slot(25)}, headers=patient).json["data"]

    assert client.get("/api/bookings").status_code == 401
    assert [b["id"] for b in client.get("/api/bookings", headers=patient).json["data"]] == [mine["id"]]
    assert len(client.get("/api/bookings", headers=staff).json["data"]) == 2
    assert client.get("/api/bookings/stats", headers=staff).json["data"]["by_status"]["CONFIRMED"] == 2
    assert client.get("/api/bookings/stats", headers=patient).json["data"]["total"] == 1


def test_a_list_is_paged_without_loss_or_repeat(
    client: FlaskClient, add_slot: Callable[..., str], bearer: Callable[[str], Headers]
) -> None:
    made = {
        client.post("/api/bookings", json={"slot_id": add_slot(24 + n), **PATIENT}).json["data"]["id"]
        for n in range(5)
    }
    staff, seen, cursor = bearer("staff"), [], ""

    while True:
        page = client.get(f"/api/bookings?limit=2{cursor}", headers=staff).json
        seen += [booking["id"] for booking in page["data"]]
        if page["page"]["next_cursor"] is None:
            break
        cursor = f"&cursor={page['page']['next_cursor']}"

    assert len(seen) == 5
    assert set(seen) == made


def test_a_stranger_cannot_tell_a_booking_from_nothing(
    client: FlaskClient, add_slot: Callable[..., str], bearer: Callable[[str], Headers]
) -> None:
    booking = client.post("/api/bookings", json={"slot_id": add_slot(), **PATIENT}).json["data"]
    stranger = bearer("patient")

    real = client.get(f"/api/bookings/{booking['id']}", headers=stranger)
    none = client.get(f"/api/bookings/{uuid.uuid4()}", headers=stranger)

    assert (real.status_code, none.status_code) == (404, 404)
    assert real.json["detail"] == none.json["detail"]


def test_an_appointment_takes_its_interval_and_gives_it_back(
    client: FlaskClient, doctor: int, bearer: Callable[[str], Headers]
) -> None:
    day = (datetime.now(UTC) + timedelta(days=3)).date().isoformat()
    body = {"doctor_id": doctor, "start": f"{day}T10:00:00Z", "end": f"{day}T10:45:00Z", **PATIENT}

    made = client.post("/api/appointments", json=body)
    overlapping = client.post(
        "/api/appointments", json={**body, "start": f"{day}T10:30:00Z", "end": f"{day}T11:00:00Z"}
    )
    touching = client.post(
        "/api/appointments", json={**body, "start": f"{day}T10:45:00Z", "end": f"{day}T11:00:00Z"}
    )
    booking = made.json["data"]
    cancelled = client.post(f"/api/appointments/{booking['id']}/cancel", headers=owner(booking))
    listed = client.get("/api/appointments", headers=bearer("staff")).json["data"]

    assert (made.status_code, overlapping.status_code, touching.status_code) == (201, 409, 201)
    assert booking["status"] == "BOOKED"
    assert overlapping.json["reason"] == "OVERLAP"
    assert cancelled.json["data"]["status"] == "CANCELLED"
    assert {row["status"] for row in listed} == {"BOOKED", "CANCELLED"}


@pytest.mark.parametrize(("start", "end", "field"), [("07:59", "08:30", "start"), ("15:45", "16:15", "end")])
def test_an_appointment_outside_opening_hours_is_refused(
    client: FlaskClient, doctor: int, start: str, end: str, field: str
) -> None:
    # In January Berlin is one hour ahead of UTC: 08:00Z is 09:00, 16:00Z is 17:00.
    year = datetime.now(UTC).year + 1
    body = {"doctor_id": doctor, "start": f"{year}-01-13T{start}:00Z", "end": f"{year}-01-13T{end}:00Z"}

    answer = client.post("/api/appointments", json={**body, **PATIENT})

    assert answer.status_code == 422
    assert answer.json["errors"][0]["field"] == field


def test_the_race_has_one_winner_and_truthful_losers(
    client: FlaskClient, bearer: Callable[[str], Headers]
) -> None:
    result = client.post("/api/concurrent", json={"clients": 8}, headers=bearer("admin")).json["data"]

    assert (result["winners"], result["losers"], result["live_bookings_in_database"]) == (1, 7, 1)
    assert {attempt.get("reason") for attempt in result["attempts"] if not attempt["won"]} == {"SLOT_TAKEN"}


def test_only_an_admin_races_and_expires(client: FlaskClient, bearer: Callable[[str], Headers]) -> None:
    for path in ("/api/concurrent", "/api/bookings/expire-pending"):
        assert client.post(path, json={}).status_code == 401
        assert (
            client.post(
                path, json={}, headers=bearer("patient") if path.endswith("t") else bearer("staff")
            ).status_code
            == 403
        )


def test_expiring_by_hand_frees_lapsed_holds_once(
    app: APIFlask, client: FlaskClient, add_slot: Callable[..., str], bearer: Callable[[str], Headers]
) -> None:
    client.post("/api/bookings", json={"slot_id": add_slot(), "hold": True, **PATIENT})
    admin = bearer("admin")
    with app.extensions[EXTENSION].database.transaction() as tx:
        tx.execute(update(Slot).where(Slot.state == "HELD").values(hold_until=db_now(-1)))
        tx.execute(update(Booking).values(expires_at=db_now(-1)))

    counts = [
        client.post("/api/bookings/expire-pending", headers=admin).json["data"]["expired"] for _ in range(2)
    ]

    assert counts == [1, 0]
