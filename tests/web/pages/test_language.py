"""In which language a page answers, and how a reader changes it."""

import re
from html import unescape

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from app.accounts.actions import NewAccount, add_account
from app.accounts.principals import Role
from app.languages import texts
from app.tables import User
from tests.web.conftest import PASSWORD, make_app
from tests.web.pages.conftest import Clinic, Person
from tests.web.pages.test_booking_flow import book

GERMAN = {"Accept-Language": "de-AT,de;q=0.9,en;q=0.5"}


@pytest.mark.parametrize(
    ("asked", "language"),
    [
        ("de", "de"),
        ("de-CH, en;q=0.5", "de"),
        ("en-GB", "en"),
        ("fr, de;q=0.3", "de"),
        ("fr", "en"),
        ("*", "en"),
    ],
)
def test_a_page_follows_the_browser(client: FlaskClient, asked: str, language: str) -> None:
    answer = client.get("/find", headers={"Accept-Language": asked})

    assert f'<html lang="{language}" dir="ltr">' in answer.text
    assert answer.headers["Content-Language"] == language
    assert {"Accept-Language", "Cookie"} <= set(answer.vary.as_set(preserve_casing=True))


def test_the_clinic_decides_when_the_browser_asks_for_nothing_we_have(sqlite_url: str) -> None:
    client = make_app(sqlite_url, CLINIC_LANGUAGE="de").test_client()

    assert '<html lang="de"' in client.get("/find").text
    assert '<html lang="de"' in client.get("/find", headers={"Accept-Language": "fr"}).text
    assert '<html lang="en"' in client.get("/find", headers={"Accept-Language": "en"}).text


def test_the_readers_choice_outlives_the_browsers(person: Person, clinic: Clinic) -> None:
    clinic.add_slot()
    person.open("/?q=clinic&specialization=Heart+care")
    here = unescape(re.search(r'name="page" value="([^"]+)"', person.text)[1])

    answer = person.send("/language", language="de", page=here)

    assert dict(answer.request.args) == {"q": "clinic", "specialization": "Heart care"}
    assert '<html lang="de"' in answer.text
    person.open("/find")
    assert '<html lang="de"' in person.text
    assert '<html lang="en"' in person.send("/language", language="en").text


@pytest.mark.parametrize(
    "page", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:1"]
)
def test_choosing_a_language_leads_to_no_other_site(person: Person, page: str) -> None:
    person.open("/find")

    answer = person.send("/language", follow=False, language="de", page=page)

    assert answer.location == "/"


def test_an_unknown_language_changes_nothing(person: Person) -> None:
    person.open("/find")

    answer = person.send("/language", language="xx")

    assert '<html lang="en"' in answer.text
    assert person.client.get_cookie("oneslot_language") is None


def test_programs_read_english_whatever_they_accept(client: FlaskClient) -> None:
    answer = client.get("/api/bookings/nothing", headers={**GERMAN, "Accept": "text/html"})

    assert answer.status_code == 404
    assert answer.json["detail"] == "There is nothing at this address."
    assert "Content-Language" not in answer.headers


def test_no_request_leaves_its_language_behind(client: FlaskClient) -> None:
    client.get("/find", headers=GERMAN)

    assert texts.language() == "en"
    assert '<html lang="en"' in client.get("/find").text


def test_what_is_booked_on_a_german_page_is_remembered_as_german(person: Person, clinic: Clinic) -> None:
    person.open("/find")
    person.send("/language", language="de")

    book(person, clinic, clinic.add_slot())

    assert "Termin gebucht" in person.text
    assert [each.language for each in clinic.bookings()] == ["de"]


def test_the_account_of_who_chooses_remembers_it(person: Person, clinic: Clinic) -> None:
    parts = clinic.parts
    account = NewAccount("ann@example.org", "Ann", parts.passwords.hash(PASSWORD), Role.PATIENT)
    parts.database.run(lambda tx: add_account(tx, account))
    person.open("/login")
    person.send("/login", email=account.email, password=PASSWORD)

    person.send("/language", language="de")

    with parts.database.read() as connection:
        assert connection.execute(select(User.language)).scalars().all() == ["de"]


def test_a_refusal_is_told_in_the_readers_language(person: Person, clinic: Clinic) -> None:
    answer = person.client.get("/nowhere", headers=GERMAN)

    assert answer.status_code == 404
    assert "Hier ist nichts" in answer.text
