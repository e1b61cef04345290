"""The browser remembers the time it holds, so that one's own hold never hides that time."""

from __future__ import annotations

import secrets
from contextlib import suppress

from flask import Response as PageResponse
from flask import g, request
from werkzeug.wrappers import Response

from app.booking.actions import release_hold
from app.booking.errors import HoldExpired, WrongState
from app.booking.rules import LONGEST_HOLD_SECONDS
from app.errors import NotFound
from app.web.pages.blueprint import pages
from app.web.pages.forgery import cookie_name
from app.web.pages.guests import Guest, guest_of
from app.web.parts import parts

COOKIE = "oneslot_hold"
SEPARATOR = "."


def current_hold() -> Guest | None:
    """This browser's live hold."""
    token, _ = _remembered()
    guest = _known(token) if token else None
    return guest if guest and guest.is_held else None


def new_view(token: str) -> str:
    """A name for this showing of the hold's page; the browser remembers the last one only.

    A page that is left gives the time back. When it is left for another showing of the same hold
    (reloaded, gone back to, gone on from), the browser has heard of that one first: the new page's
    answer arrives before the old page is unloaded. So the old page is known to be out of date."""
    view = secrets.token_urlsafe(9)
    g.hold_view = (token, view)
    return view


def is_last_view(token: str, view: str) -> bool:
    return _remembered() == (token, view)


@pages.after_request
def _remember_view(response: PageResponse) -> PageResponse:
    if "hold_view" in g:
        remember(response, *g.hold_view)
    return response


def remember(response: Response, token: str, view: str = "") -> Response:
    response.set_cookie(
        cookie_name(COOKIE),
        f"{token}{SEPARATOR}{view}",
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
    if not guest.is_held:
        return
    # It may end by itself, or by another page, between our look and this: then it is as it should be.
    with suppress(HoldExpired, WrongState):
        release_hold(parts().engine, guest.booking_id, guest.actor)


def _remembered() -> tuple[str, str]:
    """Token and view; both empty when this browser remembers no hold."""
    token, _, view = request.cookies.get(cookie_name(COOKIE), "").partition(SEPARATOR)
    return token, view


def _known(token: str) -> Guest | None:
    try:
        return guest_of(token)
    except NotFound:
        return None  # an old cookie, or a forged one: as if there were none
