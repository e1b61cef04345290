"""Seats by forms alone: pick, hold, book, change, cancel (J6, J7)."""

import re
from html import unescape

import pytest
from icalendar import Calendar

from app.audit import fingerprints
from app.booking.actions import GUEST, Claim, hold_slot
from app.web.pages.baskets import stray_words
from tests.cinema import Cinema, block
from tests.web.pages.conftest import SOMEBODY, TYPED, Clinic, Person


@pytest.fixture
def showtime(cinema: Cinema) -> int:
    return cinema.add_showtime()


@pytest.fixture
def seats(cinema: Cinema, showtime: int) -> dict[str, int]:
    return cinema.ids(showtime)


def pick(person: Person, showtime: int, *slot_ids: int, mine: tuple[int, ...] = ()) -> str:
    """Tick seats and send the form; the path it led to."""
    person.open(f"/showtimes/{showtime}")
    fields = {"slot_id": [str(each) for each in slot_ids], "mine": [str(each) for each in mine]}
    person.send(f"/showtimes/{showtime}/seats", **fields)
    return person.path


def book(person: Person, showtime: int, *slot_ids: int) -> str:
    held = pick(person, showtime, *slot_ids)
    person.send(held, **TYPED)
    person.send(f"{held}/confirm")
    return person.path


def book_elsewhere(clinic: Clinic, *slot_ids: int) -> None:
    hold_slot(clinic.parts.engine, Claim(slot_ids, SOMEBODY, instant=True), GUEST)


def states(cinema: Cinema, showtime: int) -> dict[str, str]:
    return {f"{seat.seat_row}{seat.seat_number}": seat.state for seat in cinema.seats(showtime)}


def test_every_seat_is_a_box_with_its_full_name(
    person: Person, clinic: Clinic, showtime: int, seats: dict[str, int]
) -> None:
    book_elsewhere(clinic, seats["B2"])

    person.open(f"/showtimes/{showtime}")

    names = re.findall(r'aria-label="(Row [^"]+)"', person.text)
    assert len(names) == 9
    assert "Row A, seat 1, wheelchair space, Front, €9.00; available" in names
    assert "Row A, seat 2, companion seat, Front, €9.00; available" in names
    assert "Row B, seat 2, Back, €12.50; taken" in names
    assert "8 of 9 seats free" in person.text
    taken = re.search(rf'<input[^>]*value="{seats["B2"]}"[^>]*>', person.text)
    assert taken is not None
    assert taken.group().endswith("disabled>")


def test_seats_are_booked_from_the_map_to_the_ticket(
    person: Person, clinic: Clinic, cinema: Cinema, showtime: int, seats: dict[str, int]
) -> None:
    held = pick(person, showtime, seats["B1"], seats["B2"])
    assert person.heading == "Who are the seats for?"
    person.send(held, **TYPED)
    assert person.heading == "Is everything right?"
    assert "B1, B2" in person.text
    assert "€25.00" in person.text
    person.send(f"{held}/confirm")

    (booking,) = clinic.bookings()
    assert person.heading == "Seats booked"
    assert (booking.status, booking.reference in person.text) == ("CONFIRMED", True)
    assert 'aria-label="QR code of the ticket"' in person.text
    assert [label for label, state in states(cinema, showtime).items() if state == "BOOKED"] == ["B1", "B2"]


def test_the_booking_says_how_it_was_processed_up_to_its_audit(
    person: Person, clinic: Clinic, showtime: int, seats: dict[str, int]
) -> None:
    page = book(person, showtime, seats["B1"], seats["B2"])
    (booking,) = clinic.bookings()

    with clinic.parts.database.read() as connection:
        audit = fingerprints.of_booking(connection, booking.id)

    for shown in ("node-7", str(booking.logical_clock), "one_live_booking_per_slot", audit.sha256):
        assert shown in person.text
    person.open(f"{page}/cancel")
    person.send(f"{page}/cancel")
    assert audit.sha256 not in person.open(page).text


def test_the_calendar_entry_names_movie_seats_and_hall(
    person: Person, showtime: int, seats: dict[str, int]
) -> None:
    page = book(person, showtime, seats["B1"])

    answer = person.open(f"{page}/appointment.ics")

    (event,) = Calendar.from_ical(answer.data).walk("VEVENT")
    assert "The Long Way" in event["summary"]
    assert "B1" in event["description"]
    assert "Palace Cinema" in event["location"]
    assert 'filename="seats-' in answer.headers["Content-Disposition"]


def test_the_code_on_the_ticket_says_whether_it_is_valid_and_not_whose_it_is(
    person: Person, somebody_else: Person, showtime: int, seats: dict[str, int], monkeypatch
) -> None:
    drawn: list[str] = []
    monkeypatch.setattr("app.web.pages.tickets._drawn", lambda text: drawn.append(text) or ("", 1))
    page = book(person, showtime, seats["B1"])
    code = "/t/" + drawn[0].rsplit("/t/", 1)[1]

    assert somebody_else.open(code).status_code == 200
    assert somebody_else.heading == "Valid for 1 seat"
    assert "Lindqvist" not in somebody_else.text
    person.open(f"{page}/cancel")
    person.send(f"{page}/cancel")
    somebody_else.open(code)
    assert somebody_else.heading == "Not valid"


def test_seats_lost_to_others_are_named_with_the_reason_and_the_rest_is_one_press_away(
    person: Person, clinic: Clinic, cinema: Cinema, showtime: int, seats: dict[str, int]
) -> None:
    person.open(f"/showtimes/{showtime}")
    book_elsewhere(clinic, seats["B2"])

    wanted = [str(seats["B1"]), str(seats["B2"])]
    answer = person.send(f"/showtimes/{showtime}/seats", slot_id=wanted)

    assert answer.status_code == 409
    assert person.heading == "B2 was just taken by someone else"
    assert "Row B, seat 2: taken." in person.text
    assert "Nothing was saved." in person.text
    assert states(cinema, showtime)["B1"] == "OPEN"
    assert f'name="slot_id" value="{seats["B1"]}"' in person.text
    assert f'value="{seats["B2"]}"' not in person.text


def test_changing_what_is_ticked_changes_the_hold_and_not_its_deadline(
    person: Person, clinic: Clinic, cinema: Cinema, showtime: int, seats: dict[str, int]
) -> None:
    pick(person, showtime, seats["B1"], seats["B2"])
    (before,) = clinic.bookings()

    pick(person, showtime, seats["B2"], seats["B3"], mine=(seats["B1"], seats["B2"]))

    (after,) = clinic.bookings()
    assert after.expires_at == before.expires_at
    assert {label: state for label, state in states(cinema, showtime).items() if state == "HELD"} == {
        "B2": "HELD", "B3": "HELD",
    }  # fmt: skip


def test_what_was_ticked_under_a_hold_that_ended_is_asked_for_again_with_the_rest(
    person: Person, clinic: Clinic, cinema: Cinema, showtime: int, seats: dict[str, int]
) -> None:
    pick(person, showtime, seats["B1"])
    clinic.lapse(seats["B1"])

    pick(person, showtime, seats["B1"], seats["B2"], mine=(seats["B1"],))

    held = [label for label, state in states(cinema, showtime).items() if state == "HELD"]
    assert held == ["B1", "B2"]


def test_unticking_everything_gives_the_hold_back(
    person: Person, clinic: Clinic, cinema: Cinema, showtime: int, seats: dict[str, int]
) -> None:
    pick(person, showtime, seats["B1"])

    path = pick(person, showtime, mine=(seats["B1"],))

    assert path == f"/showtimes/{showtime}"
    assert set(states(cinema, showtime).values()) == {"OPEN"}


def test_the_best_seats_are_held_by_one_press(person: Person, clinic: Clinic, cinema: Cinema) -> None:
    showtime = cinema.add_showtime(block(3, 6))
    person.open(f"/showtimes/{showtime}")

    person.send(f"/showtimes/{showtime}/best", count="3", together="yes")

    assert person.heading == "Who are the seats for?"
    held = sorted(label for label, state in states(cinema, showtime).items() if state == "HELD")
    assert len(held) == 3
    assert len({label[0] for label in held}) == 1


def test_too_many_best_seats_are_refused_in_words(person: Person, showtime: int) -> None:
    person.open(f"/showtimes/{showtime}")

    answer = person.send(f"/showtimes/{showtime}/best", count="10", together="yes")

    assert answer.status_code == 409
    assert person.heading == "There are not that many seats left"


def test_seats_are_changed_for_others_and_the_reference_stays(
    person: Person, clinic: Clinic, cinema: Cinema, showtime: int, seats: dict[str, int]
) -> None:
    page = book(person, showtime, seats["B1"], seats["B2"])
    (before,) = clinic.bookings()
    new = [str(seats["B4"]), str(seats["B5"])]

    person.open(f"{page}/move")
    assert person.heading == "Pick 2 other seats"
    person.open(f"{page}/move/check?slot_id={new[0]}&slot_id={new[1]}")
    assert "B4, B5" in person.text
    person.send(f"{page}/move", slot_id=new)

    (after,) = clinic.bookings()
    assert person.heading == "Seats changed"
    assert after.reference == before.reference
    booked = [label for label, state in states(cinema, showtime).items() if state == "BOOKED"]
    assert booked == ["B4", "B5"]


def test_seats_are_cancelled_and_free_again(
    person: Person, cinema: Cinema, showtime: int, seats: dict[str, int]
) -> None:
    page = book(person, showtime, seats["B1"])

    person.open(f"{page}/cancel")
    assert person.heading == "Cancel these seats?"
    person.send(f"{page}/cancel")

    assert person.heading == "These seats are cancelled"
    assert states(cinema, showtime)["B1"] == "OPEN"
    assert "Other showtimes of The Long Way" in unescape(person.text)


def test_reference_and_email_find_seats_as_they_find_appointments(
    person: Person, clinic: Clinic, showtime: int, seats: dict[str, int]
) -> None:
    page = book(person, showtime, seats["B1"])
    reference = clinic.bookings()[0].reference

    person.open("/find")
    person.send("/find", reference=reference, email=TYPED["patient_email"])

    assert person.path == page


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ([], ""),
        (["D5"], "Seat D5 would be left alone. You may keep your choice, or move over by one."),
        (["D5", "E1", "F2"],
         "Seats D5, E1 and F2 would be left alone. You may keep your choice, or move over by one."),
    ],
)  # fmt: skip
def test_seats_left_alone_are_told_in_one_sentence(labels: list[str], words: str) -> None:
    assert stray_words(labels) == words
