"""A cinema on a real database: halls, movies and showtimes, made as an admin makes them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select

from app.coordination.stamps import Stamper
from app.database import Database
from app.directory.directory import Directory
from app.directory.halls import HallDraft, create_hall
from app.directory.layouts import HallRow, Layout, Zone
from app.directory.movies import MovieDraft, create_movie
from app.directory.program import Program
from app.directory.scheduling import create_showtimes
from app.tables import Slot

ADMIN = "admin@example.org"
FRONT, BACK = Zone("Front", 900), Zone("Back", 1250)
#: Nine seats: a place for a wheelchair with a companion's beside it, and an aisle in the second row.
SMALL = Layout((FRONT, BACK), (HallRow("A", "Front", "wc##"), HallRow("B", "Back", "##_###")))
TOMORROW = datetime.now(UTC).replace(hour=18, minute=0, second=0, microsecond=0) + timedelta(days=1)
_numbers = itertools.count(1)


def block(rows: int, columns: int) -> Layout:
    """A plain rectangle of seats."""
    drawn = tuple(HallRow(_label(number), "Stalls", "#" * columns) for number in range(rows))
    return Layout((Zone("Stalls", 1000),), drawn)


def _label(number: int) -> str:
    letter = chr(ord("A") + number % 26)
    return letter if number < 26 else letter * 2


@dataclass
class Cinema:
    """Makes what a test needs; every hall and movie is its own."""

    directory: Directory

    @classmethod
    def on(cls, database: Database) -> Cinema:
        stamper = Stamper(database, "node-1", "http://127.0.0.1:0")
        return cls(Directory(database, stamper, "node-1", lambda _change: None))

    @property
    def database(self) -> Database:
        return self.directory.database

    def add_movie(self, title: str = "The Long Way", minutes: int = 100, **details: Any) -> int:
        draft = {"rating": "PG", "genre": "Drama", **details}
        return int(create_movie(self.directory, MovieDraft(title, minutes, **draft), ADMIN).value["id"])

    def add_hall(self, layout: Layout = SMALL, **details: Any) -> int:
        given = {"name": f"Hall {next(_numbers)}", "place": "Palace Cinema", "timezone": "Europe/Berlin",
                 "currency": "EUR", **details}  # fmt: skip
        return int(create_hall(self.directory, HallDraft(layout=layout, **given), ADMIN).value["id"])

    def add_showtime(
        self, layout: Layout = SMALL, starts_at: datetime = TOMORROW, movie_id: int | None = None
    ) -> int:
        """A showtime in a hall of its own."""
        program = Program(movie_id or self.add_movie(), self.add_hall(layout), (starts_at,))
        return int(create_showtimes(self.directory, program, ADMIN).value["showtimes"][0]["id"])

    def seats(self, showtime_id: int) -> list[Any]:
        """Every seat as stored, row by row."""
        with self.database.read() as connection:
            query = select(*Slot.__table__.columns).where(Slot.showtime_id == showtime_id)
            return list(connection.execute(query.order_by(Slot.seat_y, Slot.seat_x)))

    def ids(self, showtime_id: int) -> dict[str, int]:
        """Slot ids by what is printed on the seats: B3 -> 17."""
        return {f"{seat.seat_row}{seat.seat_number}": seat.id for seat in self.seats(showtime_id)}
