"""Repeating an appointment without JavaScript: see the times, book them, change one or all (N24)."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlencode

import pytest

from app.web.pages.guests import token_of
from tests.web.pages.conftest import Clinic, Person
from tests.web.pages.desk.conftest import log_in

DAILY = {"frequency": "daily", "every": "1", "count": "3"}


@pytest.fixture
def slots(clinic: Clinic) -> list[int]:
    return [clinic.add_slot(48 + 24 * day) for day in range(3)]


@pytest.fixture
def path(app: Any, clinic: Clinic, slots: list[int]) -> str:
    """The page of a booked appointment."""
    with app.app_context():
        return f"/m/{token_of(clinic.book_elsewhere(slots[0]))}"


def states(clinic: Clinic, slots: list[int]) -> list[str]:
    return [clinic.slot(each).state for each in slots]


def book(person: Person, path: str, **changes: str) -> None:
    person.open(f"{path}/series?{urlencode({**DAILY, **changes})}")
    person.send(f"{path}/series", **DAILY, **{"take": "all", **changes})


def test_one_sees_the_times_and_books_all_of_them(
    person: Person, clinic: Clinic, slots: list[int], path: str
) -> None:
    assert f"{path}/series" in person.open(path).text
    person.open(f"{path}/series?{urlencode(DAILY)}")
    assert "2 more times, and all of them are free" in person.text
    assert states(clinic, slots) == ["BOOKED", "OPEN", "OPEN"], "looking books nothing"

    person.send(f"{path}/series", **DAILY, take="all")

    assert person.heading == "3 times with Dr. Ada Probe"
    assert states(clinic, slots) == ["BOOKED"] * 3


def test_what_is_not_free_is_told_with_times_nearby_and_the_rest_can_be_had(
    person: Person, clinic: Clinic, slots: list[int], path: str
) -> None:
    clinic.book_elsewhere(slots[1])
    clinic.add_slot(73)

    person.open(f"{path}/series?{urlencode(DAILY)}")
    assert "1 of 2 more times are free" in person.text
    assert "Free nearby" in person.text
    assert "Book the free one" in person.text
    person.send(f"{path}/series", **DAILY, take="free")

    assert person.heading == "2 times with Dr. Ada Probe"


def test_who_is_too_late_for_one_books_nothing_and_sees_which(
    person: Person, clinic: Clinic, slots: list[int], path: str
) -> None:
    person.open(f"{path}/series?{urlencode(DAILY)}")
    clinic.book_elsewhere(slots[1])

    answer = person.send(f"{path}/series", **DAILY, take="all")

    assert answer.status_code == 409
    assert "1 of 2 times is not free. Nothing was booked." in person.text
    assert states(clinic, slots) == ["BOOKED", "BOOKED", "OPEN"]


@pytest.mark.parametrize(
    "wrong", [{"every": "0"}, {"count": "1"}, {"count": "90"}, {"until": "2001-01-01"}, {"every": "x"}]
)
def test_a_wrong_rule_is_told_at_its_field_and_what_was_typed_stays(
    person: Person, path: str, wrong: dict[str, str]
) -> None:
    answer = person.open(f"{path}/series?{urlencode({**DAILY, **wrong})}")

    (name,) = wrong
    assert answer.status_code == 422
    assert f'id="{name}-wrong"' in person.text
    assert re.search(f'name="{name}"[^>]*value="{wrong[name]}"', person.text)


@pytest.mark.parametrize(
    ("scope", "left"),
    [
        ("one", ["BOOKED", "OPEN", "BOOKED"]),
        ("following", ["BOOKED", "OPEN", "OPEN"]),
        ("all", ["OPEN", "OPEN", "OPEN"]),
    ],
)
def test_one_the_following_or_all_are_cancelled(
    person: Person, clinic: Clinic, slots: list[int], path: str, scope: str, left: list[str]
) -> None:
    book(person, path)
    second = re.findall(r'class="mine__one[^"]*" href="(/m/[^"]+)"', person.text)[1]
    person.open(f"{second}/cancel")
    assert "This and the following ones" in person.text

    person.send(f"{second}/cancel", scope=scope)

    assert states(clinic, slots) == left


def test_all_are_moved_by_the_move_of_one(
    person: Person, clinic: Clinic, slots: list[int], path: str
) -> None:
    later = [clinic.add_slot(50 + 24 * day) for day in range(3)]
    book(person, path)
    person.open(f"{path}/move/check?slot_id={later[0]}")
    assert "All that are to come" in person.text

    person.send(f"{path}/move", slot_id=str(later[0]), scope="all")

    assert states(clinic, slots) == ["OPEN"] * 3
    assert states(clinic, later) == ["BOOKED"] * 3


def test_a_move_of_all_that_cannot_be_says_which_time_is_taken(
    person: Person, clinic: Clinic, slots: list[int], path: str
) -> None:
    later = [clinic.add_slot(50 + 24 * day) for day in range(3)]
    book(person, path)
    clinic.book_elsewhere(later[2])
    person.open(f"{path}/move/check?slot_id={later[0]}")

    answer = person.send(f"{path}/move", slot_id=str(later[0]), scope="all")

    assert answer.status_code == 409
    assert "Nothing was moved." in person.text
    assert states(clinic, slots) == ["BOOKED"] * 3


def test_an_appointment_that_is_not_repeated_asks_nothing_about_a_series(person: Person, path: str) -> None:
    assert 'name="scope"' not in person.open(f"{path}/cancel").text


def test_the_desk_repeats_from_the_board(
    app: Any, person: Person, clinic: Clinic, slots: list[int], path: str
) -> None:
    log_in(app, person, "staff", "/desk")
    day = clinic.slot(slots[0]).starts_at.date()

    panel = person.open(f"/desk?date={day.isoformat()}&slot={slots[0]}").text

    link = re.search(r'href="(/m/[^"]+/series)"', panel)
    assert link is not None
    assert person.open(link.group(1)).status_code == 200
