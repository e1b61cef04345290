"""The screens of a booking, by forms alone."""

import re

import pytest

from app.web.pages import details, my_hold
from app.web.pages.guests import Guest
from tests.web.pages.conftest import TYPED, Clinic, Person, hidden_fields


def take(person: Person, clinic: Clinic, slot_id: int) -> str:
    """Hold the slot; the path of the details screen."""
    person.open(f"/doctors/{clinic.doctor_id}")
    person.send("/holds", slot_id=str(slot_id))
    return person.path


def book(person: Person, clinic: Clinic, slot_id: int) -> str:
    """Book the slot; the path of its page."""
    held = take(person, clinic, slot_id)
    person.send(held, **TYPED)
    person.send(f"{held}/confirm")
    return person.path


def test_a_person_books_with_four_presses(person: Person, clinic: Clinic) -> None:
    slot_id = clinic.add_slot()

    person.open("/")
    person.send("/holds", slot_id=str(slot_id))
    assert person.heading == "Who is the appointment for?"
    held = person.path
    person.send(held, **TYPED, reason="A cough")
    assert person.heading == "Is everything right?"
    person.send(f"{held}/confirm")

    assert person.heading == "Appointment booked"
    (booking,) = clinic.bookings()
    assert booking.reference in person.text
    assert (booking.status, booking.patient_name, booking.reason) == (
        "CONFIRMED",
        "Mara Lindqvist",
        "A cough",
    )


def test_every_later_screen_repeats_the_day_and_the_time(person: Person, clinic: Clinic) -> None:
    held = take(person, clinic, clinic.add_slot())
    day = person.text.split('class="slip__line">')[1].split(" ·")[0]

    for path in (held, f"{held}/check"):
        person.send(held, **TYPED)
        assert day in person.open(path).text


def test_wrong_fields_are_named_and_what_was_typed_stays(person: Person, clinic: Clinic) -> None:
    held = take(person, clinic, clinic.add_slot())

    answer = person.send(held, patient_name="Mara Lindqvist", patient_email="mara@", patient_phone="x")

    assert answer.status_code == 422
    assert 'href="#patient_email">Enter an e-mail address' in answer.text
    assert 'href="#patient_phone">Enter a phone number' in answer.text
    assert 'value="Mara Lindqvist"' in answer.text
    assert 'value="mara@"' in answer.text
    assert "<title>Error: " in answer.text


def test_what_was_typed_is_shown_literally(person: Person, clinic: Clinic) -> None:
    held = take(person, clinic, clinic.add_slot())

    person.send(held, **{**TYPED, "patient_name": "<script>alert(1)</script>"})

    assert "<script>alert" not in person.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in person.text


def test_a_confirmation_sent_twice_books_once(person: Person, clinic: Clinic) -> None:
    held = take(person, clinic, clinic.add_slot())
    person.send(held, **TYPED)
    fields = hidden_fields(person.text)

    first = person.send(f"{held}/confirm", **fields)
    again = person.send(f"{held}/confirm", **fields)

    assert first.request.path == again.request.path
    assert [booking.status for booking in clinic.bookings()] == ["CONFIRMED"]


def test_a_press_sent_twice_holds_once(person: Person, clinic: Clinic) -> None:
    slot_id = clinic.add_slot()
    person.open(f"/doctors/{clinic.doctor_id}")
    fields = hidden_fields(person.text)

    first = person.send("/holds", slot_id=str(slot_id), **fields)
    person.client.delete_cookie("oneslot_hold")  # the first answer never arrived
    again = person.send("/holds", slot_id=str(slot_id), **fields)

    assert first.request.path == again.request.path
    assert len(clinic.bookings()) == 1


def test_an_old_page_can_hold_again_after_its_hold_ended(person: Person, clinic: Clinic) -> None:
    slot_id = clinic.add_slot()
    person.open(f"/doctors/{clinic.doctor_id}")
    fields = hidden_fields(person.text)
    first = person.send("/holds", slot_id=str(slot_id), **fields).request.path
    clinic.lapse(slot_id)

    again = person.send("/holds", slot_id=str(slot_id), **fields)

    assert again.status_code == 200
    assert again.request.path != first
    assert clinic.slot(slot_id).state == "HELD"


def test_choosing_another_time_gives_the_first_back(person: Person, clinic: Clinic) -> None:
    first, second = clinic.add_slot(48), clinic.add_slot(49)
    take(person, clinic, first)

    take(person, clinic, second)

    assert clinic.slot(first).state == "OPEN"
    assert clinic.slot(second).state == "HELD"


def test_a_hold_that_ends_while_another_is_taken_hinders_nothing(
    person: Person, clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = clinic.add_slot(48), clinic.add_slot(49)
    take(person, clinic, first)
    seen_live = my_hold.current_hold

    def ends_just_after_the_look() -> Guest | None:
        found = seen_live()
        clinic.lapse(first)
        return found

    monkeypatch.setattr(my_hold, "current_hold", ends_just_after_the_look)

    person.send("/holds", slot_id=str(second))

    assert person.heading == "Who is the appointment for?"
    assert clinic.slot(second).state == "HELD"


def test_losing_the_second_time_keeps_the_first(person: Person, clinic: Clinic) -> None:
    first, second = clinic.add_slot(48), clinic.add_slot(49)
    take(person, clinic, first)
    clinic.book_elsewhere(second)

    take(person, clinic, second)

    assert clinic.slot(first).state == "HELD"


def test_my_own_hold_is_shown_to_me_and_leads_back(
    person: Person, somebody_else: Person, clinic: Clinic
) -> None:
    slot_id = clinic.add_slot()
    held = take(person, clinic, slot_id)

    mine = person.open(f"/doctors/{clinic.doctor_id}?date={clinic.slot(slot_id).starts_at:%Y-%m-%d}").text
    theirs = somebody_else.open(
        f"/doctors/{clinic.doctor_id}?date={clinic.slot(slot_id).starts_at:%Y-%m-%d}"
    ).text

    assert "held for you" in mine
    assert held in mine
    assert "on hold for someone else" in theirs
    assert held not in theirs


def test_pressing_my_own_held_time_again_leads_back_to_it(person: Person, clinic: Clinic) -> None:
    slot_id = clinic.add_slot()
    held = take(person, clinic, slot_id)

    assert take(person, clinic, slot_id) == held
    assert len(clinic.bookings()) == 1


def test_more_time_keeps_what_is_typed(person: Person, clinic: Clinic) -> None:
    held = take(person, clinic, clinic.add_slot())
    (before,) = clinic.bookings()

    person.send(f"{held}/extend", **{**TYPED, "patient_email": "mara@"})

    (after,) = clinic.bookings()
    assert person.path == held
    assert after.expires_at > before.expires_at
    assert 'value="Mara Lindqvist"' in person.text


def test_giving_a_time_back_frees_it_at_once(person: Person, clinic: Clinic) -> None:
    slot_id = clinic.add_slot()
    held = take(person, clinic, slot_id)

    person.send(f"{held}/release")

    assert clinic.slot(slot_id).state == "OPEN"
    assert person.heading == "Pick a time"


def typed_fields(html: str) -> dict[str, str]:
    return dict(re.findall(r'<input type="hidden" name="(patient_\w+)" value="([^"]*)">', html))


def view_of(person: Person) -> str:
    found = re.search(r'data-view="([^"]+)"', person.text)
    return found.group(1) if found else ""


def test_a_page_that_is_left_gives_the_time_back(person: Person, clinic: Clinic) -> None:
    slot_id = clinic.add_slot()
    held = take(person, clinic, slot_id)

    answer = person.send(f"{held}/leave", view=view_of(person))

    assert answer.status_code == 204
    assert clinic.slot(slot_id).state == "OPEN"


def test_a_page_left_for_another_showing_of_the_same_hold_keeps_it(person: Person, clinic: Clinic) -> None:
    slot_id = clinic.add_slot()
    held = take(person, clinic, slot_id)
    left = view_of(person)
    person.open(held)

    person.send(f"{held}/leave", view=left)

    assert clinic.slot(slot_id).state == "HELD"


def test_leaving_after_confirming_changes_nothing(person: Person, clinic: Clinic) -> None:
    held = take(person, clinic, clinic.add_slot())
    person.send(held, **TYPED)
    left = view_of(person)
    person.send(f"{held}/confirm")

    person.send(f"{held}/leave", view=left)

    assert [booking.status for booking in clinic.bookings()] == ["CONFIRMED"]


def test_details_sent_after_the_deadline_hold_the_time_again(person: Person, clinic: Clinic) -> None:
    slot_id = clinic.add_slot()
    held = take(person, clinic, slot_id)
    clinic.lapse(slot_id)

    person.send(held, **TYPED)

    assert person.heading == "Is everything right?"
    assert person.path != held + "/check"
    assert clinic.slot(slot_id).state == "HELD"


def test_a_hold_that_ends_while_its_details_are_saved_loses_none_of_them(
    person: Person, clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    slot_id = clinic.add_slot()
    held = take(person, clinic, slot_id)
    seen_live = details.guest_of

    def ends_just_after_the_look(token: str) -> Guest:
        found = seen_live(token)
        clinic.lapse(slot_id)
        return found

    with monkeypatch.context() as patch:
        patch.setattr(details, "guest_of", ends_just_after_the_look)
        assert person.send(held, **TYPED).status_code == 410
    person.send(f"{held}/again", **typed_fields(person.text))

    assert 'value="mara@example.org"' in person.text


def test_details_sent_after_somebody_took_the_time_are_kept(person: Person, clinic: Clinic) -> None:
    slot_id, other = clinic.add_slot(48), clinic.add_slot(49)
    held = take(person, clinic, slot_id)
    clinic.lapse(slot_id)
    clinic.book_elsewhere(slot_id)

    answer = person.send(held, **TYPED)
    assert answer.status_code == 409
    assert 'name="patient_name" value="Mara Lindqvist"' in answer.text
    person.send("/holds", slot_id=str(other), **TYPED)

    assert 'value="mara@example.org"' in person.text


def test_a_confirmation_after_the_deadline_is_shown_before_it_is_made(person: Person, clinic: Clinic) -> None:
    slot_id = clinic.add_slot()
    held = take(person, clinic, slot_id)
    person.send(held, **TYPED)
    clinic.lapse(slot_id)

    person.send(f"{held}/confirm")

    assert person.heading == "Is everything right?"
    assert "Your hold had ended" in person.text
    assert clinic.slot(slot_id).state == "HELD"


def test_an_ended_hold_says_so_and_can_be_taken_again(person: Person, clinic: Clinic) -> None:
    slot_id = clinic.add_slot()
    held = take(person, clinic, slot_id)
    clinic.lapse(slot_id)

    answer = person.open(held)
    assert answer.status_code == 410
    assert "has ended" in person.heading
    person.send(f"{held}/again")

    assert person.heading == "Who is the appointment for?"
    assert clinic.slot(slot_id).state == "HELD"


def test_check_without_details_leads_back_to_the_form(person: Person, clinic: Clinic) -> None:
    held = take(person, clinic, clinic.add_slot())

    assert person.open(f"{held}/check").headers["Location"] == held


@pytest.mark.parametrize("slot_id", ["", "0", "x", "9" * 30, "999999", "1.5", "\N{SUPERSCRIPT TWO}"])
def test_a_time_that_does_not_exist_is_a_page_and_no_crash(
    person: Person, clinic: Clinic, slot_id: str
) -> None:
    person.open("/")

    assert person.send("/holds", slot_id=slot_id).status_code == 404
