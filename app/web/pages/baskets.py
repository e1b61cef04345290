"""What somebody holds of a showtime: the seats, their price, the countdown, and a word of warning."""

from __future__ import annotations

from dataclasses import dataclass

from flask import url_for

from app.booking.seating import seats_taken
from app.booking.strays import warnings
from app.web.pages.countdown import HoldBar, hold_bar
from app.web.pages.guests import Guest
from app.web.pages.visits import money
from app.web.pages.wording import counted
from app.web.parts import parts


@dataclass(frozen=True)
class BasketSeat:
    id: str
    label: str
    about: str
    price: str


@dataclass(frozen=True)
class Basket:
    hold: HoldBar
    seats: tuple[BasketSeat, ...]
    heading: str
    total: str
    warnings: tuple[str, ...]
    details_url: str
    release_url: str


def basket_of(held: Guest) -> Basket:
    """The basket of a hold on seats, as it is shown beside the map."""
    showtime = held.booking["showtime"]
    seats = tuple(
        BasketSeat(
            id=slot["id"],
            label=f"Row {slot['row']}, seat {slot['number']}",
            about=slot["zone"] if slot["kind"] == "standard" else f"{slot['zone']}, {slot['kind']}",
            price=money(slot["price_cents"], showtime["currency"]),
        )
        for slot in held.booking["slots"]
    )
    return Basket(
        hold=hold_bar(held, "seats"),
        seats=seats,
        heading=f"{counted(len(seats), 'seat')} chosen",
        total=money(showtime["total_cents"], showtime["currency"]),
        warnings=_warnings(held),
        details_url=url_for("pages.details", token=held.token),
        release_url=url_for("pages.release", token=held.token),
    )


def _warnings(held: Guest) -> tuple[str, ...]:
    if held.showtime_id is None:
        raise AssertionError("a basket is of a showtime")
    with parts().database.read() as connection:
        plan = parts().engine.plans.of(connection, held.showtime_id)
        taken = seats_taken(connection, held.showtime_id)
    return tuple(warning["message"] for warning in warnings(plan, held.slot_ids, taken))
