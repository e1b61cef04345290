"""The page of a booking and what can be done from it."""

from datetime import timedelta

from icalendar import Calendar
from sqlalchemy import update

from app.clinic import rules
from app.clinic.rules import ClinicRules
from app.database import db_now
from app.tables import Booking
from tests.web.pages.conftest import TYPED, Clinic, Person
from tests.web.pages.test_booking_flow import book, take


def test_the_page_shows_how_the_booking_was_processed(person: Person, clinic: Clinic) -> None:
    book(person, clinic, clinic.add_slot())

    (booking,) = clinic.bookings()
    for shown in ("node-7", str(booking.logical_clock), "one_live_booking_per_slot"):
        assert shown in person.text


def test_the_calendar_entry_is_the_appointment(person: Person, clinic: Clinic) -> None:
    page = book(person, clinic, clinic.add_slot())

    answer = person.open(f"{page}/appointment.ics")

    (booking,) = clinic.bookings()
    (event,) = Calendar.from_ical(answer.data).walk("VEVENT")
    assert event.decoded("dtstart") == booking.starts_at
    assert booking.reference in event["description"]
    assert f'filename="appointment-{booking.reference}.ics"' in answer.headers["Content-Disposition"]


def test_cancelling_asks_first_and_frees_the_time(person: Person, clinic: Clinic) -> None:
    slot_id = clinic.add_slot()
    page = book(person, clinic, slot_id)

    person.open(f"{page}/cancel")
    assert person.heading == "Cancel this appointment?"
    person.send(f"{page}/cancel", reason="Feeling better")

    (booking,) = clinic.bookings()
    assert person.heading == "This appointment is cancelled"
    assert (booking.status, booking.cancel_reason) == ("CANCELLED", "Feeling better")
    assert clinic.slot(slot_id).state == "OPEN"


def test_a_cancelled_booking_offers_no_more_changes(person: Person, clinic: Clinic) -> None:
    page = book(person, clinic, clinic.add_slot())
    person.open(f"{page}/cancel")
    person.send(f"{page}/cancel")

    for path in ("cancel", "move"):
        assert person.open(f"{page}/{path}").headers["Location"] == page
    assert person.send(f"{page}/cancel").status_code == 200


def test_moving_keeps_the_reference_and_frees_the_old_time(person: Person, clinic: Clinic) -> None:
    old, new = clinic.add_slot(48), clinic.add_slot(50)
    page = book(person, clinic, old)
    (before,) = clinic.bookings()

    person.open(f"{page}/move/check?slot_id={new}")
    assert person.heading == "Move to this time?"
    person.send(f"{page}/move", slot_id=str(new))

    (after,) = clinic.bookings()
    assert person.heading == "Appointment moved"
    assert after.reference == before.reference
    assert (clinic.slot(old).state, clinic.slot(new).state) == ("OPEN", "BOOKED")


def test_losing_the_new_time_keeps_the_old_one(person: Person, clinic: Clinic) -> None:
    old, new, third = clinic.add_slot(48), clinic.add_slot(50), clinic.add_slot(52)
    page = book(person, clinic, old)
    person.open(f"{page}/move/check?slot_id={new}")
    clinic.book_elsewhere(new)

    answer = person.send(f"{page}/move", slot_id=str(new))

    assert answer.status_code == 409
    assert "Your appointment is unchanged." in answer.text
    assert f'value="{third}"' in answer.text
    assert clinic.slot(old).state == "BOOKED"


def test_a_past_appointment_is_told_as_past(person: Person, clinic: Clinic) -> None:
    page = book(person, clinic, clinic.add_slot())
    with clinic.parts.database.transaction() as tx:
        hour_ago = db_now(-timedelta(hours=1).total_seconds())
        tx.execute(update(Booking).values(starts_at=hour_ago, ends_at=db_now(-1800)))

    person.open(page)

    assert person.heading == "This appointment has passed"
    assert person.open(f"{page}/cancel").headers["Location"] == page


def test_the_link_of_a_mere_hold_leads_to_its_form(person: Person, clinic: Clinic) -> None:
    held = take(person, clinic, clinic.add_slot())

    assert person.open(held.replace("/hold/", "/m/")).headers["Location"] == held


def test_reference_and_email_together_open_the_booking(person: Person, clinic: Clinic) -> None:
    page = book(person, clinic, clinic.add_slot())
    reference = clinic.bookings()[0].reference

    person.open("/find")
    person.send("/find", reference=reference.replace("-", "").lower(), email="MARA@example.org")

    assert person.path == page


def test_one_of_the_two_opens_nothing_and_tells_nothing(person: Person, clinic: Clinic) -> None:
    book(person, clinic, clinic.add_slot())
    reference = clinic.bookings()[0].reference
    answers = []
    for wrong in ({"reference": reference, "email": "else@example.org"},
                  {"reference": "QX7-4RM", "email": TYPED["patient_email"]},
                  {"reference": "not one", "email": "else@example.org"}):  # fmt: skip
        person.open("/find")
        answers.append(person.send("/find", **wrong))

    assert {answer.status_code for answer in answers} == {404}
    assert all("No booking found with these details" in answer.text for answer in answers)


def test_a_mere_hold_cannot_be_found(person: Person, clinic: Clinic) -> None:
    held = take(person, clinic, clinic.add_slot())
    person.send(held, **TYPED)
    reference = clinic.bookings()[0].reference
    person.open("/find")

    assert person.send("/find", reference=reference, email=TYPED["patient_email"]).status_code == 404


def test_the_clinics_deadline_is_told_and_kept(person: Person, clinic: Clinic) -> None:
    page = book(person, clinic, clinic.add_slot(48))
    clinic.parts.database.run(lambda tx: rules.write(tx, ClinicRules(change_until_hours=24)))
    assert "You can move or cancel it until" in person.open(page).text

    clinic.parts.database.run(lambda tx: rules.write(tx, ClinicRules(change_until_hours=96)))

    assert "It is too late to move or cancel it online" in person.open(page).text
    assert "Cancel it" not in person.text
    person.send(f"{page}/cancel")
    assert clinic.bookings()[0].status == "CONFIRMED"
