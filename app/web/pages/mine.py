"""My bookings: everything of one's account, upcoming, past and cancelled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from flask import render_template, request, url_for

from app.booking.reading import BookingFilter, bookings_after
from app.booking.wall import read_for
from app.directory.placing import read_now
from app.languages.texts import N_, _
from app.web.actors import actor_with
from app.web.callers import lacks_second_factor, required_principal
from app.web.pages.blueprint import pages
from app.web.pages.guests import token_of
from app.web.pages.visits import Leaf, visit_of_booking
from app.web.pages.wording import instant
from app.web.parts import parts
from app.web.policy import policy

MOST = 100
VIEWS = {"upcoming": N_("Upcoming"), "past": N_("Past"), "cancelled": N_("Cancelled")}
ENDED = {"CANCELLED", "EXPIRED", "FAILED"}


@pages.get("/my")
@policy("authenticated")
def mine() -> str:
    """The bookings of whoever is logged in."""
    caller = required_principal()
    with read_for(parts().database, actor_with()) as connection:
        now = read_now(connection)
        found = bookings_after(connection, BookingFilter(user_id=caller.user_id), None, MOST)
    shown = {name: [each for each in found if _view_of(each, now) == name] for name in VIEWS}
    view = request.args.get("view", "upcoming")
    chosen = view if view in VIEWS else "upcoming"
    # What is next stands first; what is over, the latest first.
    in_order = sorted(shown[chosen], key=lambda each: str(each["starts_at"]), reverse=chosen != "upcoming")
    return render_template(
        "mine.html",
        lacks_second_factor=lacks_second_factor(),
        views=[(name, _(words), len(shown[name]), name == chosen) for name, words in VIEWS.items()],
        chosen=chosen,
        lines=[_line(each) for each in in_order],
    )


def _view_of(booking: Mapping[str, Any], now: Any) -> str | None:
    """None for a hold that lapsed: it never was an appointment."""
    if booking["status"] in ENDED:
        return "cancelled" if booking["confirmed_at"] else None
    return "past" if instant(booking["ends_at"]) <= now else "upcoming"


def _line(booking: dict[str, Any]) -> dict[str, Any]:
    begin = instant(booking["starts_at"]).astimezone(ZoneInfo(booking["timezone"]))
    return {
        "visit": visit_of_booking(booking),
        "leaf": Leaf.of(begin.date()),
        "url": url_for("pages.manage", token=token_of(booking)),
        "is_held": booking["status"] == "PENDING",
    }
