"""The front desk without JavaScript: every step is a page and a form."""

from __future__ import annotations

import csv
import io
import re
from uuid import UUID

import pytest
from sqlalchemy import func, insert, select, update

from app.booking.actions import GUEST, Claim, PatientDetails, hold_slot
from app.clinic import rules
from app.clinic.rules import ClinicRules
from app.directory.patients import PatientDraft, create_patient
from app.tables import AuditEntry, Booking, Notice, Patient, Slot
from app.web.pages.desk import board
from app.web.pages.desk.lists import harmless
from tests.web.pages.conftest import Clinic, Person
from tests.web.pages.desk.conftest import day_of, log_in, make_current

ANNA = PatientDetails("Anna Example", "anna@example.org", "+49 30 1234567", "Cough")


def test_a_stranger_is_asked_to_log_in_and_comes_back_to_the_board(
    app, person: Person, clinic: Clinic
) -> None:
    person.client.get("/desk?date=2099-11-23")
    asked = person.client.get("/desk?date=2099-11-23", headers={"Accept": "text/html"})

    assert asked.status_code == 303
    assert asked.headers["Location"].startswith("/login?next=/desk")
    assert log_in(app, person, "staff", "/desk?date=2099-11-23").heading.endswith("Monday 23 November 2099")


def test_a_patient_is_not_let_in(app, person: Person, clinic: Clinic) -> None:
    log_in(app, person, "patient")

    assert person.page is not None
    assert person.page.status_code == 403
    assert "This is not for your account" in person.text


def test_the_board_shows_who_has_which_time(receptionist: Person, clinic: Clinic) -> None:
    free, booked = (clinic.add_slot(hours) for hours in (48, 48.5))  # one hour, so never two days
    held = clinic.add_slot(50)
    clinic.book_elsewhere(booked)
    clinic.hold_elsewhere(held)

    receptionist.open(f"/desk?date={day_of(clinic, free)}")

    cards = {
        slot: receptionist.text.split(f'data-slot="{slot}"')[1].split("</li>")[0] for slot in (free, booked)
    }
    assert 'data-card="free"' in cards[free]
    assert "Some Body" in cards[booked]
    receptionist.open(f"/desk?date={day_of(clinic, held)}")
    assert "Somebody on the web" in receptionist.text


def test_a_free_time_is_booked_for_a_patient_on_file(receptionist: Person, clinic: Clinic) -> None:
    slot_id = clinic.add_slot()
    known = create_patient(
        clinic.parts.directory, PatientDraft("Anna Example", "anna@example.org"), "seed"
    ).value
    receptionist.open(f"/desk?date={day_of(clinic, slot_id)}&slot={slot_id}&q=exam")
    assert "Anna Example" in receptionist.text

    receptionist.send("/desk/book", slot_id=str(slot_id), patient_id=known["id"], reason="Cough")

    [booking] = clinic.bookings()
    assert (booking.status, booking.patient_id, booking.patient_name) == (
        "CONFIRMED",
        UUID(known["id"]),
        "Anna Example",
    )
    assert booking.user_id is None
    assert f"slot={slot_id}" in receptionist.page.request.url


def test_somebody_new_is_put_on_file_when_there_is_an_address(receptionist: Person, clinic: Clinic) -> None:
    slot_id = clinic.add_slot()
    receptionist.open(f"/desk?date={day_of(clinic, slot_id)}&slot={slot_id}")

    receptionist.send(
        "/desk/book", slot_id=str(slot_id), patient_name="Nora New", patient_email="nora@example.org"
    )

    with clinic.parts.database.read() as connection:
        assert connection.execute(select(Patient.name)).scalars().all() == ["Nora New"]
    assert clinic.bookings()[0].patient_id is not None


def test_a_child_with_the_mothers_address_is_booked_under_the_own_name(
    receptionist: Person, clinic: Clinic
) -> None:
    slot_id = clinic.add_slot()
    create_patient(clinic.parts.directory, PatientDraft("Mother Example", "family@example.org"), "seed")
    receptionist.open(f"/desk?date={day_of(clinic, slot_id)}&slot={slot_id}")

    receptionist.send(
        "/desk/book", slot_id=str(slot_id), patient_name="Child Example", patient_email="family@example.org"
    )

    [booking] = clinic.bookings()
    assert (booking.patient_name, booking.patient_id) == ("Child Example", None)


def test_nobody_named_is_told_beside_the_form(receptionist: Person, clinic: Clinic) -> None:
    slot_id = clinic.add_slot()
    receptionist.open(f"/desk?date={day_of(clinic, slot_id)}&slot={slot_id}")

    receptionist.send(
        "/desk/book", slot_id=str(slot_id), date=day_of(clinic, slot_id), patient_phone="+49 30 1234567"
    )

    assert receptionist.page.status_code == 422
    assert "Enter the full name of the patient" in receptionist.text
    assert 'value="+49 30 1234567"' in receptionist.text


def test_sent_twice_it_is_booked_once(receptionist: Person, clinic: Clinic) -> None:
    slot_id = clinic.add_slot()
    receptionist.open(f"/desk?date={day_of(clinic, slot_id)}&slot={slot_id}")
    page = receptionist.page

    for _ in range(2):
        receptionist.page = page
        receptionist.send("/desk/book", slot_id=str(slot_id), patient_name="Nora New")
        assert receptionist.page.status_code == 200

    assert len(clinic.bookings()) == 1


def test_a_time_that_went_meanwhile_is_refused_with_the_reason(receptionist: Person, clinic: Clinic) -> None:
    slot_id = clinic.add_slot()
    clinic.add_slot(49)
    receptionist.open(f"/desk?date={day_of(clinic, slot_id)}&slot={slot_id}")
    clinic.book_elsewhere(slot_id)

    receptionist.send("/desk/book", slot_id=str(slot_id), patient_name="Nora New")

    assert receptionist.page.status_code == 409
    assert "already booked" in receptionist.text
    assert 'href="/desk' in receptionist.text
    assert re.search(r"Free nearby: \w{3} \d+ \w{3}, \d\d:\d\d", receptionist.text)


def test_a_program_gets_the_same_refusal_as_a_problem(receptionist: Person, clinic: Clinic) -> None:
    slot_id = clinic.add_slot()
    receptionist.open(f"/desk?date={day_of(clinic, slot_id)}&slot={slot_id}")
    clinic.book_elsewhere(slot_id)
    data = {"form_token": receptionist.form_token, "slot_id": str(slot_id), "patient_name": "Nora New"}
    receptionist.open("/desk")
    from tests.web.pages.conftest import ORIGIN, hidden_fields

    data["form_token"] = hidden_fields(receptionist.text)["form_token"]
    headers = {
        "Origin": ORIGIN,
        "Sec-Fetch-Site": "same-origin",
        "Accept": "application/problem+json, text/html;q=0.9",
    }
    answer = receptionist.client.post("/desk/book", data=data, headers=headers)

    assert (answer.status_code, answer.json["reason"]) == (409, "SLOT_TAKEN")


def test_a_walk_in_gets_the_next_time_of_today_and_has_arrived(receptionist: Person, clinic: Clinic) -> None:
    slot_id = clinic.add_slot(48)
    make_current_open(clinic, slot_id)
    receptionist.open("/desk?panel=walk-in")

    receptionist.send("/desk/walk-in", patient_name="Walter Walk")

    [booking] = clinic.bookings()
    assert (booking.status, booking.patient_name) == ("ARRIVED", "Walter Walk")


def make_current_open(clinic: Clinic, slot_id: int) -> None:
    """A free time that begins in a moment, whatever the hour of the test."""
    from app.database import db_now

    with clinic.parts.database.transaction() as tx:
        tx.execute(update(Slot).where(Slot.id == slot_id).values(starts_at=db_now(20), ends_at=db_now(1820)))


def test_the_way_through_the_visit_is_one_press_each(receptionist: Person, clinic: Clinic) -> None:
    slot_id = clinic.add_slot()
    booking = clinic.book_elsewhere(slot_id)
    make_current(clinic, slot_id)
    receptionist.open(f"/desk?slot={slot_id}")

    for status in ("ARRIVED", "IN_ROOM", "COMPLETED"):
        receptionist.send(f"/desk/bookings/{booking['id']}/status", status=status)
        assert clinic.bookings()[0].status == status


def test_a_status_that_is_none_is_refused(receptionist: Person, clinic: Clinic) -> None:
    booking = clinic.book_elsewhere(clinic.add_slot())
    receptionist.open("/desk")

    receptionist.send(f"/desk/bookings/{booking['id']}/status", status="DANCING")

    assert receptionist.page.status_code == 422


def test_a_booking_moves_and_keeps_its_reference(receptionist: Person, clinic: Clinic) -> None:
    old, new = clinic.add_slot(48), clinic.add_slot(49)
    booking = clinic.book_elsewhere(old)
    receptionist.open(f"/desk?date={day_of(clinic, old)}&move={booking['id']}")
    assert "Move here" in receptionist.text

    receptionist.send(f"/desk/bookings/{booking['id']}/move", slot_id=str(new))

    assert (clinic.slot(old).state, clinic.slot(new).state) == ("OPEN", "BOOKED")
    assert booking["reference"] in receptionist.text


def test_a_booking_is_cancelled_with_a_reason_and_the_patient_told(
    receptionist: Person, clinic: Clinic
) -> None:
    slot_id = clinic.add_slot()
    booking = clinic.book_elsewhere(slot_id)
    receptionist.open(f"/desk?date={day_of(clinic, slot_id)}&slot={slot_id}&panel=cancel")
    assert "They are told by mail" in receptionist.text

    receptionist.send(f"/desk/bookings/{booking['id']}/cancel", cancel_reason="They called.")

    assert (clinic.bookings()[0].status, clinic.bookings()[0].cancel_reason) == ("CANCELLED", "They called.")
    with clinic.parts.database.read() as connection:
        kinds = connection.execute(select(Notice.kind).order_by(Notice.sequence)).scalars().all()
    assert kinds == ["confirmation", "cancellation"]


def test_a_hold_shows_whose_it_is_and_can_be_released(receptionist: Person, clinic: Clinic) -> None:
    slot_id = clinic.add_slot()
    held = hold_slot(clinic.parts.engine, Claim((slot_id,), ANNA), GUEST).value
    receptionist.open(f"/desk?date={day_of(clinic, slot_id)}&slot={slot_id}")
    assert "Anna Example is booking this time" in receptionist.text

    receptionist.send(f"/desk/bookings/{held['id']}/release")

    assert clinic.slot(slot_id).state == "OPEN"


def test_overbooking_is_the_administrators_unless_the_clinic_says_otherwise(
    receptionist: Person, clinic: Clinic
) -> None:
    slot_id = clinic.add_slot()
    clinic.book_elsewhere(slot_id)
    path = f"/desk?date={day_of(clinic, slot_id)}&slot={slot_id}&panel=overbook"
    fields = {"slot_id": str(slot_id), "patient_name": "Ella Extra", "why": "Acute pain"}
    receptionist.open(path)
    assert "may not overbook" in receptionist.text
    receptionist.send("/desk/overbook", **fields)
    assert receptionist.page.status_code == 403

    clinic.parts.database.run(lambda tx: rules.write(tx, ClinicRules(desk_may_overbook=True)))
    receptionist.open(path)
    receptionist.send("/desk/overbook", **fields)

    assert [booking.patient_name for booking in clinic.bookings()] == ["Some Body", "Ella Extra"]
    assert "extra" in receptionist.text
    with clinic.parts.database.read() as connection:
        assert (
            connection.execute(select(func.count()).where(AuditEntry.action == "overbook")).scalar_one() == 1
        )


def test_overbooking_without_a_reason_is_asked_for_one(chief: Person, clinic: Clinic) -> None:
    slot_id = clinic.add_slot()
    clinic.book_elsewhere(slot_id)
    chief.open(f"/desk?date={day_of(clinic, slot_id)}&slot={slot_id}&panel=overbook")

    chief.send(
        "/desk/overbook", slot_id=str(slot_id), date=day_of(clinic, slot_id), patient_name="Ella Extra"
    )

    assert chief.page.status_code == 422
    assert "why this time must hold one more" in chief.text


def test_a_closure_shows_whom_it_affects_and_rebooks_them_in_one_press(
    receptionist: Person, clinic: Clinic, colleague: int
) -> None:
    booked = [clinic.add_slot(48 + hours / 2) for hours in range(3)]
    for slot_id in booked:
        clinic.book_elsewhere(slot_id)
    spare = [clinic.add_slot(96 + hours / 2) for hours in range(3)]
    day = day_of(clinic, booked[0])
    last = day_of(clinic, booked[-1])
    fields = {
        "doctor_id": str(clinic.doctor_id),
        "first": day,
        "begins": "00:00",
        "last": last,
        "ends": "23:59",
        "why": "Ill",
    }
    receptionist.open("/desk/close?" + "&".join(f"{name}={text}" for name, text in fields.items()))
    assert "3 bookings are affected" in receptionist.text
    choices = {f"wish-{booking.id}": "move" for booking in clinic.bookings()}
    import re

    choices |= dict(re.findall(r'name="(slot-[0-9a-f-]+)" value="(\d+)"', receptionist.text))

    receptionist.send("/desk/close", **fields, **choices)

    assert "Nobody is left in the closed time. 3 moved" in receptionist.text
    assert {clinic.slot(each).state for each in booked} == {"BLOCKED"}
    assert {clinic.slot(each).state for each in spare} == {"BOOKED"}
    with clinic.parts.database.read() as connection:
        told = connection.execute(select(func.count()).where(Notice.kind == "reschedule")).scalar_one()
    assert told == 3


def test_whoever_is_left_in_a_closure_is_decided_later_and_the_time_opened_again(
    receptionist: Person, clinic: Clinic
) -> None:
    slot_id, free = clinic.add_slot(48), clinic.add_slot(49)
    booking = clinic.book_elsewhere(slot_id)
    day, last = day_of(clinic, slot_id), day_of(clinic, free)
    fields = {
        "doctor_id": str(clinic.doctor_id),
        "first": day,
        "begins": "00:00",
        "last": last,
        "ends": "23:59",
    }
    receptionist.open("/desk/close")

    receptionist.send("/desk/close", **fields, **{f"wish-{booking['id']}": "keep"})
    assert "1 still booked there" in receptionist.text
    assert clinic.slot(free).state == "BLOCKED"
    closure = receptionist.path
    receptionist.send(f"{closure}/rebook", **{f"wish-{booking['id']}": "cancel"})
    assert "1 cancelled" not in receptionist.text.split("<h1")[0]
    assert clinic.bookings()[0].status == "CANCELLED"
    receptionist.send(f"{closure}/open")

    assert {clinic.slot(each).state for each in (slot_id, free)} == {"OPEN"}


@pytest.mark.parametrize(
    "wrong", [{"first": "nonsense"}, {"begins": "25:00"}, {"begins": "10:00", "ends": "09:00"}]
)
def test_a_span_that_cannot_be_is_told(receptionist: Person, clinic: Clinic, wrong: dict[str, str]) -> None:
    fields = {
        "doctor_id": str(clinic.doctor_id),
        "first": "2099-11-23",
        "begins": "09:00",
        "ends": "10:00",
        **wrong,
    }

    receptionist.open("/desk/close?" + "&".join(f"{name}={text}" for name, text in fields.items()))

    assert receptionist.page.status_code == 200
    assert 'role="alert"' in receptionist.text


def test_the_day_list_and_its_table_hold_the_same_people(receptionist: Person, clinic: Clinic) -> None:
    slot_id = clinic.add_slot()
    hold_slot(clinic.parts.engine, Claim((slot_id,), ANNA, instant=True), GUEST)
    day = day_of(clinic, slot_id)

    page = receptionist.open(f"/desk/list?date={day}").text
    table = receptionist.open(f"/desk/list.csv?date={day}")

    [line] = list(csv.DictReader(io.StringIO(table.text.lstrip("\ufeff"))))
    assert table.mimetype == "text/csv"
    assert (line["Patient"], line["Reason"], line["Status"]) == ("Anna Example", "Cough", "Booked")
    assert line["Reference"] in page


@pytest.mark.parametrize("text", ["=1+1", "+49", "-1", "@SUM(A1)", "\tx"])
def test_no_cell_is_a_formula(text: str) -> None:
    assert harmless(text) == f"'{text}"
    assert harmless("Anna = Example") == "Anna = Example"


def test_the_week_counts_booked_and_free(receptionist: Person, clinic: Clinic) -> None:
    first, second = clinic.add_slot(48), clinic.add_slot(48.5)
    clinic.book_elsewhere(first)

    receptionist.open(f"/desk/week?date={day_of(clinic, second)}")

    assert day_of(clinic, first) != day_of(clinic, second) or "1 booked, 1 free of 2" in receptionist.text


def test_the_search_answers_with_people_on_file(receptionist: Person, clinic: Clinic) -> None:
    create_patient(
        clinic.parts.directory, PatientDraft("Özlem Exämple", "oz@example.org", "+49 30 555 01"), "seed"
    )

    for wanted in ("özlem", "oz@example.org", "3055501", "exämple öz"):
        assert "Özlem Exämple" in receptionist.open(f"/desk/patients?q={wanted}").text
    assert "Nobody on file" in receptionist.open("/desk/patients?q=somebodyelse").text


def test_an_empty_day_says_so(receptionist: Person, clinic: Clinic) -> None:
    assert "Nobody works on this day" in receptionist.open("/desk?date=2031-01-01").text


def test_what_a_patient_typed_is_text_on_the_board(receptionist: Person, clinic: Clinic) -> None:
    slot_id = clinic.add_slot()
    evil = PatientDetails("<script>alert(1)</script>", "e@example.org", None, "<img src=x>")
    hold_slot(clinic.parts.engine, Claim((slot_id,), evil, instant=True), GUEST)

    receptionist.open(f"/desk?date={day_of(clinic, slot_id)}&slot={slot_id}")

    assert "<script>alert(1)" not in receptionist.text
    assert "<img src=x>" not in receptionist.text


def test_bookings_of_the_desk_belong_to_no_account(receptionist: Person, clinic: Clinic) -> None:
    slot_id = clinic.add_slot()
    receptionist.open(f"/desk?date={day_of(clinic, slot_id)}&slot={slot_id}")

    receptionist.send("/desk/book", slot_id=str(slot_id), patient_name="Nora New")

    with clinic.parts.database.read() as connection:
        assert connection.execute(select(Booking.user_id)).scalar_one() is None


def test_more_doctors_than_fit_are_on_further_pages_and_one_stays_there(
    monkeypatch: pytest.MonkeyPatch, receptionist: Person, clinic: Clinic, colleague: int
) -> None:
    monkeypatch.setattr(board, "MOST_COLUMNS", 1)
    mine = clinic.add_slot()
    theirs = add_slot_of(clinic, colleague, mine)
    day = day_of(clinic, mine)

    first = receptionist.open(f"/desk?date={day}").text
    second = receptionist.open(f"/desk?date={day}&page=2").text
    beyond = receptionist.open(f"/desk?date={day}&page=99").text

    shown = [[f'data-slot="{slot}"' in page for slot in (mine, theirs)] for page in (first, second, beyond)]
    assert sorted(shown[:2]) == [[False, True], [True, False]]
    assert shown[2] == shown[1]
    assert "Doctors 1 to 1 of 2" in first
    assert "page=2" in re.findall(r'data-tomorrow="([^"]+)"', second)[0]


def add_slot_of(clinic: Clinic, doctor_id: int, like: int) -> int:
    """A time of another doctor at the same moment."""
    row = clinic.slot(like)
    values = {"doctor_id": doctor_id, "starts_at": row.starts_at, "ends_at": row.ends_at}
    with clinic.parts.database.transaction() as tx:
        return tx.execute(insert(Slot).values(values).returning(Slot.id)).scalar_one()
