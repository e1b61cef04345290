"""What somebody holds of a showtime: the seats, their price, the countdown, and a word of warning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import url_for

from app.booking.seating import seats_taken
from app.booking.strays import strays_beside
from app.languages.days import money
from app.languages.texts import N_, _, listed, ngettext
from app.web.pages.countdown import HoldBar, hold_bar
from app.web.pages.guests import Guest
from app.web.parts import parts


@dataclass(frozen=True)
class BasketSeat:
    id: str
    label: str
    about: str
    price: str


KINDS = {"wheelchair": N_("wheelchair space"), "companion": N_("companion seat")}


@dataclass(frozen=True)
class Basket:
    hold: HoldBar
    seats: tuple[BasketSeat, ...]
    heading: str
    total: str
    #: What is left alone between taken seats; empty when nothing is.
    warning: str
    details_url: str
    release_url: str


def basket_of(held: Guest) -> Basket:
    """The basket of a hold on seats, as it is shown beside the map."""
    showtime = held.booking["showtime"]
    seats = tuple(
        BasketSeat(
            id=slot["id"],
            label=_("Row %(row)s, seat %(number)s", row=slot["row"], number=slot["number"]),
            about=slot["zone"] if slot["kind"] == "standard" else f"{slot['zone']}, {_(KINDS[slot['kind']])}",
            price=money(slot["price_cents"], showtime["currency"]),
        )
        for slot in held.booking["slots"]
    )
    return Basket(
        hold=hold_bar(held, "seats"),
        seats=seats,
        heading=ngettext("%(num)s seat chosen", "%(num)s seats chosen", len(seats)),
        total=money(showtime["total_cents"], showtime["currency"]),
        warning=_warning(held),
        details_url=url_for("pages.details", token=held.token),
        release_url=url_for("pages.release", token=held.token),
    )


def _warning(held: Guest) -> str:
    if held.showtime_id is None:
        raise AssertionError("a basket is of a showtime")
    with parts().database.read() as connection:
        plan = parts().engine.plans.of(connection, held.showtime_id)
        taken = seats_taken(connection, held.showtime_id)
    return stray_words([seat.label for seat in strays_beside(plan, held.slot_ids, taken)])


def stray_words(labels: Sequence[str]) -> str:
    """One sentence, however many seats are left alone."""
    if not labels:
        return ""
    return ngettext(
        "Seat %(seats)s would be left alone. You may keep your choice, or move over by one.",
        "Seats %(seats)s would be left alone. You may keep your choice, or move over by one.",
        len(labels),
        seats=listed(labels),
    )
