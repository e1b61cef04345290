"""Why is this time not offered? Answered where one misses it."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from tests.web.pages.conftest import Clinic, Person


def test_the_reason_is_told_for_the_asked_time(person: Person, clinic: Clinic) -> None:
    free, booked = clinic.add_slot(48), clinic.add_slot(48.5)
    clinic.book_elsewhere(booked)
    local = clinic.slot(booked).starts_at.astimezone(ZoneInfo("Europe/Berlin"))
    path = f"/doctors/{clinic.doctor_id}?date={local.date()}"

    assert f"{local:%H:%M}: This time is already booked." in person.open(f"{path}&ask={local:%H:%M}").text
    assert "The doctor offers no time then." in person.open(f"{path}&ask=03:33").text
    assert person.open(f"{path}&ask=nonsense").status_code == 200
    other = clinic.slot(free).starts_at.astimezone(ZoneInfo("Europe/Berlin"))
    page = person.open(f"/doctors/{clinic.doctor_id}?date={other.date()}&ask={other:%H:%M}").text
    assert "It is free; choose it above." in page
