"""Cancelling: a page that asks, and the one request that does it.

GET changes nothing anywhere: mail scanners follow links."""

from __future__ import annotations

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.booking.actions import cancel_series
from app.web.pages.blueprint import pages
from app.web.pages.forms import CancelForm, Wrong, read_form, request_key
from app.web.pages.guests import Guest, guest_of
from app.web.pages.hold import SEE_OTHER
from app.web.pages.manage import changeable_until, panel_of
from app.web.pages.offers import new_key
from app.web.pages.visits import visit_of_booking
from app.web.parts import parts
from app.web.policy import policy

UNPROCESSABLE = 422


@pages.get("/m/<token>/cancel")
@policy("public")
def cancel(token: str) -> Response | str:
    """Ask before cancelling."""
    guest = guest_of(token)
    return _question(guest, Wrong({})) if can_change(guest) else _see(token)


@pages.post("/m/<token>/cancel")
@policy("public")
def cancel_now(token: str) -> Response | tuple[str, int]:
    """Cancel the booking; sent twice, it is cancelled once."""
    guest = guest_of(token)
    if not can_change(guest):
        return _see(token)
    read = read_form(CancelForm, request.form)
    if isinstance(read, Wrong):
        return _question(guest, read), UNPROCESSABLE
    key = request_key({}, variant=read.scope)
    cancel_series(parts().engine, guest.booking_id, read.scope, guest.actor, read.reason, key)
    return _see(token)


def can_change(guest: Guest) -> bool:
    """Confirmed, still to come, and before the clinic's deadline."""
    is_live = panel_of(guest, visit_of_booking(guest.booking)).is_live
    return is_live and guest.now <= changeable_until(guest)


def _see(token: str) -> Response:
    return redirect(url_for("pages.manage", token=token), SEE_OTHER)


def _question(guest: Guest, typed: Wrong) -> str:
    return render_template(
        "cancel.html",
        visit=visit_of_booking(guest.booking),
        speech=guest.speech,
        values=typed.values,
        wrong=typed.sentences,
        found=typed.summary,
        key=new_key(),
        is_repeated=guest.booking["series_id"] is not None,
        cancel_url=url_for("pages.cancel_now", token=guest.token),
        booking_url=url_for("pages.manage", token=guest.token),
    )
