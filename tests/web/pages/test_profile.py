"""What people choose for themselves, and booking for somebody else (A14, N4, N23)."""

from __future__ import annotations

import re
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from apiflask import APIFlask
from sqlalchemy import insert, select

from app.accounts.profile import MOST_DEPENDANTS
from app.tables import Booking, Dependant, User
from tests.web.pages.conftest import TYPED, Clinic, Person
from tests.web.pages.desk.conftest import log_in

TOKYO = ZoneInfo("Asia/Tokyo")


@pytest.fixture
def patient(app: APIFlask, person: Person) -> Person:
    return log_in(app, person, "patient", "/account")


def rows(clinic: Clinic, *columns: Any) -> list[Any]:
    with clinic.parts.database.read() as connection:
        return [tuple(row) for row in connection.execute(select(*columns))]


def add(patient: Person, name: str) -> None:
    patient.open("/account")
    patient.send("/account/dependants", dependant=name)


def hold(patient: Person, clinic: Clinic) -> str:
    """The path of the form of a time that is held."""
    slot_id = clinic.add_slot()
    patient.open(f"/doctors/{clinic.doctor_id}")
    patient.send("/holds", slot_id=str(slot_id))
    return patient.path


def test_zone_and_reminder_are_kept_and_shown_again(patient: Person, clinic: Clinic) -> None:
    patient.send("/account/profile", name="Ann Elsewhere", timezone="Asia/Tokyo", reminder_hours="2")

    assert rows(clinic, User.name, User.timezone, User.reminder_hours) == [("Ann Elsewhere", "Asia/Tokyo", 2)]
    assert "Your profile is saved." in patient.text
    assert "<option selected>Asia/Tokyo" in patient.text
    assert 'value="2" selected' in patient.text


@pytest.mark.parametrize(
    ("field", "value"),
    [("timezone", "Moon/Crater"), ("reminder_hours", "999"), ("reminder_hours", "soon"), ("name", "A")],
)
def test_what_cannot_be_is_told_at_its_field(patient: Person, clinic: Clinic, field: str, value: str) -> None:
    answer = patient.send("/account/profile", **{"name": "Ann Elsewhere", field: value})

    assert answer.status_code == 422
    assert f'id="{field}-wrong"' in patient.text
    assert rows(clinic, User.timezone) == [(None,)]


def test_the_readers_time_stands_beside_the_clinics(patient: Person, clinic: Clinic) -> None:
    path = hold(patient, clinic)
    assert "Your time" not in patient.text
    patient.open("/account")
    patient.send("/account/profile", name="Ann Elsewhere", timezone="Asia/Tokyo")

    patient.open(path)

    there = clinic.bookings()[0].starts_at.astimezone(TOKYO)
    assert re.search(rf"Your time: [^<]*{there:%H:%M}, Asia/Tokyo", patient.text)


def test_no_second_time_where_the_clocks_agree(patient: Person, clinic: Clinic) -> None:
    patient.send("/account/profile", name="Ann Elsewhere", timezone="Europe/Paris")

    hold(patient, clinic)

    assert "Your time" not in patient.text


def test_a_dependant_is_chosen_while_booking_and_both_are_known(
    app: APIFlask, patient: Person, somebody_else: Person, clinic: Clinic
) -> None:
    add(patient, "Lena Elsewhere")
    path = hold(patient, clinic)
    child = re.search('name="who" value="([0-9a-f-]{36})"', patient.text)
    assert child is not None

    patient.send(path, **{**TYPED, "patient_name": "", "who": child.group(1)})
    patient.send(f"{path}/confirm")

    ((name, dependant, owner),) = rows(clinic, Booking.patient_name, Booking.dependant_id, Booking.user_id)
    assert (name, str(dependant), owner is not None) == ("Lena Elsewhere", child.group(1), True)
    assert "for Lena Elsewhere" in patient.open("/my").text
    booking = clinic.bookings()[0]
    log_in(app, somebody_else, "staff", "/desk")
    board = somebody_else.open(f"/desk?date={booking.starts_at.date()}&booking={booking.id}").text
    assert "Lena Elsewhere" in board
    assert "Booked by" in board


def test_oneself_is_chosen_without_typing(patient: Person, clinic: Clinic) -> None:
    add(patient, "Lena Elsewhere")
    path = hold(patient, clinic)

    patient.send(path, **{**TYPED, "patient_name": "", "who": "me"})

    ((me,),) = rows(clinic, User.name)
    assert rows(clinic, Booking.patient_name, Booking.dependant_id) == [(me, None)]


def test_nobody_books_for_the_dependant_of_another(patient: Person, clinic: Clinic) -> None:
    with clinic.parts.database.transaction() as tx:
        other = {"email": "other@example.org", "name": "Other", "password_hash": "-", "role": "patient"}
        other_id = tx.execute(insert(User).values(other).returning(User.id)).scalar_one()
        stray = insert(Dependant).values(user_id=other_id, name="Not Yours")
        child = tx.execute(stray.returning(Dependant.id)).scalar_one()
    path = hold(patient, clinic)

    patient.send(path, **{**TYPED, "who": str(child)})

    assert rows(clinic, Booking.patient_name, Booking.dependant_id) == [(TYPED["patient_name"], None)]
    assert patient.send(f"/account/dependants/{child}/remove").status_code == 404


def test_a_dependant_is_removed_and_the_booking_stays(patient: Person, clinic: Clinic) -> None:
    add(patient, "Lena Elsewhere")
    ((child,),) = rows(clinic, Dependant.id)
    patient.send(hold(patient, clinic), **{**TYPED, "who": str(child)})
    patient.open("/account")

    patient.send(f"/account/dependants/{child}/remove")

    assert rows(clinic, Dependant.id) == []
    assert rows(clinic, Booking.patient_name, Booking.dependant_id) == [("Lena Elsewhere", None)]


def test_so_many_dependants_and_no_more(patient: Person, clinic: Clinic) -> None:
    for number in range(MOST_DEPENDANTS):
        add(patient, f"Child {number}")

    answer = patient.send("/account/dependants", dependant="One Too Many")

    assert answer.status_code == 422
    assert 'value="One Too Many"' in patient.text
    assert patient.send("/account/dependants", dependant="A").status_code == 422
    assert len(rows(clinic, Dependant.id)) == MOST_DEPENDANTS
