"""Another site cannot post our forms (security row 20)."""

import pytest
from flask.testing import FlaskClient

from tests.web.pages.conftest import ORIGIN, Clinic, Person, hidden_fields
from tests.web.pages.test_booking_flow import book

OURS = {"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"}


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "http://localhost.evil.example"},
        {"Origin": "null"},
        {"Origin": ORIGIN, "Sec-Fetch-Site": "cross-site"},
        {"Origin": ORIGIN, "Sec-Fetch-Site": "same-site"},
        {},
    ],
)
def test_a_form_posted_from_elsewhere_is_refused(
    person: Person, clinic: Clinic, headers: dict[str, str]
) -> None:
    slot_id = clinic.add_slot()
    fields = hidden_fields(person.open("/find").text)

    answer = person.client.post("/holds", data={**fields, "slot_id": str(slot_id)}, headers=headers)

    assert answer.status_code == 403
    assert clinic.bookings() == []


@pytest.mark.parametrize("token", ["", "x" * 64, "caf\N{LATIN SMALL LETTER E WITH ACUTE}"])
def test_a_form_without_our_token_is_refused(person: Person, clinic: Clinic, token: str) -> None:
    slot_id = clinic.add_slot()
    person.open("/find")

    answer = person.client.post("/holds", data={"form_token": token, "slot_id": str(slot_id)}, headers=OURS)

    assert answer.status_code == 403
    assert clinic.bookings() == []


def test_the_token_of_another_browser_is_refused(
    person: Person, somebody_else: Person, clinic: Clinic
) -> None:
    slot_id = clinic.add_slot()
    stolen = hidden_fields(somebody_else.open("/find").text)
    person.open("/find")

    answer = person.client.post("/holds", data={**stolen, "slot_id": str(slot_id)}, headers=OURS)

    assert answer.status_code == 403


def test_a_token_without_its_cookie_is_refused(client: FlaskClient, person: Person, clinic: Clinic) -> None:
    fields = hidden_fields(person.open("/find").text)
    client.delete_cookie("oneslot_form")

    answer = client.post("/holds", data={**fields, "slot_id": str(clinic.add_slot())}, headers=OURS)

    assert answer.status_code == 403


def test_cookies_are_hidden_from_scripts_and_other_sites(person: Person, clinic: Clinic) -> None:
    slot_id = clinic.add_slot()
    first = person.open("/").headers["Set-Cookie"]
    held = person.send("/holds", follow=False, slot_id=str(slot_id)).headers["Set-Cookie"]

    for cookie in (first, held):
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie


def test_with_https_the_browser_guards_the_cookies_itself(client: FlaskClient) -> None:
    cookie = client.get("/find", base_url="https://localhost").headers["Set-Cookie"]

    assert cookie.startswith("__Host-oneslot_form=")
    assert "Secure" in cookie


def test_looking_changes_nothing(person: Person, clinic: Clinic) -> None:
    page = book(person, clinic, clinic.add_slot())
    before = clinic.bookings()

    for path in (page, f"{page}/cancel", f"{page}/move", f"{page}/appointment.ics"):
        assert person.open(path).status_code == 200

    assert clinic.bookings() == before
