"""Slots and availability over the API, on both databases (B6-B11, B22)."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

DAY = "2099-07-01"  # a Wednesday; Berlin is two hours ahead of UTC
PATIENT = {"patient_name": "Anna Example", "patient_email": "anna@example.org"}
Headers = dict[str, str]


@pytest.fixture
def admin(bearer: Callable[[str], Headers]) -> Headers:
    return bearer("admin")


@pytest.fixture
def doctor(client: FlaskClient, admin: Headers) -> str:
    body = {"name": "Dr Ada Probe", "specialization": "Cardiology", "timezone": "Europe/Berlin"}
    return client.post("/api/doctors", json=body, headers=admin).json["data"]["id"]


@pytest.fixture
def make(client: FlaskClient, admin: Headers, doctor: str) -> Callable[..., Any]:
    """make("/api/slots", slot_time=...) posts as admin for the doctor."""
    return lambda path, **body: client.post(path, json={"doctor_id": doctor, **body}, headers=admin)


def slot_ids(answer: Any) -> list[str]:
    return [slot["id"] for slot in answer.json["data"]]


@pytest.mark.parametrize(
    "body",
    [
        {"starts_at": "2099-07-01T09:00:00+02:00"},
        {"slot_time": "2099-07-01T07:00:00Z"},
        {"slot_date": DAY, "slot_time": "09:00"},
        {"slotDate": DAY, "slotTime": "09:00:00", "durationMinutes": 30},
    ],
)
def test_a_slot_is_made_from_an_instant_or_a_wall_clock_time(
    client: FlaskClient, make: Callable[..., Any], doctor: str, body: dict[str, Any]
) -> None:
    created = make("/api/slots", **body)

    slot = created.json["data"]
    assert (created.status_code, created.json["message"]) == (201, "Slot created")
    assert created.headers["Location"] == f"/api/slots/{slot['id']}"
    assert (slot["starts_at"], slot["ends_at"]) == ("2099-07-01T07:00:00Z", "2099-07-01T07:30:00Z")
    assert (slot["slot_date"], slot["slot_time"], slot["duration_minutes"]) == (DAY, "09:00", 30)
    assert (slot["doctor_id"], slot["doctor_name"]) == (doctor, "Dr Ada Probe")
    assert (slot["specialization"], slot["state"], slot["is_available"]) == ("Cardiology", "OPEN", True)
    assert client.get(created.headers["Location"]).json["data"] == slot


def test_the_same_or_an_overlapping_slot_is_a_conflict(make: Callable[..., Any]) -> None:
    make("/api/slots", slot_date=DAY, slot_time="09:00")

    for clock in ("09:00", "09:15", "08:45"):
        answer = make("/api/slots", slot_date=DAY, slot_time=clock)
        assert (answer.status_code, answer.json["reason"]) == (409, "OVERLAP")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"starts_at": "2020-01-01T09:00:00Z"}, "starts_at"),
        ({"slot_date": "2020-01-01", "slot_time": "09:00"}, "slot_time"),
        ({"slot_date": "2099-03-29", "slot_time": "02:30"}, "slot_time"),
        ({"slot_date": "9999-12-31", "slot_time": "09:00"}, "slot_date"),
        ({"slot_date": "01.07.2099", "slot_time": "09:00"}, "slot_date"),
        ({"starts_at": "2099-07-01T09:00:00"}, "starts_at"),
        ({"starts_at": 4086575400}, "starts_at"),
        ({"starts_at": "2099-07-01T09:00:00Z", "duration_minutes": 4}, "duration_minutes"),
        ({"starts_at": "2099-07-01T09:00:00Z", "duration_minutes": 0}, "duration_minutes"),
        ({"starts_at": "2099-07-01T09:00:00Z", "duration_minutes": 30.5}, "duration_minutes"),
        ({"slot_date": DAY}, "body"),
        ({"slot_time": "09:00"}, "body"),
        ({}, "body"),
        ({"starts_at": "2099-07-01T09:00:00Z", "slot_date": DAY, "slot_time": "09:00"}, "body"),
        ({"starts_at": "2099-07-01T09:00:00Z", "doctor_id": [1]}, "doctor_id"),
    ],
)
def test_a_slot_that_cannot_be_is_422_naming_the_field(
    make: Callable[..., Any], body: dict[str, Any], field: str
) -> None:
    answer = make("/api/slots", **body)

    assert answer.status_code == 422
    assert [wrong["field"] for wrong in answer.json["errors"]] == [field]


def test_a_slot_of_an_unknown_doctor_is_404(make: Callable[..., Any]) -> None:
    assert make("/api/slots", doctor_id="4711", starts_at="2099-07-01T09:00:00Z").status_code == 404
    assert make("/api/slots/bulk", doctor_id="4711", slot_date=DAY).status_code == 404


def test_a_day_in_bulk_makes_sixteen_half_hours_and_once_only(make: Callable[..., Any]) -> None:
    body = {"slot_date": DAY, "start_time": "09:00", "end_time": "17:00", "duration_minutes": 30}

    first = make("/api/slots/bulk", **body)
    again = make("/api/slots/bulk", **body)

    assert first.status_code == 201
    assert first.json["message"] == "Created 16 appointment slots"
    assert first.json["data"] == {
        "count": 16, "created": 16, "skipped": 0, "skipped_reasons": {}, "skipped_samples": [],
    }  # fmt: skip
    assert (again.json["data"]["created"], again.json["data"]["skipped"]) == (0, 16)
    assert again.json["data"]["skipped_reasons"] == {"ALREADY_THERE": 16}
    assert again.json["message"] == "Created 0 appointment slots"


def test_a_range_in_bulk_leaves_weekends_out_and_takes_the_hours_of_the_clinic(
    client: FlaskClient, make: Callable[..., Any], doctor: str
) -> None:
    answer = make("/api/slots/bulk", startDate=DAY, endDate="2099-07-07", excludeWeekends=True)

    slots = client.get(f"/api/slots?doctor_id={doctor}&from={DAY}&limit=100").json["data"]
    assert answer.json["data"]["count"] == 5 * 16
    assert len(slots) == 80
    assert {date.fromisoformat(slot["slot_date"]).weekday() for slot in slots} == {0, 1, 2, 3, 4}
    assert (slots[0]["slot_time"], slots[15]["slot_time"]) == ("09:00", "16:30")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"slot_date": "2020-01-01"}, "slot_date"),
        ({"start_date": "2020-01-01", "end_date": "2099-01-01"}, "start_date"),
        ({"start_date": DAY, "end_date": "2099-06-30"}, "end_date"),
        ({"start_date": DAY, "end_date": "2100-12-31"}, "end_date"),
        ({"start_date": DAY, "end_date": "9999-12-31"}, "end_date"),
        ({"slot_date": DAY, "start_time": "17:00", "end_time": "09:00"}, "end_time"),
        ({"slot_date": DAY, "start_time": "24:00", "end_time": "24:00"}, "start_time"),
        ({"slot_date": DAY, "end_time": "24:30"}, "end_time"),
        ({"slot_date": DAY, "start_time": 9}, "start_time"),
        ({"slot_date": DAY, "duration_minutes": 0}, "duration_minutes"),
        ({"slot_date": DAY, "start_time": "09:00", "end_time": "09:20"}, "duration_minutes"),
        ({"slot_date": DAY, "exclude_weekends": "yes"}, "exclude_weekends"),
        ({"slot_date": DAY, "start_date": DAY}, "body"),
        ({"end_date": DAY}, "body"),
        ({"start_date": DAY, "end_date": "2100-06-30", "start_time": "00:00", "end_time": "24:00",
          "duration_minutes": 5}, "end_date"),
    ],
)  # fmt: skip
def test_a_bulk_window_that_cannot_be_is_422_naming_the_field(
    make: Callable[..., Any], body: dict[str, Any], field: str
) -> None:
    answer = make("/api/slots/bulk", **body)

    assert answer.status_code == 422
    assert field in [wrong["field"] for wrong in answer.json["errors"]]


def test_slots_are_listed_by_doctor_day_range_and_state(
    client: FlaskClient, make: Callable[..., Any], doctor: str
) -> None:
    make("/api/slots/bulk", slot_date=DAY, start_time="09:00", end_time="11:00")
    make("/api/slots/bulk", slot_date="2099-07-02", start_time="09:00", end_time="10:00")
    day = client.get(f"/api/slots?doctorId={doctor}&date={DAY}")
    first, second, *_ = slot_ids(day)
    client.post("/api/bookings", json={"slot_id": first, **PATIENT})
    client.post("/api/bookings", json={"slot_id": second, **PATIENT, "hold": True})

    def states(query: str) -> list[str]:
        return [slot["state"] for slot in client.get(f"/api/slots?doctor_id={doctor}&{query}").json["data"]]

    assert len(slot_ids(day)) == 4
    assert states(f"date={DAY}") == ["BOOKED", "HELD", "OPEN", "OPEN"]
    assert states(f"date={DAY}&state=OPEN") == ["OPEN", "OPEN"]
    assert states("state=BOOKED") == ["BOOKED"]
    assert len(states("from=2099-07-01T08:00:00Z&to=2099-07-02T07:30:00Z")) == 3
    assert len(states(f"from={DAY}&to=2099-07-02")) == 6
    assert slot_ids(client.get(f"/api/doctors/{doctor}/slots?date={DAY}")) == slot_ids(day)
    assert slot_ids(client.get("/api/slots?doctor_id=4711")) == []


def test_pages_of_slots_follow_each_other(client: FlaskClient, make: Callable[..., Any]) -> None:
    make("/api/slots/bulk", slot_date=DAY)
    whole = slot_ids(client.get("/api/slots?limit=100"))

    pages, cursor = [], ""
    while True:
        page = client.get(f"/api/slots?limit=5{cursor}")
        pages += slot_ids(page)
        if page.json["page"]["next_cursor"] is None:
            break
        cursor = f"&cursor={page.json['page']['next_cursor']}"

    assert len(whole) == 16
    assert pages == whole


@pytest.mark.parametrize(
    "query",
    ["date=tomorrow", "date=0001-01-01", "from=9999-12-31T23:00:00-10:00", "state=open",
     "limit=0", "limit=101", "cursor=nonsense", "doctor_id=x", "doctor_id=1&doctorId=2",
     f"date={DAY}&from={DAY}", "colour=red"],
)  # fmt: skip
def test_a_question_that_makes_no_sense_is_422(client: FlaskClient, query: str) -> None:
    assert client.get(f"/api/slots?{query}").status_code == 422


def test_a_slot_is_deleted_unless_somebody_has_it(
    client: FlaskClient, make: Callable[..., Any], admin: Headers
) -> None:
    where = make("/api/slots", slot_date=DAY, slot_time="09:00").headers["Location"]
    slot_id = where.rsplit("/", 1)[1]
    booking = client.post("/api/bookings", json={"slot_id": slot_id, **PATIENT}).json["data"]

    refused = client.delete(where, headers=admin)
    owner = {"X-Manage-Token": booking["manage_token"]}
    client.post(f"/api/bookings/{booking['id']}/cancel", headers=owner, json={})
    closed = client.delete(where, headers=admin)
    gone = client.delete(where, headers=admin)

    assert (refused.status_code, refused.json["reason"]) == (409, "SLOT_TAKEN")
    assert "Cancel or move its booking first" in refused.json["detail"]
    assert (closed.status_code, closed.json["data"]) == (200, {"id": slot_id, "outcome": "CLOSED"})
    assert "past bookings are kept" in closed.json["message"]
    assert client.get(where).json["data"]["state"] == "BLOCKED"
    assert gone.status_code == 404


def test_a_slot_nobody_had_is_gone_after_deleting(
    client: FlaskClient, make: Callable[..., Any], admin: Headers
) -> None:
    where = make("/api/slots", slot_date=DAY, slot_time="09:00").headers["Location"]

    deleted = client.delete(where, headers=admin)

    assert (deleted.status_code, deleted.json["message"]) == (200, "Slot deleted")
    assert client.get(where).status_code == 404


def test_what_is_left_of_a_day_shrinks_with_every_booking(
    client: FlaskClient, make: Callable[..., Any], doctor: str
) -> None:
    make("/api/slots/bulk", slot_date=DAY)
    where = f"/api/availability?doctorId={doctor}&date={DAY}"
    before = client.get(where).json["data"]
    ten = next(slot for slot in before["slots"] if slot["slot_time"] == "10:00")
    client.post("/api/bookings", json={"slot_id": ten["id"], **PATIENT})

    after = client.get(where)

    assert before["free"] == [
        {"starts_at": "2099-07-01T07:00:00Z", "ends_at": "2099-07-01T15:00:00Z", "duration_minutes": 480}
    ]
    assert [span["duration_minutes"] for span in after.json["data"]["free"]] == [60, 390]
    assert len(after.json["data"]["slots"]) == 15
    assert after.headers["X-Served-Consistency"] == "strong"


@pytest.mark.parametrize("query", ["", "?doctor_id=1", f"?date={DAY}", f"?doctor_id=x&date={DAY}"])
def test_availability_needs_a_doctor_and_a_day(client: FlaskClient, query: str) -> None:
    assert client.get(f"/api/availability{query}").status_code == 422


def test_availability_of_an_unknown_doctor_is_404(client: FlaskClient) -> None:
    assert client.get(f"/api/availability?doctor_id=4711&date={DAY}").status_code == 404


def test_no_answer_about_slots_holds_anything_of_a_patient(
    client: FlaskClient, make: Callable[..., Any], doctor: str
) -> None:
    make("/api/slots/bulk", slot_date=DAY)
    slot = slot_ids(client.get("/api/slots"))[0]
    client.post("/api/bookings", json={"slot_id": slot, **PATIENT, "reason": "canary"})

    for path in (f"/api/slots/{slot}", "/api/slots", f"/api/doctors/{doctor}/slots",
                 f"/api/availability?doctor_id={doctor}&date={DAY}"):  # fmt: skip
        text = client.get(path).text
        assert not [word for word in ("Anna", "anna@", "canary", "booking_id") if word in text]


def test_times_of_today_that_have_passed_are_left_out(make: Callable[..., Any]) -> None:
    today = (datetime.now(UTC) + timedelta(hours=2)).date()

    answer = make("/api/slots/bulk", start_date=today.isoformat(), start_time="00:00", end_time="24:00",
                  end_date=(today + timedelta(days=1)).isoformat())  # fmt: skip

    data = answer.json["data"]
    assert answer.status_code == 201
    assert data["created"] + data["skipped"] == 96
