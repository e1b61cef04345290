"""Halls, movies and showtimes of a run's own, and seat maps as anybody may see them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from loadtest.stage import Stage

_AISLE = "_"
_SEAT = "#"


@dataclass(frozen=True, slots=True)
class Seat:
    """A seat of a showtime: where it stands, and whether it was free when the map was read."""

    id: str
    row: str
    number: int
    x: int
    y: int
    state: str


@dataclass(frozen=True, slots=True)
class Shape:
    """So many rows of so many seats, with aisles so that neighbours by number are not always neighbours."""

    rows: int
    across: int

    @property
    def seats(self) -> int:
        return self.rows * self.across

    def drawn(self) -> str:
        """One row: an aisle after each third of it."""
        third = self.across // 3
        parts = [_SEAT * third, _SEAT * third, _SEAT * (self.across - 2 * third)]
        return _AISLE.join(part for part in parts if part)


class Cinema:
    """Made by the administrator; every showtime has a hall of its own."""

    def __init__(self, stage: Stage, label: str) -> None:
        self._stage = stage
        self._label = label
        self._halls = 0
        movie = stage.must(
            "POST", "/api/movies", title=f"Load {label}", minutes=100, rating="PG", genre="Load testing"
        )
        self.movie = str(movie.data["id"])

    def new_showtime(self, shape: Shape, hours_ahead: int = 50) -> str:
        """A showtime with every seat free."""
        self._halls += 1
        rows = [
            {"label": _label(number), "zone": "Stalls", "seats": shape.drawn()}
            for number in range(shape.rows)
        ]
        hall = self._stage.must(
            "POST",
            "/api/halls",
            name=f"Load {self._label} {self._halls}",
            place="Load Palace",
            layout={"zones": [{"name": "Stalls", "price_cents": 1000}], "rows": rows},
        )
        starts_at = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(
            hours=hours_ahead
        )
        made = self._stage.must(
            "POST",
            "/api/showtimes",
            movie_id=self.movie,
            hall_id=str(hall.data["id"]),
            starts_at=starts_at.isoformat(),
        )
        return str(made.data["showtimes"][0]["id"])

    def seats(self, showtime: str) -> list[Seat]:
        """Every seat as it is now, row by row."""
        told = self._stage.must("GET", f"/api/showtimes/{showtime}/seats")
        return [
            Seat(str(each["id"]), each["row"], each["number"], each["x"], each["y"], each["state"])
            for each in told.data["seats"]
        ]


def side_by_side(seats: Sequence[Seat]) -> bool:
    """Whether these are neighbours in one row without an aisle between them."""
    ordered = sorted(seats, key=lambda seat: seat.x)
    return len({seat.y for seat in seats}) == 1 and all(
        after.x == before.x + 1 for before, after in pairwise(ordered)
    )


def blocks_of(seats: Sequence[Seat], count: int) -> Iterator[tuple[Seat, ...]]:
    """Every choice of so many neighbours among these seats."""
    ordered = sorted(seats, key=lambda seat: (seat.y, seat.x))
    for first in range(len(ordered) - count + 1):
        block = tuple(ordered[first : first + count])
        if side_by_side(block):
            yield block


def _label(number: int) -> str:
    letter = chr(ord("A") + number % 26)
    return letter if number < 26 else letter * 2
