"""Taking a time, keeping it longer, giving it back, taking it again. None of these is a screen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from flask import redirect, request, url_for
from werkzeug.wrappers import Response

from app.booking.actions import GUEST, Claim, PatientDetails, describe_hold, extend_hold, hold_slot
from app.errors import NotFound
from app.web.pages import my_hold
from app.web.pages.blueprint import pages
from app.web.pages.forms import request_key, usable_details
from app.web.pages.guests import Guest, guest_of, token_of
from app.web.pages.wording import instant
from app.web.parts import parts
from app.web.paths import LARGEST_ID
from app.web.policy import policy

SEE_OTHER, NO_CONTENT = 303, 204
#: Screens a hold's buttons lead back to.
SCREENS = {"details": "pages.details", "check": "pages.check"}


@dataclass(frozen=True)
class Taking:
    """A press on a time: which one, and what was typed before, if this replaces a lost time."""

    slot_id: int
    patient: PatientDetails | None


@pages.post("/holds")
@policy("public")
def hold() -> Response:
    """Hold a time; an earlier hold of this browser is given back once the new one is safe."""
    taking = Taking(wanted_slot_id(request.form), usable_details(request.form))
    earlier = my_hold.current_hold()
    if earlier and earlier.slot_id == taking.slot_id:
        _describe(earlier, taking.patient)
        return _to_screen(earlier.token, "details")
    token = take(taking)
    if earlier and earlier.token != token:
        my_hold.give_back(earlier)
    return my_hold.remember(_to_screen(token, "details"), token)


@pages.post("/hold/<token>/again")
@policy("public")
def hold_again(token: str) -> Response:
    """Take the time of an ended hold again, for the same person."""
    guest = guest_of(token)
    if not guest.was_only_held:
        return redirect(where_it_is(guest), SEE_OTHER)
    fresh = take_again(guest, usable_details(request.form))
    return my_hold.remember(_to_screen(fresh, request.form.get("next", "details")), fresh)


@pages.post("/hold/<token>/extend")
@policy("public")
def extend(token: str) -> Response:
    """Start the hold's time again; what is typed meanwhile is kept."""
    guest = guest_of(token)
    if guest.is_held:
        _describe(guest, usable_details(request.form))
    extend_hold(parts().engine, guest.booking_id, guest.actor)
    return _to_screen(token, request.form.get("next", "details"))


@pages.post("/hold/<token>/release")
@policy("public")
def release(token: str) -> Response:
    """Give the time back, as asked for with the button."""
    guest = guest_of(token)
    my_hold.give_back(guest)
    return my_hold.forget(redirect(times_url(guest), SEE_OTHER))


@pages.post("/hold/<token>/leave")
@policy("public")
def leave(token: str) -> Response:
    """Give the time back because its page was left for something else than this hold."""
    response = Response(status=NO_CONTENT)
    if not my_hold.is_last_view(token, request.form.get("view", "")):
        return response
    my_hold.give_back(guest_of(token))
    return my_hold.forget(response)


def take(taking: Taking) -> str:
    """Hold the slot and return the token of the hold. Raises what hold_slot raises."""
    claim = Claim((taking.slot_id,), taking.patient)
    # One key serves a whole list of times, so the slot is part of it.
    key = request_key({"slot_id": taking.slot_id}, variant=str(taking.slot_id))
    answer = hold_slot(parts().engine, claim, GUEST, key)
    token = token_of(answer.value)
    if answer.replayed and guest_of(token).was_only_held:
        # An old page was sent again after its hold had ended: this is a new wish.
        token = token_of(hold_slot(parts().engine, claim, GUEST).value)
    return token


def take_again(guest: Guest, typed: PatientDetails | None = None) -> str:
    """Hold the same time as before for the same person; what is typed now counts more."""
    return take(Taking(guest.slot_id, typed or usable_details(guest.booking)))


def where_it_is(guest: Guest) -> str:
    """The page that shows the booking in the state it is in."""
    if guest.is_held:
        return url_for("pages.details", token=guest.token)
    return url_for("pages.manage", token=guest.token)


def times_url(guest: Guest) -> str:
    """The day the booking is on, in its doctor's picker."""
    day = instant(guest.booking["starts_at"]).astimezone(guest.zone).date()
    path = url_for("pages.times", doctor_id=int(guest.booking["doctor_id"]))
    return f"{path}?{urlencode({'date': day.isoformat()})}"


def _describe(guest: Guest, patient: PatientDetails | None) -> None:
    if patient:
        describe_hold(parts().engine, guest.booking_id, patient, guest.actor)


def _to_screen(token: str, name: str) -> Response:
    return redirect(url_for(SCREENS.get(name, SCREENS["details"]), token=token), SEE_OTHER)


def wanted_slot_id(values: Mapping[str, str]) -> int:
    """The slot a form names. Raises NotFound when that cannot be one."""
    text = values.get("slot_id", "")
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:20]) <= LARGEST_ID):
        raise NotFound("There is no such time.")
    return int(text)
