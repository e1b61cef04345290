"""The seat map as the page draws it: zones, rows, seats and the gaps between them. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby

from app.booking.seat_plan import Seat, SeatPlan
from app.booking.seating import State
from app.languages.days import money
from app.languages.texts import N_, _
from app.tables.booking import SeatKind


class MapState(StrEnum):
    """What a seat is to whoever looks; the words are part of its name."""

    FREE = "free"
    MINE = "mine"
    HELD = "held"
    TAKEN = "taken"
    CLOSED = "closed"


STATES = {"HELD": MapState.HELD, "BOOKED": MapState.TAKEN, "BLOCKED": MapState.CLOSED}
STATE_WORDS = {
    MapState.FREE: N_("available"),
    MapState.MINE: N_("yours"),
    MapState.HELD: N_("on hold for someone else"),
    MapState.TAKEN: N_("taken"),
    MapState.CLOSED: N_("not for sale"),
}
KIND_WORDS = {
    SeatKind.STANDARD: "",
    SeatKind.WHEELCHAIR: N_("wheelchair space"),
    SeatKind.COMPANION: N_("companion seat"),
}


@dataclass(frozen=True)
class MapSeat:
    id: int
    number: int
    #: Row B, seat 14, wheelchair space, Stalls, €12.00: everything but the state, which changes.
    name: str
    state: MapState
    kind: str
    version: int
    #: So many columns without a seat come before it.
    gap: int
    is_wanted: bool = False

    @property
    def label(self) -> str:
        return f"{self.name}; {_(STATE_WORDS[self.state])}"

    @property
    def can_be_chosen(self) -> bool:
        return self.state in (MapState.FREE, MapState.MINE)


@dataclass(frozen=True)
class MapRow:
    label: str
    seats: tuple[MapSeat, ...]
    free: int
    #: So many columns without a seat come after the last one.
    rest: int


@dataclass(frozen=True)
class MapZone:
    """Neighbouring rows at one price."""

    name: str
    price: str
    number: int
    rows: tuple[MapRow, ...]


@dataclass(frozen=True)
class SeatMap:
    zones: tuple[MapZone, ...]
    columns: int
    total: int
    free: int
    has_wheelchair_spaces: bool


def build_map(
    plan: SeatPlan, states: Mapping[int, State], mine: Collection[int], wanted: Collection[int] = ()
) -> SeatMap:
    """The map for somebody who holds the seats in mine and would like those in wanted."""
    first = min(seat.x for seat in plan.seats)
    columns = max(seat.x for seat in plan.seats) - first + 1
    numbers = {zone: number for number, zone in enumerate(plan.zones)}
    zones = [
        MapZone(name, money(plan.zones[name], plan.currency), numbers[name],
                tuple(_row(row, plan.currency, states, mine, wanted, first, columns) for row in rows))
        for name, rows in groupby(plan.rows, key=lambda row: row[0].zone)
    ]  # fmt: skip
    return SeatMap(
        zones=tuple(zones),
        columns=columns,
        total=len(plan.seats),
        free=len(plan.seats) - len(states),
        has_wheelchair_spaces=any(seat.kind is SeatKind.WHEELCHAIR for seat in plan.seats),
    )


def _row(
    row: Iterable[Seat],
    currency: str,
    states: Mapping[int, State],
    mine: Collection[int],
    wanted: Collection[int],
    first: int,
    columns: int,
) -> MapRow:
    shown, last = [], first - 1
    for seat in row:
        shown.append(_seat(seat, currency, states, mine, wanted, seat.x - last - 1))
        last = seat.x
    label = shown[0].name.split(",")[0].removeprefix("Row ")
    free = sum(seat.state is MapState.FREE for seat in shown)
    return MapRow(label, tuple(shown), free, first + columns - 1 - last)


def _seat(
    seat: Seat,
    currency: str,
    states: Mapping[int, State],
    mine: Collection[int],
    wanted: Collection[int],
    gap: int,
) -> MapSeat:
    stored = states.get(seat.id)
    state = MapState.MINE if seat.id in mine else STATES[stored[0]] if stored else MapState.FREE
    price = money(seat.price_cents, currency)
    place = _("Row %(row)s, seat %(number)s", row=seat.row, number=seat.number)
    return MapSeat(
        id=seat.id,
        number=seat.number,
        name=", ".join(filter(None, (place, _(KIND_WORDS[seat.kind]), seat.zone, price))),
        state=state,
        kind=seat.kind.value,
        version=stored[1] if stored else 0,
        gap=gap,
        is_wanted=seat.id in wanted and state is MapState.FREE,
    )
