"""Screen 3: who the appointment is for, while the time is held."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.booking.actions import describe_hold
from app.web.callers import principal
from app.web.pages import my_hold
from app.web.pages.blueprint import pages
from app.web.pages.countdown import hold_bar
from app.web.pages.forms import PatientForm, Wrong, read_form, usable_details
from app.web.pages.guests import Guest, guest_of
from app.web.pages.hold import SEE_OTHER, take_again, times_url, where_it_is
from app.web.pages.lapsed import lapsed_page
from app.web.pages.visits import visit_of_booking
from app.web.parts import parts
from app.web.people import own_dependants
from app.web.policy import policy

UNPROCESSABLE = 422
MYSELF = "me"


@pages.get("/hold/<token>")
@policy("public")
def details(token: str) -> Response | str:
    """The form, with what was typed so far."""
    guest = guest_of(token)
    if guest.was_only_held:
        return lapsed_page(guest)
    if not guest.is_held:
        return redirect(where_it_is(guest), SEE_OTHER)
    return _form(guest, Wrong(_known(guest)))


@pages.post("/hold/<token>")
@policy("public")
def save_details(token: str) -> Response | tuple[str, int]:
    """Keep what was typed with the hold, and go on to check it."""
    guest = guest_of(token)
    if not (guest.is_held or guest.was_only_held):
        return redirect(where_it_is(guest), SEE_OTHER)
    typed, dependant_id = _named()
    read = read_form(PatientForm, typed)
    if isinstance(read, Wrong):
        return (_form(guest, read), UNPROCESSABLE) if guest.is_held else _ended_meanwhile(guest)
    who = replace(read.details(), dependant_id=dependant_id)
    if guest.was_only_held:
        token = take_again(guest, who)
    else:
        describe_hold(parts().engine, guest.booking_id, who, guest.actor)
    return my_hold.remember(redirect(url_for("pages.check", token=token), SEE_OTHER), token)


def _named() -> tuple[dict[str, str], uuid.UUID | None]:
    """What was typed, with the name of who was chosen: oneself, or somebody of one's account."""
    typed, chosen, caller = request.form.to_dict(), request.form.get("who", ""), principal()
    if caller is not None and chosen == MYSELF:
        return {**typed, "patient_name": caller.name}, None
    person = next((each for each in own_dependants() if str(each.id) == chosen), None)
    return ({**typed, "patient_name": person.name}, person.id) if person else (typed, None)


def _choices(guest: Guest, typed: Wrong) -> list[tuple[str, str, bool]]:
    """Oneself and the people of one's account as value, name and whether chosen; none if there are none."""
    caller, people = principal(), own_dependants()
    if caller is None or not people:
        return []
    name = typed.values.get("patient_name")
    chosen = request.form.get("who") or guest.booking["dependant_id"]
    if chosen is None and name in (None, "", caller.name):
        chosen = MYSELF
    all_of_them = [(MYSELF, caller.name), *((str(each.id), each.name) for each in people)]
    return [(value, words, value == chosen) for value, words in all_of_them]


def _known(guest: Guest) -> dict[str, Any]:
    """What was typed so far; somebody who is logged in need not type who they are."""
    caller = principal()
    if caller is None or guest.booking["patient_name"] or guest.booking["patient_email"]:
        return guest.booking
    return {**guest.booking, "patient_name": caller.name, "patient_email": caller.email}


def _ended_meanwhile(guest: Guest) -> Response:
    """The hold ended and the fields need work: hold the time again, keep what is right."""
    token = take_again(guest, usable_details(request.form))
    return my_hold.remember(redirect(url_for("pages.details", token=token), SEE_OTHER), token)


def _form(guest: Guest, typed: Wrong) -> str:
    return render_template(
        "details.html",
        hold=hold_bar(guest, "details"),
        visit=visit_of_booking(guest.booking),
        speech=guest.speech,
        values=typed.values,
        people=_choices(guest, typed),
        wrong=typed.sentences,
        found=typed.summary,
        details_url=url_for("pages.save_details", token=guest.token),
        times_url=times_url(guest),
    )
