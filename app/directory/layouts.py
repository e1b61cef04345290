"""Hall layouts as data, and the seats they describe. Pure.

A layout names zones with their prices and draws each row as text, left to right as one looks at the
screen: `#` a seat, `w` a space for a wheelchair, `c` a companion's seat beside one, `_` a gap.
Gaps take room and get no number; so the same column is the same place in every row."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import orjson

from app.errors import ValidationFailed
from app.tables.booking import SeatKind

GAP = "_"
KINDS = {"#": SeatKind.STANDARD, "w": SeatKind.WHEELCHAIR, "c": SeatKind.COMPANION}
MOST_ROWS, MOST_COLUMNS, MOST_SEATS = 80, 80, 3000
LONGEST_LABEL = 4
VERSION_CHARACTERS = 12


@dataclass(frozen=True)
class Zone:
    """A part of the hall where every seat costs the same."""

    name: str
    price_cents: int


@dataclass(frozen=True)
class HallRow:
    """One row of seats, drawn as text."""

    label: str
    zone: str
    seats: str


@dataclass(frozen=True)
class Layout:
    """Rows from the screen backwards."""

    zones: tuple[Zone, ...]
    rows: tuple[HallRow, ...]

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Layout:
        """The layout as it was stored by document()."""
        return cls(
            tuple(Zone(**zone) for zone in stored["zones"]),
            tuple(HallRow(**row) for row in stored["rows"]),
        )

    def document(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def version(self) -> str:
        """Another layout, another version."""
        text = orjson.dumps(self.document(), option=orjson.OPT_SORT_KEYS)
        return hashlib.sha256(text).hexdigest()[:VERSION_CHARACTERS]


@dataclass(frozen=True)
class Seat:
    """A seat of a layout: its label, where it stands, what it is and costs."""

    row: str
    number: int
    y: int
    x: int
    zone: str
    kind: SeatKind
    price_cents: int


def seats_of(layout: Layout) -> list[Seat]:
    """Every seat, row by row and from left to right; numbers count the seats of a row from 1."""
    prices = {zone.name: zone.price_cents for zone in layout.zones}
    seats: list[Seat] = []
    for y, row in enumerate(layout.rows, 1):
        drawn = [(x, KINDS[mark]) for x, mark in enumerate(row.seats, 1) if mark != GAP]
        seats += [
            Seat(row.label, number, y, x, row.zone, kind, prices[row.zone])
            for number, (x, kind) in enumerate(drawn, 1)
        ]
    return seats


def check_layout(layout: Layout) -> None:
    """Raises ValidationFailed naming everything that cannot be built."""
    errors = [
        {"field": f"layout.{field}", "message": message}
        for problems in (_wrong_zones(layout.zones), _wrong_rows(layout))
        for field, message in problems
    ]
    if not errors and not 1 <= len(seats_of(layout)) <= MOST_SEATS:
        errors = [{"field": "layout.rows", "message": f"must have 1 to {MOST_SEATS} seats in all"}]
    if errors:
        raise ValidationFailed("; ".join(f"{e['field']}: {e['message']}" for e in errors), errors=errors)


def summary(layout: Layout) -> dict[str, Any]:
    """How many seats there are in all, of each kind and in each zone."""
    seats = seats_of(layout)
    kinds = {kind.value: sum(seat.kind is kind for seat in seats) for kind in SeatKind}
    zones = [
        {**asdict(zone), "seats": sum(seat.zone == zone.name for seat in seats)} for zone in layout.zones
    ]
    return {"seats": len(seats), "rows": len(layout.rows), "kinds": kinds, "zones": zones}


def _wrong_zones(zones: Sequence[Zone]) -> Iterator[tuple[str, str]]:
    if len({zone.name for zone in zones}) < len(zones):
        yield "zones", "must have different names"


def _wrong_rows(layout: Layout) -> Iterator[tuple[str, str]]:
    zones = {zone.name for zone in layout.zones}
    if not 1 <= len(layout.rows) <= MOST_ROWS:
        yield "rows", f"must be 1 to {MOST_ROWS}"
    if len({row.label for row in layout.rows}) < len(layout.rows):
        yield "rows", "must have different labels"
    for index, row in enumerate(layout.rows):
        if row.zone not in zones:
            yield f"rows[{index}].zone", "is not one of the zones"
        if not set(row.seats) <= {GAP, *KINDS} or not 1 <= len(row.seats) <= MOST_COLUMNS:
            yield f"rows[{index}].seats", f"must be drawn with #, w, c and _, at most {MOST_COLUMNS} wide"
        elif not set(row.seats) & set(KINDS):
            yield f"rows[{index}].seats", "must have a seat"
