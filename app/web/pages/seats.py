"""Screen 2 of a showtime: the seat map. Works as a form; a script turns each press into a hold at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.booking.actions import BestClaim, SeatWish, add_slots, drop_slots, hold_best
from app.booking.rules import MOST_SLOTS
from app.booking.seating import seat_states
from app.directory.showtimes import read_showtime
from app.errors import ValidationFailed
from app.web.actors import actor_with
from app.web.pages import my_hold
from app.web.pages.baskets import Basket, basket_of
from app.web.pages.blueprint import pages
from app.web.pages.forms import request_key
from app.web.pages.guests import Guest, guest_of, token_of
from app.web.pages.hold import SEE_OTHER, Taking, take_instead
from app.web.pages.offers import new_key
from app.web.pages.seat_map import build_map
from app.web.pages.visits import visit_of_showtime
from app.web.parts import parts
from app.web.paths import LARGEST_ID
from app.web.policy import policy


@dataclass(frozen=True)
class Choice:
    """What a form of the map asks for."""

    take: tuple[int, ...]
    drop: tuple[int, ...]


@pages.get("/showtimes/<id:showtime_id>")
@policy("public")
def seats(showtime_id: int) -> str:
    """Pick seats, on the map or in the list, or let us pick the best."""
    held = _hold_here(showtime_id)
    with parts().database.read() as connection:
        showtime = read_showtime(connection, showtime_id)
        plan = parts().engine.plans.of(connection, showtime_id)
        states = seat_states(connection, showtime_id)
    mine = held.slot_ids if held else ()
    return render_template(
        "seats.html",
        showtime=showtime,
        visit=visit_of_showtime(showtime),
        map=build_map(plan, states, mine, _ids(request.args.getlist("slot_id"))),
        basket=_basket(held),
        mine=mine,
        key=new_key(),
        best_key=new_key(),
        zones=list(plan.zones),
        most_seats=MOST_SLOTS,
        **_addresses(showtime_id),
    )


@pages.get("/showtimes/<id:showtime_id>/basket")
@policy("public")
def basket(showtime_id: int) -> str:
    """What this browser holds of the showtime; for the script of the map."""
    return _basket_part(_hold_here(showtime_id))


@pages.post("/showtimes/<id:showtime_id>/seats")
@policy("public")
def choose_seats(showtime_id: int) -> Response:
    """Hold what is ticked and give back what no longer is; then on to the details."""
    held = _hold_here(showtime_id)
    choice = _ticked(held)
    if held is None and not choice.take:
        return redirect(url_for("pages.seats", showtime_id=showtime_id), SEE_OTHER)
    token = _change(held, choice)
    if token is None:
        return my_hold.forget(redirect(url_for("pages.seats", showtime_id=showtime_id), SEE_OTHER))
    return my_hold.remember(redirect(url_for("pages.details", token=token), SEE_OTHER), token)


@pages.post("/showtimes/<id:showtime_id>/basket")
@policy("public")
def change_basket(showtime_id: int) -> Response:
    """The same, one press at a time; answers with what is held now."""
    held = _hold_here(showtime_id)
    choice = Choice(_ids(request.form.getlist("take")), _ids(request.form.getlist("drop")))
    token = _change(held, choice)
    response = Response(_basket_part(guest_of(token) if token else None), mimetype="text/html")
    return response if token else my_hold.forget(response)


@pages.post("/showtimes/<id:showtime_id>/best")
@policy("public")
def take_best(showtime_id: int) -> Response:
    """Hold the best seats there are; an earlier hold is given back once they are safe."""
    wish = _wish()
    earlier = my_hold.current_hold()
    asked = {"count": wish.count, "zone": wish.zone, "together": wish.together, "accessible": wish.accessible}
    done = hold_best(
        parts().engine, BestClaim(showtime_id, wish, None), actor_with(), request_key(asked, str(asked))
    )
    token = token_of(done.value)
    if earlier and earlier.token != token:
        my_hold.give_back(earlier)
    return my_hold.remember(redirect(url_for("pages.details", token=token), SEE_OTHER), token)


def _change(held: Guest | None, choice: Choice) -> str | None:
    """The token of the hold after the change; None when nothing is held any more."""
    if held is None:
        return take_instead(my_hold.current_hold(), Taking(choice.take, None)) if choice.take else None
    engine, token = parts().engine, held.token
    if choice.take:
        add_slots(engine, held.booking_id, choice.take, held.actor)
    left = {*held.slot_ids, *choice.take} - set(choice.drop)
    if not left:
        my_hold.give_back(held)
        return None
    if choice.drop:
        drop_slots(engine, held.booking_id, choice.drop, held.actor)
    return token


def _hold_here(showtime_id: int) -> Guest | None:
    held = my_hold.current_hold()
    return held if held and held.showtime_id == showtime_id else None


def _ticked(held: Guest | None) -> Choice:
    """What is ticked now, against what was ticked when the page was made; everything if its hold is over."""
    ticked, before = (set(_ids(request.form.getlist(name))) for name in ("slot_id", "mine"))
    before &= set(held.slot_ids if held else ())
    return Choice(tuple(sorted(ticked - before)), tuple(sorted(before - ticked)))


def _ids(texts: Iterable[str]) -> tuple[int, ...]:
    """The ids among these texts; what is none is left out, and so is what is more than we take at once."""
    found = [text for text in texts if text.isascii() and text.isdigit() and len(text) <= 19]
    return tuple(int(text) for text in found if 1 <= int(text) <= LARGEST_ID)


def _wish() -> SeatWish:
    count = request.form.get("count", "")
    if not (count.isascii() and count.isdigit() and 1 <= int(count[:3]) <= MOST_SLOTS):
        raise ValidationFailed.of("count", f"choose 1 to {MOST_SLOTS} seats")
    return SeatWish(
        int(count),
        request.form.get("zone") or None,
        request.form.get("together") == "yes",
        request.form.get("accessible") == "yes",
    )


def _basket(held: Guest | None) -> Basket | None:
    return basket_of(held) if held else None


def _basket_part(held: Guest | None) -> str:
    return render_template("basket.html", basket=_basket(held))


def _addresses(showtime_id: int) -> dict[str, Any]:
    return {
        "choose_url": url_for("pages.choose_seats", showtime_id=showtime_id),
        "best_url": url_for("pages.take_best", showtime_id=showtime_id),
        "basket_url": url_for("pages.basket", showtime_id=showtime_id),
        "states_url": f"/api/showtimes/{showtime_id}/seats?sparse=1&consistency=strong",
        "events_url": f"/api/events?showtime_id={showtime_id}",
    }
