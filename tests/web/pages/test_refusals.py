"""What the losers of a race and the unlucky are told."""

import re

import pytest
from flask import Flask

from tests.web.pages.conftest import Clinic, Person
from tests.web.pages.test_booking_flow import book, take


def test_a_taken_time_is_told_with_the_nearest_alternatives(person: Person, clinic: Clinic) -> None:
    taken, *others = (clinic.add_slot(48 + number) for number in range(5))
    clinic.book_elsewhere(taken)
    person.open(f"/doctors/{clinic.doctor_id}")

    answer = person.send("/holds", slot_id=str(taken))

    assert answer.status_code == 409
    assert re.fullmatch(r"\d\d:00 was just taken by someone else", person.heading)
    assert "Nothing was saved" in answer.text
    assert re.findall(r'name="slot_id" value="(\d+)"', answer.text) == [str(other) for other in others[:3]]
    assert "try again" not in answer.text.lower()


def test_a_held_time_says_for_how_long(person: Person, clinic: Clinic) -> None:
    slot_id = clinic.add_slot()
    clinic.hold_elsewhere(slot_id)
    person.open(f"/doctors/{clinic.doctor_id}")

    answer = person.send("/holds", slot_id=str(slot_id))

    assert "is on hold for someone else" in person.heading
    assert "about 2 minutes to finish" in answer.text
    assert 1 <= int(answer.headers["Retry-After"]) <= 120


def test_a_time_that_passed_is_told_as_passed(person: Person, clinic: Clinic) -> None:
    slot_id = clinic.add_slot(-2)
    person.open(f"/doctors/{clinic.doctor_id}")

    assert person.send("/holds", slot_id=str(slot_id)).status_code == 422
    assert person.heading.endswith("has passed")


def test_an_alternative_is_one_press_away(person: Person, clinic: Clinic) -> None:
    taken, other = clinic.add_slot(48), clinic.add_slot(49)
    clinic.book_elsewhere(taken)
    take(person, clinic, taken)

    person.send("/holds", slot_id=str(other))

    assert person.heading == "Who is the appointment for?"


def test_too_many_extensions_say_so(person: Person, clinic: Clinic) -> None:
    held = take(person, clinic, clinic.add_slot())
    for _ in range(10):
        person.send(f"{held}/extend")

    answer = person.send(f"{held}/extend")

    assert answer.status_code == 409
    assert person.heading == "This hold cannot be extended again"
    assert f'href="{held}"' in answer.text


@pytest.mark.parametrize("token", ["x", "A" * 43, "%00", "../../etc/passwd"])
@pytest.mark.parametrize("path", ["/m/{}", "/hold/{}", "/m/{}/cancel", "/m/{}/move", "/m/{}/appointment.ics"])
def test_an_unknown_link_reveals_nothing(person: Person, path: str, token: str) -> None:
    answer = person.open(path.format(token))

    assert answer.status_code == 404
    assert person.heading == "There is nothing here"


def test_a_forged_link_is_told_the_same_as_an_unknown_one(person: Person, clinic: Clinic) -> None:
    real = book(person, clinic, clinic.add_slot())
    forged = real[:-1] + ("A" if real[-1] != "A" else "E")

    assert person.open(real).status_code == 200
    assert person.open(forged).status_code == 404


def test_failures_carry_the_number_to_report(person: Person) -> None:
    answer = person.client.get("/nothing", headers={"X-Correlation-ID": "report-me-0001"})

    assert answer.status_code == 404
    assert "report-me-0001" in answer.text


def test_programs_still_get_problem_json(person: Person) -> None:
    answer = person.client.get("/nothing", headers={"Accept": "application/json"})

    assert answer.content_type == "application/problem+json"


def test_a_crash_is_told_in_general_words(app: Flask, person: Person) -> None:
    app.view_functions["pages.find_booking"] = lambda: 1 / 0

    answer = person.open("/find")

    assert answer.status_code == 500
    assert person.heading == "Something went wrong on our side"
    assert "division" not in answer.text


def test_without_a_database_the_page_says_so_and_the_same_step_is_offered(app: Flask, person: Person) -> None:
    from app.errors import Unavailable

    def unavailable() -> str:
        raise Unavailable("The database does not answer.", retry_after_seconds=5)

    app.view_functions["pages.choose"] = unavailable

    answer = person.open("/")

    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
    assert "Try again" in answer.text
