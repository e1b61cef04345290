"""Changing seats of a booking: other seats at the same showtime, or at another one of the movie."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from flask import render_template, request, url_for

from app.booking.availability import read_slot
from app.booking.seating import free_counts, seat_states
from app.directory.placing import read_now
from app.directory.showtimes import list_showtimes, read_showtime
from app.languages.days import money
from app.web.pages.guests import Guest
from app.web.pages.hold import slot_id_in, wanted_slot_ids
from app.web.pages.movies import MOST_SHOWTIMES, Showing, showing_of
from app.web.pages.offers import new_key
from app.web.pages.seat_map import build_map
from app.web.pages.visits import seat_labels, visit_of_booking, visit_of_showtime
from app.web.parts import parts


def render_seat_mover(guest: Guest) -> str:
    """The map to pick as many seats as there are; nothing is held while one looks."""
    asked = request.args.get("showtime")
    showtime_id = slot_id_in(asked) if asked else guest.showtime_id
    if showtime_id is None:
        raise AssertionError("only a booking of seats changes seats")
    with parts().database.read() as connection:
        now = read_now(connection)
        showtime = read_showtime(connection, showtime_id)
        plan = parts().engine.plans.of(connection, showtime_id)
        states = seat_states(connection, showtime_id)
        others = list_showtimes(
            connection, int(guest.booking["showtime"]["movie"]["id"]), limit=MOST_SHOWTIMES
        )
        free = free_counts(connection, [int(other["id"]) for other in others])
    mine = guest.slot_ids if showtime_id == guest.showtime_id else ()
    return render_template(
        "move_seats.html",
        booking_url=url_for("pages.manage", token=guest.token),
        check_url=url_for("pages.move_check", token=guest.token),
        visit=visit_of_booking(guest.booking),
        showtime=visit_of_showtime(showtime),
        map=build_map(plan, states, mine),
        mine=mine,
        count=len(guest.slot_ids),
        others=_others(guest, others, free, now),
        events_url=f"/api/events?showtime_id={showtime_id}",
        states_url=f"/api/showtimes/{showtime_id}/seats?sparse=1&consistency=strong",
    )


def render_seat_check(guest: Guest) -> str:
    """Old seats and new seats beside each other."""
    wanted = wanted_slot_ids(request.args)
    with parts().database.read() as connection:
        slots = [read_slot(connection, slot_id) for slot_id in wanted]
        showtime = read_showtime(connection, slot_id_in(slots[0].get("showtime_id") or ""))
    new_visit = replace(
        visit_of_showtime(showtime),
        seats=seat_labels(slots),
        price=money(sum(slot["price_cents"] for slot in slots), showtime["currency"]),
        patient=guest.booking["patient_name"],
    )
    back = url_for("pages.move", token=guest.token, showtime=int(showtime["id"]))
    return render_template(
        "move.html",
        visit=visit_of_booking(guest.booking),
        new_visit=new_visit,
        speech=guest.speech,
        slot_ids=wanted,
        key=new_key(),
        move_url=url_for("pages.move_now", token=guest.token),
        times_url=back,
        booking_url=url_for("pages.manage", token=guest.token),
    )


def _others(
    guest: Guest, showtimes: list[dict[str, Any]], free: dict[str, int], now: datetime
) -> list[Showing]:
    return [
        replace(
            showing_of(other, free, now),
            url=url_for("pages.move", token=guest.token, showtime=int(other["id"])),
        )
        for other in showtimes
    ]
