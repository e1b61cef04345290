"""Making showtimes with all their seats (A27, C15)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, insert, select
from sqlalchemy.exc import IntegrityError

from app.directory.generation import SkipReason
from app.directory.halls import HallDraft, create_hall
from app.directory.program import Program
from app.directory.scheduling import create_showtimes, preview_showtimes
from app.errors import Conflict, NotFound
from app.tables import OutboxEntry, Showtime, Slot
from tests.cinema import ADMIN, SMALL, TOMORROW, Cinema, block
from tests.directory.conftest import House
from tests.together import together


@pytest.fixture
def cinema(house: House) -> Cinema:
    return Cinema.on(house.database)


def program_of(cinema: Cinema, *starts: Any, layout: Any = SMALL) -> Program:
    return Program(cinema.add_movie(), cinema.add_hall(layout), starts or (TOMORROW,))


def make(cinema: Cinema, program: Program) -> dict[str, Any]:
    return create_showtimes(cinema.directory, program, ADMIN).value


def test_a_showtime_has_every_seat_of_its_hall(cinema: Cinema) -> None:
    showtime_id = cinema.add_showtime()

    seats = cinema.seats(showtime_id)

    assert [f"{seat.seat_row}{seat.seat_number}" for seat in seats] == [
        "A1", "A2", "A3", "A4", "B1", "B2", "B3", "B4", "B5",
    ]  # fmt: skip
    assert {(seat.state, seat.doctor_id, seat.fence, seat.version) for seat in seats} == {
        ("OPEN", None, 0, 1)
    }
    assert {seat.starts_at for seat in seats} == {TOMORROW}
    assert {seat.ends_at - seat.starts_at for seat in seats} == {timedelta(minutes=100)}
    assert [(seat.seat_x, seat.seat_kind, seat.price_cents) for seat in seats[:2]] == [
        (1, "wheelchair", 900),
        (2, "companion", 900),
    ]


def test_the_seats_of_several_showtimes_are_one_statement(cinema: Cinema) -> None:
    inserts: list[str] = []

    @event.listens_for(cinema.database.engine, "before_cursor_execute")
    def count(_connection, _cursor, statement, *_rest) -> None:
        if statement.startswith("INSERT INTO slots"):
            inserts.append(statement)

    made = make(
        cinema, program_of(cinema, *(TOMORROW + timedelta(days=n) for n in range(3)), layout=block(20, 30))
    )

    assert made["seats_created"] == 1800
    assert len(inserts) == 1


def test_a_preview_says_exactly_what_would_be_made_and_changes_nothing(cinema: Cinema) -> None:
    program = program_of(cinema, TOMORROW - timedelta(days=9), TOMORROW, TOMORROW + timedelta(days=1))

    with cinema.database.read() as connection:
        shown = preview_showtimes(connection, program)
        before = connection.execute(select(Showtime.id)).all()
    made = make(cinema, program)

    assert before == []
    assert (made["created"], made["skipped"]) == (2, 1)
    assert {**made, "showtimes": [{**each, "id": None} for each in made["showtimes"]]} == shown


def test_making_a_program_twice_makes_nothing_twice(cinema: Cinema) -> None:
    program = program_of(cinema)
    make(cinema, program)

    again = make(cinema, program)

    assert again["created"] == 0
    assert again["skipped_showtimes"][0]["reason"] == SkipReason.ALREADY_THERE.value


def test_two_admins_at_once_make_a_hall_s_showtime_once(cinema: Cinema) -> None:
    program = program_of(cinema)
    others = Program(cinema.add_movie("Another"), program.hall_id, program.starts)

    outcomes = together([lambda wanted=wanted: make(cinema, wanted) for wanted in [program, others] * 3])

    assert sum(outcome["created"] for outcome in outcomes) == 1


def test_no_two_showtimes_overlap_in_a_hall_whatever_the_code_does(cinema: Cinema) -> None:
    program = program_of(cinema)
    make(cinema, program)
    values = {
        "movie_id": program.movie_id,
        "hall_id": program.hall_id,
        "timezone": "UTC",
        "starts_at": TOMORROW + timedelta(minutes=99),
        "ends_at": TOMORROW + timedelta(minutes=120),
    }

    with pytest.raises(IntegrityError, match="no_overlapping_showtimes"), cinema.database.transaction() as tx:
        tx.execute(insert(Showtime).values(values))


def test_a_seat_exists_once_per_showtime_whatever_the_code_does(cinema: Cinema) -> None:
    seat = cinema.seats(cinema.add_showtime())[0]
    values = {name: getattr(seat, name) for name in seat._fields if name != "id"}

    with pytest.raises(IntegrityError), cinema.database.transaction() as tx:
        tx.execute(insert(Slot).values(values))


@pytest.mark.parametrize(
    "change", [{"doctor_id": 1}, {"showtime_id": None}, {"seat_row": None}, {"price_cents": -1}]
)
def test_a_slot_is_a_whole_seat_or_a_doctor_s_time(
    cinema: Cinema, house: House, change: dict[str, Any]
) -> None:
    house.add_doctor()
    seat = cinema.seats(cinema.add_showtime())[0]
    values = {name: getattr(seat, name) for name in seat._fields if name != "id"}
    values |= {"seat_number": 99, **change}

    with pytest.raises(IntegrityError), cinema.database.transaction() as tx:
        tx.execute(insert(Slot).values(values))


def test_others_hear_of_the_new_seats_in_the_stream_of_the_showtime(cinema: Cinema) -> None:
    showtime_id = cinema.add_showtime(block(20, 30))

    with cinema.database.read() as connection:
        entries = connection.execute(
            select(OutboxEntry.payload).where(OutboxEntry.stream == f"showtime:{showtime_id}")
        ).scalars().all()  # fmt: skip

    assert [len(entry["slots"]) for entry in entries] == [500, 100]
    assert {entry["showtime_id"] for entry in entries} == {str(showtime_id)}
    assert "doctor_id" not in entries[0]


def test_an_unknown_movie_or_hall_is_not_found(cinema: Cinema) -> None:
    program = program_of(cinema)

    for wrong in (Program(999, program.hall_id, (TOMORROW,)), Program(program.movie_id, 999, (TOMORROW,))):
        with pytest.raises(NotFound):
            make(cinema, wrong)


def test_a_place_has_one_hall_of_a_name(cinema: Cinema) -> None:
    draft = HallDraft("Hall of Mirrors", "Palace Cinema", "Europe/Berlin", "EUR", SMALL)
    create_hall(cinema.directory, draft, ADMIN)

    with pytest.raises(Conflict):
        create_hall(cinema.directory, draft, ADMIN)
