"""The seats of a showtime as they stand: what never changes while they are sold.

Seats are made with their showtime and never moved or erased, so a process keeps the plans it used."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, Row, select

from app.directory.layouts import Layout, seats_of
from app.errors import NotFound
from app.tables.booking import SeatKind, Slot
from app.tables.cinema import Hall, Showtime

MOST_PLANS = 32
SEAT_COLUMNS: tuple[Any, ...] = (
    Slot.id, Slot.seat_row, Slot.seat_number, Slot.seat_y, Slot.seat_x, Slot.seat_zone, Slot.seat_kind,
    Slot.price_cents,
)  # fmt: skip
VERSION_CHARACTERS = 12


@dataclass(frozen=True, slots=True)
class Seat:
    """One seat: what is printed on it, where it stands (y from the screen, x from the left), its price."""

    id: int
    row: str
    number: int
    y: int
    x: int
    zone: str
    kind: SeatKind
    price_cents: int

    @property
    def label(self) -> str:
        return f"{self.row}{self.number}"


@dataclass(frozen=True, eq=False)
class SeatPlan:
    """Every seat of a showtime, row by row and from left to right; two readings are two plans."""

    showtime_id: int
    currency: str
    seats: tuple[Seat, ...]

    @cached_property
    def version(self) -> str:
        """Of the layout: the same for every showtime of a hall that was not changed."""
        drawn = [(s.row, s.number, s.y, s.x, s.zone, s.kind.value, s.price_cents) for s in self.seats]
        return hashlib.sha256(repr(drawn).encode()).hexdigest()[:VERSION_CHARACTERS]

    @cached_property
    def by_id(self) -> Mapping[int, Seat]:
        return {seat.id: seat for seat in self.seats}

    @cached_property
    def rows(self) -> tuple[tuple[Seat, ...], ...]:
        """The seats of each row, from the screen backwards."""
        rows: dict[int, list[Seat]] = {}
        for seat in self.seats:
            rows.setdefault(seat.y, []).append(seat)
        return tuple(tuple(rows[y]) for y in sorted(rows))

    @cached_property
    def blocks(self) -> tuple[tuple[Seat, ...], ...]:
        """Seats that stand side by side without a gap."""
        found: list[tuple[Seat, ...]] = []
        for row in self.rows:
            begin = 0
            for index in range(1, len(row) + 1):
                if index == len(row) or row[index].x != row[index - 1].x + 1:
                    found.append(row[begin:index])
                    begin = index
        return tuple(found)

    @cached_property
    def beside(self) -> Mapping[int, tuple[Seat, ...]]:
        """The seats right beside each, without a gap; by its id."""
        return {
            seat.id: (*block[max(index - 1, 0) : index], *block[index + 1 : index + 2])
            for block in self.blocks
            for index, seat in enumerate(block)
        }

    @cached_property
    def zones(self) -> Mapping[str, int]:
        """The price in each zone, front to back."""
        return {seat.zone: seat.price_cents for seat in self.seats}

    def labels(self, slot_ids: Sequence[int]) -> list[str]:
        wanted = set(slot_ids)
        return [seat.label for seat in self.seats if seat.id in wanted]


class SeatPlans:
    """The plans this process used last."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._plans: OrderedDict[int, SeatPlan] = OrderedDict()

    def known(self, showtime_id: int) -> SeatPlan | None:
        """The plan if it was used lately: needs no database."""
        with self._lock:
            known = self._plans.get(showtime_id)
            if known is not None:
                self._plans.move_to_end(showtime_id)
            return known

    def with_seat(self, slot_id: int) -> SeatPlan | None:
        """The plan this is a seat of, if it was used lately."""
        with self._lock:
            return next((plan for plan in self._plans.values() if slot_id in plan.by_id), None)

    def of(self, connection: Connection, showtime_id: int) -> SeatPlan:
        """Raises NotFound."""
        known = self.known(showtime_id)
        if known is not None:
            return known
        plan = read_plan(connection, showtime_id)
        with self._lock:
            self._plans[showtime_id] = plan
            while len(self._plans) > MOST_PLANS:
                self._plans.popitem(last=False)
        return plan


def read_plan(connection: Connection, showtime_id: int) -> SeatPlan:
    """Raises NotFound."""
    currency = connection.execute(
        select(Hall.currency).join(Showtime, Showtime.hall_id == Hall.id).where(Showtime.id == showtime_id)
    ).scalar()
    if currency is None:
        raise NotFound("There is no such showtime.")
    rows = connection.execute(
        select(*SEAT_COLUMNS).where(Slot.showtime_id == showtime_id).order_by(Slot.seat_y, Slot.seat_x)
    )
    return SeatPlan(showtime_id, currency, tuple(seat_of(row) for row in rows))


def plan_of_layout(layout: Layout, currency: str) -> SeatPlan:
    """The plan a showtime in a hall of this layout would have; its seats have numbers instead of ids."""
    seats = (Seat(number, **asdict(seat)) for number, seat in enumerate(seats_of(layout), 1))
    return SeatPlan(0, currency, tuple(seats))


def seat_of(row: Row[*tuple[Any, ...]]) -> Seat:
    """The seat in a row of SEAT_COLUMNS."""
    slot_id, label, number, y, x, zone, kind, price_cents = row
    return Seat(slot_id, label, number, y, x, zone, SeatKind(kind), price_cents)
