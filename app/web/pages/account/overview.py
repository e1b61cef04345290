"""My account: my bookings, and who I am."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import make_response, render_template, request, url_for
from werkzeug.wrappers import Response

from app.accounts import own
from app.accounts.principals import Principal
from app.booking.reading import BookingFilter, bookings_after
from app.booking.wall import read_for
from app.directory.placing import read_now
from app.web.actors import actor_with
from app.web.api.account_inputs import ProfileBody
from app.web.callers import lacks_second_factor, required_principal
from app.web.pages.account.cookies import on_to
from app.web.pages.blueprint import pages
from app.web.pages.forms import Wrong, read_form
from app.web.pages.guests import token_of
from app.web.pages.visits import Visit, visit_of_booking
from app.web.pages.wording import instant
from app.web.parts import parts
from app.web.policy import policy

MOST_SHOWN = 50
#: How a booking stands, for a person.
STANDINGS = {
    "CONFIRMED": "Booked",
    "CANCELLED": "Cancelled",
    "ARRIVED": "Arrived",
    "COMPLETED": "Done",
    "NO_SHOW": "Missed",
}
DONE = {"name": "Your name is changed.", "welcome": "Your account is open."}


@dataclass(frozen=True)
class Listed:
    """A booking in a list of one's own."""

    visit: Visit
    standing: str
    url: str
    starts_at: datetime
    is_live: bool


@pages.get("/account")
@policy("authenticated")
def account() -> Response:
    """What the visitor booked, and who they are."""
    return _page(required_principal(), Wrong({}))


@pages.post("/account/name")
@policy("authenticated")
def rename() -> Response:
    """Change the name."""
    caller = required_principal()
    read = read_form(ProfileBody, request.form)
    if isinstance(read, Wrong):
        return _page(caller, read)
    own.rename(parts().accounts, caller, read.name)
    return on_to(url_for("pages.account", done="name"))


def _page(caller: Principal, wrong: Wrong) -> Response:
    with read_for(parts().database, actor_with()) as connection:
        now = read_now(connection)
        found = bookings_after(connection, BookingFilter(user_id=caller.user_id), None, MOST_SHOWN)
    shown = [_listed(booking, now) for booking in found if booking["status"] in STANDINGS]
    coming = sorted((each for each in shown if each.is_live), key=lambda each: each.starts_at)
    page = render_template(
        "account/account.html",
        me=caller,
        coming=coming,
        past=[each for each in shown if not each.is_live],
        values=wrong.values or {"name": caller.name},
        wrong=wrong.sentences,
        found=wrong.summary,
        done=DONE.get(request.args.get("done", "")),
        lacks_second_factor=lacks_second_factor(),
    )
    return make_response(page, 422 if wrong.sentences else 200)


def _listed(booking: dict[str, Any], now: datetime) -> Listed:
    starts_at = instant(booking["starts_at"]).astimezone(ZoneInfo(booking["timezone"]))
    is_live = booking["status"] == "CONFIRMED" and starts_at > now
    standing = "Past" if booking["status"] == "CONFIRMED" and not is_live else STANDINGS[booking["status"]]
    url = url_for("pages.manage", token=token_of(booking))
    return Listed(visit_of_booking(booking), standing, url, starts_at, is_live)
