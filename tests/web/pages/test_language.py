"""In which language a page answers, and how a reader changes it."""

import re
from html import unescape

import pytest
from flask.testing import FlaskClient

from app.languages import texts
from tests.web.conftest import make_app
from tests.web.pages.conftest import Clinic, Person

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
