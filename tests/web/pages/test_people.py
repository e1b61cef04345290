"""The admin's page of accounts, and pages for people who are logged in."""

import re

import pytest

from app.accounts.actions import NewAccount, add_account
from app.accounts.principals import Role
from app.web.parts import EXTENSION

PASSWORD = "correct horse battery"


@pytest.fixture
def parts(app):
    return app.extensions[EXTENSION]


@pytest.fixture
def enter(parts):
    def log_in(person, role, email):
        account = NewAccount(email, email.partition("@")[0].title(), parts.passwords.hash(PASSWORD), role)
        parts.database.run(lambda tx: add_account(tx, account))
        person.open("/login")
        person.send("/login", email=email, password=PASSWORD)
        return person

    return log_in


def test_an_admin_makes_somebody_staff_of_a_doctor(person, somebody_else, enter, clinic):
    enter(somebody_else, Role.PATIENT, "dana@example.org")
    enter(person, Role.ADMIN, "alex@example.org")
    person.open("/people?q=dana")
    address = re.search(r'action="(/people/[^"]+)"', person.text).group(1)

    person.send(address, role="staff", doctor_ids=str(clinic.doctor_id), q="dana")

    assert person.path == "/people"
    assert "Staff" in person.text
    assert f'value="{clinic.doctor_id}"' in person.text


@pytest.mark.parametrize("role", [Role.PATIENT, Role.STAFF, Role.OPERATOR])
def test_nobody_else_sees_the_page(person, enter, role):
    enter(person, role, "x@example.org")

    assert person.open("/people").status_code == 403


def test_a_name_that_looks_like_a_script_is_shown_as_it_is(person, somebody_else, enter, parts):
    evil = NewAccount("evil@example.org", "<script>alert(1)</script>", parts.passwords.hash(PASSWORD))
    parts.database.run(lambda tx: add_account(tx, evil))
    enter(person, Role.ADMIN, "alex@example.org")

    person.open("/people")

    assert "<script>alert(1)" not in person.text
    assert "&lt;script&gt;alert(1)" in person.text


def test_what_is_booked_while_logged_in_is_in_ones_own_list(person, enter, clinic):
    slot_id = clinic.add_slot()
    enter(person, Role.PATIENT, "ann@example.org")
    person.open("/")
    person.send("/holds", slot_id=str(slot_id))
    assert 'value="ann@example.org"' in person.text
    held = person.path
    person.send(held, patient_name="Ann Example", patient_email="ann@example.org")
    person.send(f"{held}/confirm")

    person.open("/my")

    assert "Dr. Ada Probe" in person.text
    assert "Upcoming <small>1</small>" in person.text


def test_somebody_else_does_not_see_it(person, somebody_else, enter, clinic):
    clinic.book_elsewhere(clinic.add_slot())
    enter(person, Role.PATIENT, "ann@example.org")

    person.open("/my")

    assert "Nothing is booked" in person.text
