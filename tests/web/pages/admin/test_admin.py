"""The administration without JavaScript (H5, H6, J3, A1, A4 to A6, A24, A25)."""

from __future__ import annotations

import re
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from sqlalchemy import func, select

from app.clinic import rules
from app.directory.hours import read_week
from app.tables import Closure, Doctor, Slot
from tests.web.pages.conftest import Clinic, Person

WEEK = {
    "opens-0-0": "09:00", "closes-0-0": "12:00", "minutes-0-0": "30",
    "opens-0-1": "13:00", "closes-0-1": "15:00", "minutes-0-1": "60",
}  # fmt: skip


def test_the_front_desk_is_not_the_administration(receptionist: Person) -> None:
    assert receptionist.open("/admin").status_code == 403


def test_a_doctor_is_added_and_changed(chief: Person, clinic: Clinic) -> None:
    chief.open("/admin/doctors/new")
    chief.send(
        "/admin/doctors/new", name="Dr. Nina New", specialization="Neurology", email="nina@example.org"
    )
    assert chief.heading == "Dr. Nina New"

    chief.send(chief.path, name="Dr. Nina Newer", specialization="Neurology", email="nina@example.org")

    assert "The doctor is saved." in chief.text
    with clinic.parts.database.read() as connection:
        assert "Dr. Nina Newer" in connection.execute(select(Doctor.name)).scalars().all()


def test_two_doctors_cannot_have_one_address_and_what_was_typed_stays(chief: Person, clinic: Clinic) -> None:
    fields = {"name": "Dr. Nina New", "specialization": "Neurology", "email": "nina@example.org"}
    chief.open("/admin/doctors/new")
    chief.send("/admin/doctors/new", **fields)
    chief.open("/admin/doctors/new")

    chief.send("/admin/doctors/new", **fields)

    assert chief.page is not None
    assert chief.page.status_code == 422
    assert "Another doctor has this e-mail address." in chief.text
    assert 'value="Dr. Nina New"' in chief.text


def test_a_doctor_with_bookings_is_shown_with_them_and_the_safe_way(chief: Person, clinic: Clinic) -> None:
    clinic.book_elsewhere(clinic.add_slot())
    path = f"/admin/doctors/{clinic.doctor_id}"
    chief.open(path)
    assert "1 booking is still to come" in chief.text
    assert "Some Body" in chief.text
    assert f'{path}/delete"' not in chief.text

    chief.send(f"{path}/delete")

    assert chief.page is not None
    assert chief.page.status_code == 409


def test_a_doctor_without_bookings_goes(chief: Person, clinic: Clinic) -> None:
    chief.open(f"/admin/doctors/{clinic.doctor_id}")

    chief.send(f"/admin/doctors/{clinic.doctor_id}/delete")

    assert "no longer offered" in chief.text
    with clinic.parts.database.read() as connection:
        assert connection.execute(select(Doctor.deleted_at)).scalar_one() is not None


def test_opening_hours_keep_a_break(chief: Person, clinic: Clinic) -> None:
    chief.open(f"/admin/doctors/{clinic.doctor_id}")

    chief.send(f"/admin/doctors/{clinic.doctor_id}/hours", **WEEK)

    with clinic.parts.database.read() as connection:
        week = read_week(connection, clinic.doctor_id)
    assert [(each.weekday, each.opens_minute, each.closes_minute) for each in week] == [
        (0, 540, 720),
        (0, 780, 900),
    ]
    assert 'value="13:00"' in chief.text


@pytest.mark.parametrize(
    "wrong",
    [
        {"opens-0-1": "11:00"},
        {"closes-0-0": "08:00"},
        {"opens-0-0": "nine"},
        {"minutes-0-0": "2"},
        {"opens-0-0": "09:77"},
    ],
)
def test_hours_that_cannot_be_are_told(chief: Person, clinic: Clinic, wrong: dict[str, str]) -> None:
    chief.open(f"/admin/doctors/{clinic.doctor_id}")

    chief.send(f"/admin/doctors/{clinic.doctor_id}/hours", **{**WEEK, **wrong})

    assert chief.page is not None
    assert chief.page.status_code == 422
    assert "There is a problem" in chief.text
    (typed,) = wrong.values()
    assert f'value="{typed}"' in chief.text
    assert re.search(r'name="name"[^>]* value="[^"]+"', chief.text), "the doctor's own fields are empty"


def test_that_a_doctor_has_no_hours_is_said_without_the_name_of_a_field(
    chief: Person, clinic: Clinic
) -> None:
    asked = {"doctor_id": str(clinic.doctor_id), "how": "hours", "first": "2099-11-23", "last": "2099-11-23"}

    chief.open(f"/admin/slots?{urlencode(asked)}")

    assert ">This doctor has no opening hours yet" in chief.text


def test_the_preview_is_exactly_what_is_then_made(chief: Person, clinic: Clinic) -> None:
    chief.open(f"/admin/doctors/{clinic.doctor_id}")
    chief.send(f"/admin/doctors/{clinic.doctor_id}/hours", **WEEK)
    asked = {"doctor_id": str(clinic.doctor_id), "how": "hours", "first": "2099-11-23", "last": "2099-12-06"}

    chief.open(f"/admin/slots?{urlencode(asked)}")
    assert "16 times will be made" in chief.text
    shown = re.findall(r"\d\d:\d\d", chief.text.split("<tbody>")[1].split("</tbody>")[0])
    assert shown == ["09:00", "09:30", "10:00", "10:30", "11:00", "11:30", "13:00", "14:00"] * 2
    chief.send("/admin/slots", **asked)

    with clinic.parts.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(Slot)).scalar_one() == 16
    chief.open(f"/admin/slots?{urlencode(asked)}")
    assert "0 times will be made, 16 left out" in chief.text
    assert "is there already" in chief.text


def test_the_example_of_the_source_gives_eighty(chief: Person, clinic: Clinic) -> None:
    """O-1: 15 December 2024 is a Sunday, as 13 December 2099 is: five weekdays of sixteen half hours."""
    asked = {
        "doctor_id": str(clinic.doctor_id), "how": "window", "first": "2099-12-13", "last": "2099-12-18",
        "opens": "09:00", "closes": "17:00", "minutes": "30",
    }  # fmt: skip

    chief.open(f"/admin/slots?{urlencode(asked)}")

    assert "80 times will be made" in chief.text


def test_a_day_is_closed_for_everybody(chief: Person, clinic: Clinic, colleague: int) -> None:
    slot_id = clinic.add_slot()
    day = clinic.slot(slot_id).starts_at.astimezone(clinic.parts.config.zone).date()
    chief.open("/admin/slots")

    chief.send("/admin/holiday", day=day.isoformat(), reason="Public holiday")

    assert clinic.slot(slot_id).state == "BLOCKED"
    with clinic.parts.database.read() as connection:
        assert set(connection.execute(select(Closure.doctor_id)).scalars()) == {clinic.doctor_id, colleague}
    assert "closed for everybody" in chief.text
    asked = {
        "doctor_id": str(colleague), "how": "window", "first": day.isoformat(), "opens": "09:00",
        "closes": "17:00", "minutes": "30", "weekends": "yes",
    }  # fmt: skip
    assert "0 times will be made, 16 left out" in chief.open(f"/admin/slots?{urlencode(asked)}").text


def test_bookings_are_narrowed_by_doctor_status_and_day(chief: Person, clinic: Clinic) -> None:
    booking = clinic.book_elsewhere(clinic.add_slot())
    day = clinic.bookings()[0].starts_at.astimezone(clinic.parts.config.zone).date()

    def shows(**asked: str) -> bool:
        return booking["reference"] in chief.open(f"/admin/bookings?{urlencode(asked)}").text

    assert shows(
        doctor_id=str(clinic.doctor_id), status="CONFIRMED", first=day.isoformat(), last=day.isoformat()
    )
    assert not shows(status="CANCELLED")
    assert not shows(doctor_id="999")
    assert not shows(first=(day + timedelta(days=1)).isoformat())
    assert shows(status="nonsense", doctor_id="x", first="never")


def test_the_rules_are_kept_and_bounded(chief: Person, clinic: Clinic) -> None:
    chief.open("/admin/settings")
    chief.send("/admin/settings", change_until_hours="48", reminder_hours="24", waitlist_minutes="0")
    assert chief.page is not None
    assert chief.page.status_code == 422
    chief.open("/admin/settings")

    chief.send(
        "/admin/settings",
        change_until_hours="48",
        reminder_hours="12",
        waitlist_minutes="20",
        desk_may_overbook="yes",
    )

    with clinic.parts.database.read() as connection:
        kept = rules.read(connection)
    assert kept == rules.ClinicRules(48, 12, True, 20)


def test_every_page_opens(chief: Person, clinic: Clinic) -> None:
    for page in (
        "",
        "/doctors/new",
        f"/doctors/{clinic.doctor_id}",
        "/slots",
        "/bookings",
        "/settings",
    ):
        assert chief.open(f"/admin{page}").status_code == 200
