"""The browser remembers the time it holds, so that one's own hold never hides that time."""

from __future__ import annotations

from flask import request
from werkzeug.wrappers import Response

from app.booking.actions import release_hold
from app.booking.rules import LONGEST_HOLD_SECONDS
from app.errors import NotFound
from app.web.pages.forgery import cookie_name
from app.web.pages.guests import Guest, guest_of
from app.web.parts import parts

COOKIE = "oneslot_hold"


def current_hold() -> Guest | None:
    """This browser's live hold."""
    token = request.cookies.get(cookie_name(COOKIE))
    guest = _known(token) if token else None
    return guest if guest and guest.is_held else None


def remember(response: Response, token: str) -> Response:
    response.set_cookie(
        cookie_name(COOKIE),
        token,
        max_age=LONGEST_HOLD_SECONDS,
        httponly=True,
        secure=request.is_secure,
        samesite="Lax",
    )
    return response


def forget(response: Response) -> Response:
    response.delete_cookie(cookie_name(COOKIE), secure=request.is_secure, httponly=True, samesite="Lax")
    return response


def give_back(guest: Guest) -> None:
    """Free a hold that is not wanted any more; nothing happens when it ended by itself."""
    if guest.is_held:
        release_hold(parts().engine, guest.booking_id, guest.actor)


def _known(token: str) -> Guest | None:
    try:
        return guest_of(token)
    except NotFound:
        return None  # an old cookie, or a forged one: as if there were none
