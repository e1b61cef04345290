"""My calendars: addresses that a calendar program subscribes to, made, renewed and taken back."""

from __future__ import annotations

import uuid

from flask import make_response, render_template, request, url_for
from werkzeug.wrappers import Response

from app.audit.journal import Witness
from app.directory.doctors import list_doctors
from app.errors import Conflict, ValidationFailed
from app.feeds import subscriptions
from app.feeds.subscriptions import BUSY, FULL, FeedDraft, Opened
from app.languages.texts import N_, _, language
from app.web.api.feeds import with_url
from app.web.callers import required_principal
from app.web.origins import origin
from app.web.pages.account.cookies import on_to
from app.web.pages.blueprint import pages
from app.web.pages.hold import slot_id_in
from app.web.parts import parts
from app.web.policy import policy
from app.web.staff import served

MOST_DOCTORS = 200
MINE = "mine"
DONE = {"revoked": N_("The address opens nothing any more.")}


@pages.get("/account/calendars")
@policy("authenticated")
def calendars() -> Response:
    """The feeds in use, and a form for one more."""
    return _page()


@pages.post("/account/calendars")
@policy("authenticated")
def add_calendar() -> Response:
    """Make one; its address is on the page that answers, and on no other."""
    whose, shows = request.form.get("whose", MINE), request.form.get("shows", BUSY)
    if shows not in (BUSY, FULL):
        raise ValidationFailed.of("shows", "choose what the calendar shows")
    draft = FeedDraft(None if whose == MINE else slot_id_in(whose), shows, language())
    try:
        return _page(subscriptions.create(parts().accounts, required_principal(), draft, _who()))
    except Conflict as conflict:
        return _page(refusal=conflict.detail)


@pages.post("/account/calendars/<uuid:feed_id>/rotate")
@policy("authenticated")
def rotate_calendar(feed_id: uuid.UUID) -> Response:
    """A new address."""
    return _page(subscriptions.rotate(parts().accounts, required_principal(), feed_id, _who()))


@pages.post("/account/calendars/<uuid:feed_id>/revoke")
@policy("authenticated")
def revoke_calendar(feed_id: uuid.UUID) -> Response:
    """Take it back."""
    subscriptions.revoke(parts().accounts, required_principal(), feed_id, _who())
    return on_to(url_for("pages.calendars", done="revoked"))


def _page(opened: Opened | None = None, refusal: str | None = None) -> Response:
    caller = required_principal()
    with parts().database.read() as connection:
        feeds = subscriptions.list_own(connection, caller)
        doctors = list_doctors(connection, limit=MOST_DOCTORS) if caller.is_staff else []
    page = render_template(
        "account/calendars.html",
        me=caller,
        feeds=feeds,
        doctors=served(doctors) if doctors else [],
        chosen=request.values.get("whose", MINE),
        opened=with_url(opened) if opened else None,
        found=[{"field": "whose", "message": refusal}] if refusal else [],
        done=_(DONE.get(request.args.get("done", ""), "")),
    )
    return make_response(page, 422 if refusal else 200)


def _who() -> Witness:
    return Witness(f"user:{required_principal().user_id}", origin())
