"""A hold that ended: one press takes the time again, and what was typed is kept."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Response, make_response, render_template, url_for

from app.languages.texts import _
from app.web.pages.guests import Guest
from app.web.pages.hold import times_url
from app.web.pages.offers import new_key
from app.web.pages.visits import visit_of_booking

GONE = 410


def lapsed_page(guest: Guest, typed: Mapping[str, str] | None = None) -> Response:
    """typed is what came with the request that was too late; what came before is kept with the hold."""
    visit, speech = visit_of_booking(guest.booking), guest.speech
    what = visit.seats or visit.time or ""
    has_expired = guest.booking["status"] == "EXPIRED"
    return make_response(
        render_template(
            "lapsed.html",
            title=_("Your hold on %(what)s has ended", what=what)
            if has_expired
            else _("Your hold on %(what)s has been given back", what=what),
            visit=visit,
            speech=speech,
            again_url=url_for("pages.hold_again", token=guest.token),
            times_url=times_url(guest),
            details=typed,
            key=new_key(),
        ),
        GONE,
    )
