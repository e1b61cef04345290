"""Finding a doctor, and the calendar of one."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import insert

from app.tables import Doctor
from app.web.pages.choose import initials
from tests.web.pages.conftest import Clinic, Person


def add_doctor(clinic: Clinic, name: str, specialization: str = "Dermatology") -> int:
    values = {"name": name, "specialization": specialization, "timezone": "Europe/Berlin"}
    with clinic.parts.database.transaction() as tx:
        return tx.execute(insert(Doctor).values(values).returning(Doctor.id)).scalar_one()


def names(html: str) -> list[str]:
    return re.findall(r'<h3><a href="/doctors/\d+">(.*?)</a></h3>', html)


def test_a_doctor_is_listed_with_the_next_free_time_as_a_button(person: Person, clinic: Clinic) -> None:
    clinic.add_slot(72)
    soonest = clinic.add_slot(48)

    page = person.open("/").text

    assert names(page) == ["Dr. Ada Probe"]
    assert re.findall(r'name="slot_id" value="(\d+)"', page) == [str(soonest)] * 2  # any doctor, and this one


def test_search_and_specialty_narrow_the_list(person: Person, clinic: Clinic) -> None:
    add_doctor(clinic, "Dr. Ben Skin")

    assert names(person.open("/?q=ben").text) == ["Dr. Ben Skin"]
    assert names(person.open("/?specialization=Cardiology").text) == ["Dr. Ada Probe"]
    assert "No doctor matches" in person.open("/?q=zzz").text


@pytest.mark.parametrize("query", ["%00", "%", "_", "'", "%3Cscript%3E", "x" * 500, "%FF"])
def test_odd_searches_find_nothing_and_break_nothing(person: Person, clinic: Clinic, query: str) -> None:
    answer = person.open(f"/?q={query}&specialization={query}")

    assert answer.status_code == 200
    assert "<script>" not in answer.text


def test_many_doctors_come_in_pages(person: Person, clinic: Clinic) -> None:
    for number in range(20):
        add_doctor(clinic, f"Dr. Number {number:02}")

    first = person.open("/").text
    following = re.search(r'href="(/\?cursor=[^"]+)">More doctors', first)
    assert following is not None
    second = person.open(following.group(1).replace("&amp;", "&")).text

    assert len(names(first)) == 12
    assert len(set(names(first) + names(second))) == 21
    assert "More doctors" not in second


def test_the_first_day_with_a_free_time_is_chosen_already(person: Person, clinic: Clinic) -> None:
    slot_id = clinic.add_slot(48)

    page = person.open(f"/doctors/{clinic.doctor_id}").text

    assert f'value="{slot_id}"' in page
    assert page.count('aria-current="true"') == 1


def test_an_empty_month_names_the_next_available_day(person: Person, clinic: Clinic) -> None:
    start = clinic.slot(clinic.add_slot(24 * 70)).starts_at
    empty = (start.replace(day=1) - timedelta(days=1)).strftime("%Y-%m")

    page = person.open(f"/doctors/{clinic.doctor_id}?month={empty}").text

    assert "No free times in" in page
    assert f"Next available is {start:%a} {start.day} {start:%b}" in page


def test_a_doctor_without_times_says_so(person: Person, clinic: Clinic) -> None:
    assert "has no free times at the moment" in person.open(f"/doctors/{clinic.doctor_id}").text


@pytest.mark.parametrize(
    "query", ["date=2026-02-30", "date=x", "month=9999-99", "date=0001-01-01", "month=", "date=2099-12-31"]
)
def test_days_that_do_not_exist_show_the_usual_day(person: Person, clinic: Clinic, query: str) -> None:
    clinic.add_slot()

    assert person.open(f"/doctors/{clinic.doctor_id}?{query}").status_code == 200


@pytest.mark.parametrize(
    ("name", "letters"),
    [("Dr. Amara Okafor", "AO"), ("Prof. Dr. Jan van Dyk", "JD"), ("Sofia", "S"), ("Dr.", "D")],
)
def test_initials_leave_titles_out(name: str, letters: str) -> None:
    assert initials(name) == letters
