"""Public holidays: proposed, looked at, applied (N23, H6)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert, select, update

from app.tables import Closure, Doctor, Slot
from tests.web.pages.conftest import Clinic, Person

BERLIN, LORD_HOWE = ZoneInfo("Europe/Berlin"), ZoneInfo("Australia/Lord_Howe")
NEXT_YEAR = datetime.now(UTC).year + 1
ASKED = {"country": "DE", "region": "", "year": str(NEXT_YEAR)}


def add_slot(clinic: Clinic, doctor_id: int, starts_at: datetime) -> int:
    at = starts_at.astimezone(UTC)
    values = {"doctor_id": doctor_id, "starts_at": at, "ends_at": at + timedelta(minutes=30)}
    with clinic.parts.database.transaction() as tx:
        return tx.execute(insert(Slot).values(values).returning(Slot.id)).scalar_one()


def closures(clinic: Clinic) -> list[Any]:
    with clinic.parts.database.read() as connection:
        query = select(Closure.doctor_id, Closure.starts_at, Closure.ends_at, Closure.reason)
        return list(connection.execute(query.order_by(Closure.starts_at)))


def test_a_day_is_shown_with_what_it_does_then_closed_by_each_doctors_clock(
    chief: Person, clinic: Clinic, colleague: int
) -> None:
    with clinic.parts.database.transaction() as tx:
        tx.execute(update(Doctor).where(Doctor.id == colleague).values(timezone=LORD_HOWE.key))
    booked = add_slot(clinic, clinic.doctor_id, datetime(NEXT_YEAR, 10, 3, 9, tzinfo=BERLIN))
    free = add_slot(clinic, clinic.doctor_id, datetime(NEXT_YEAR, 10, 3, 10, tzinfo=BERLIN))
    far = add_slot(clinic, colleague, datetime(NEXT_YEAR, 10, 3, 1, tzinfo=LORD_HOWE))
    day_after = add_slot(clinic, colleague, datetime(NEXT_YEAR, 10, 4, 1, tzinfo=LORD_HOWE))
    clinic.book_elsewhere(booked)

    chief.open(f"/admin/holidays?{urlencode(ASKED)}")
    assert "2 free times go" in chief.text
    assert "1 booking is affected" in chief.text
    assert "09:00 Some Body" in chief.text
    assert closures(clinic) == [], "looking closes nothing"
    chief.send("/admin/holidays", **ASKED, day=[f"{NEXT_YEAR}-10-03"])

    assert [clinic.slot(each).state for each in (booked, free, far, day_after)] == [
        "BOOKED",
        "BLOCKED",
        "BLOCKED",
        "OPEN",
    ]
    begins = {each.doctor_id: each.starts_at for each in closures(clinic)}
    assert begins == {
        clinic.doctor_id: datetime(NEXT_YEAR, 10, 3, tzinfo=BERLIN),
        colleague: datetime(NEXT_YEAR, 10, 3, tzinfo=LORD_HOWE),
    }
    assert "closed already" in chief.text


def test_closing_twice_closes_once(chief: Person, clinic: Clinic) -> None:
    days = [f"{NEXT_YEAR}-01-01", f"{NEXT_YEAR}-05-01"]
    for _ in range(2):
        chief.open(f"/admin/holidays?{urlencode(ASKED)}")
        chief.send("/admin/holidays", **ASKED, day=days)

    assert len(closures(clinic)) == 2


def test_only_a_holiday_that_was_proposed_is_closed(chief: Person, clinic: Clinic) -> None:
    chief.open(f"/admin/holidays?{urlencode(ASKED)}")

    answer = chief.send("/admin/holidays", **ASKED, day=[f"{NEXT_YEAR}-10-04"])

    assert answer.status_code == 422
    assert closures(clinic) == []


@pytest.mark.parametrize("wrong", [{"country": "XX"}, {"year": "1999"}, {"year": "soon"}])
def test_what_cannot_be_asked_is_told(chief: Person, clinic: Clinic, wrong: dict[str, str]) -> None:
    assert chief.open(f"/admin/holidays?{urlencode({**ASKED, **wrong})}").status_code == 422


def test_the_clinics_own_country_is_chosen_first(chief: Person, clinic: Clinic) -> None:
    assert '<option value="DE" selected>' in chief.open("/admin/holidays").text
