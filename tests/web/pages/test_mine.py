"""A patient's own pages (A14): my bookings, the first free doctor, the waitlist."""

from __future__ import annotations

import re
from datetime import timedelta
from urllib.parse import urlencode
from uuid import UUID

import pytest
from sqlalchemy import select, update

from app.accounts.addresses import has_address
from app.booking.actions import SYSTEM, Actor, Claim, cancel_booking, hold_slot
from app.database import db_now
from app.tables import Booking, Doctor, User, WaitlistEntry
from tests.servers import eventually
from tests.web.pages.conftest import SOMEBODY, TYPED, Clinic, Person
from tests.web.pages.desk.conftest import log_in


@pytest.fixture
def patient(app, person: Person) -> Person:
    return log_in(app, person, "patient", "/my")


def book_for(clinic: Clinic, email: str, hours: float) -> dict[str, str]:
    with clinic.parts.database.read() as connection:
        user_id = connection.execute(select(User.id).where(has_address(connection, email))).scalar_one()
    actor = Actor(f"user:{user_id}", user_id)
    return hold_slot(
        clinic.parts.engine, Claim((clinic.add_slot(hours),), SOMEBODY, instant=True), actor
    ).value


def test_a_stranger_is_asked_to_log_in(person: Person, clinic: Clinic) -> None:
    answer = person.client.get("/my", headers={"Accept": "text/html"})

    assert (answer.status_code, answer.headers["Location"]) == (303, "/login?next=/my")


def test_my_bookings_are_upcoming_past_and_cancelled_and_nobody_elses(
    patient: Person, clinic: Clinic
) -> None:
    mine, past, cancelled = (book_for(clinic, "patient@example.org", hours) for hours in (48, 49, 50))
    other = clinic.book_elsewhere(clinic.add_slot(51))
    cancel_booking(clinic.parts.engine, UUID(cancelled["id"]), SYSTEM)
    with clinic.parts.database.transaction() as tx:
        of_it = update(Booking).where(Booking.reference == past["reference"])
        tx.execute(of_it.values(starts_at=db_now(-7200), ends_at=db_now(-3600)))

    counts = re.findall(r"(Upcoming|Past|Cancelled) <small>(\d)</small>", patient.open("/my").text)

    assert counts == [("Upcoming", "1"), ("Past", "1"), ("Cancelled", "1")]
    link = re.search(r'class="mine__one" href="(/m/[^"]+)"', patient.text)
    assert link is not None
    assert mine["reference"] in patient.open(link.group(1)).text
    assert other["reference"] not in patient.text


def test_nothing_booked_says_so_and_where_to_go(patient: Person, clinic: Clinic) -> None:
    assert "Nothing is booked." in patient.open("/my").text
    assert "No visits yet." in patient.open("/my?view=past").text
    assert "Nothing is booked." in patient.open("/my?view=nonsense").text


def test_what_one_books_while_logged_in_is_ones_own(patient: Person, clinic: Clinic) -> None:
    slot_id = clinic.add_slot()
    patient.open(f"/doctors/{clinic.doctor_id}")

    patient.send("/holds", slot_id=str(slot_id))

    with clinic.parts.database.read() as connection:
        owner = connection.execute(select(User.email).join(Booking, Booking.user_id == User.id)).scalar_one()
    assert owner == "patient@example.org"


def test_whoever_is_free_first_is_held_in_one_step(person: Person, clinic: Clinic) -> None:
    clinic.add_slot(72)
    first = clinic.add_slot(48)
    person.open("/")

    person.send("/holds/first")

    assert person.heading == "Who is the appointment for?"
    assert clinic.slot(first).state == "HELD"


def test_none_free_is_told(person: Person, clinic: Clinic) -> None:
    person.open("/")

    person.send("/holds/first", specialization="Nothing")

    assert person.page is not None
    assert person.page.status_code == 409
    assert "No time is free there" in person.text


def days_around(clinic: Clinic, slot_id: int) -> dict[str, str]:
    day = clinic.slot(slot_id).starts_at.date()
    return {"first": (day - timedelta(days=1)).isoformat(), "last": (day + timedelta(days=1)).isoformat()}


def test_the_line_from_joining_to_the_confirmed_booking(person: Person, clinic: Clinic) -> None:
    slot_id = clinic.add_slot()
    booking = clinic.book_elsewhere(slot_id)
    person.open(f"/doctors/{clinic.doctor_id}/wait")
    person.send(f"/doctors/{clinic.doctor_id}/wait", **TYPED, **days_around(clinic, slot_id))
    assert person.heading == "You are number 1 in line"
    place = person.path

    cancel_booking(clinic.parts.engine, UUID(booking["id"]), SYSTEM)
    person.open(place)
    assert person.heading == "A time is free for you"
    offer = re.search(r'href="(/m/[^"]+)"', person.text)
    assert offer is not None
    page = person.client.get(offer.group(1), follow_redirects=True)

    assert "Mara Lindqvist" in page.text
    assert page.request.path.startswith("/hold/")


def test_a_place_in_line_is_left_again(person: Person, clinic: Clinic) -> None:
    slot_id = clinic.add_slot()
    person.open(f"/doctors/{clinic.doctor_id}/wait")
    person.send(f"/doctors/{clinic.doctor_id}/wait", **TYPED, **days_around(clinic, slot_id))

    person.send(f"{person.path}/leave")

    assert person.heading == "You wait no longer"


@pytest.mark.parametrize(
    "wrong", [{"patient_email": "x"}, {"first": ""}, {"last": "2020-01-01"}, {"last": "2099-01-01"}]
)
def test_what_is_wrong_is_told_and_what_was_typed_stays(
    person: Person, clinic: Clinic, wrong: dict[str, str]
) -> None:
    slot_id = clinic.add_slot()
    person.open(f"/doctors/{clinic.doctor_id}/wait")

    person.send(f"/doctors/{clinic.doctor_id}/wait", **{**TYPED, **days_around(clinic, slot_id), **wrong})

    assert person.page is not None
    assert person.page.status_code == 422
    assert 'value="Mara Lindqvist"' in person.text


def test_a_place_in_line_cannot_be_guessed(person: Person, clinic: Clinic) -> None:
    with clinic.parts.database.transaction() as tx:
        doctor = tx.execute(select(Doctor.id)).scalar_one()
        who = {"patient_name": "A B", "patient_email": "a@example.org"}
        values = {"doctor_id": doctor, "starts_from": db_now(), "starts_before": db_now(60), **who}
        entry = tx.execute(
            WaitlistEntry.__table__.insert().values(values).returning(WaitlistEntry.id)
        ).scalar_one()  # type: ignore[attr-defined]

    assert person.open(f"/wait/{entry}.{'0' * 32}").status_code == 404
    assert person.open("/wait/nonsense").status_code == 404


def test_the_numbers_of_the_statistics_are_in_picture_table_and_file(
    app, person: Person, clinic: Clinic
) -> None:
    slot_id = clinic.add_slot()
    clinic.book_elsewhere(slot_id)
    clinic.add_slot(48.5)
    log_in(app, person, "admin", "/admin")
    span = days_around(clinic, slot_id)

    answers = [person.client.post("/api/bookings", json={"slot_id": slot_id, **TYPED}) for _ in range(3)]
    today = {"first": "2020-01-01", "last": (clinic.slot(slot_id).starts_at + timedelta(days=1)).date()}
    eventually(
        lambda: ">3</td>" in person.open(f"/admin/statistics?{urlencode(today)}").text, what="the count"
    )

    page = person.open(f"/admin/statistics?{urlencode(span)}").text
    table = person.open(f"/admin/statistics.csv?{urlencode(span)}").text

    assert [each.status_code for each in answers] == [409] * 3
    assert "<dd>1</dd>" in page
    assert "50 %" in page
    assert "bars__bar" in page
    assert [line for line in table.splitlines() if line.startswith("doctor")] == ["doctor,Dr. Ada Probe,1,,2"]
    assert "Nothing happened" in person.open("/admin/statistics?first=2031-01-01&last=2031-01-02").text
