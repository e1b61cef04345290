"""Taking a time, keeping it longer, giving it back, taking it again. None of these is a screen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from flask import redirect, request, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from app.booking.actions import (
    Claim,
    FirstFree,
    PatientDetails,
    describe_hold,
    extend_hold,
    hold_first_free,
    hold_slot,
)
from app.errors import NotFound
from app.web.actors import actor_with
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
#: Those of a showtime, for people and for the script of the seat map.
SEAT_SCREENS = {"seats": "pages.seats", "basket": "pages.basket"}


@dataclass(frozen=True)
class Taking:
    """A press on a time, or seats: which, and what was typed before, if this replaces what was lost."""

    slot_ids: tuple[int, ...]
    patient: PatientDetails | None


@pages.post("/holds")
@policy("public")
def hold() -> Response:
    """Hold a time; an earlier hold of this browser is given back once the new one is safe."""
    taking = Taking((wanted_slot_id(request.form),), usable_details(request.form))
    earlier = my_hold.current_hold()
    if earlier and earlier.slot_ids == taking.slot_ids:
        _describe(earlier, taking.patient)
        return _to_screen(earlier, "details")
    token = take_instead(earlier, taking)
    return my_hold.remember(redirect(url_for("pages.details", token=token), SEE_OTHER), token)


@pages.post("/holds/first")
@policy("public")
def hold_first() -> Response:
    """Hold the first free time of any doctor, or of any in a specialty: chosen and held in one step."""
    wanted = FirstFree(None, specialization=request.form.get("specialization", "")[:100] or None)
    key = request_key({"specialization": wanted.specialization}, variant="first")
    token = token_of(hold_first_free(parts().engine, wanted, actor_with(), key).value)
    earlier = my_hold.current_hold()
    if earlier and earlier.token != token:
        my_hold.give_back(earlier)
    return my_hold.remember(redirect(url_for("pages.details", token=token), SEE_OTHER), token)


@pages.post("/hold/<token>/again")
@policy("public")
def hold_again(token: str) -> Response:
    """Take the time of an ended hold again, for the same person."""
    guest = guest_of(token)
    if not guest.was_only_held:
        return redirect(where_it_is(guest), SEE_OTHER)
    fresh = take_again(guest, usable_details(request.form))
    return my_hold.remember(_to_screen(replace(guest, token=fresh), asked_screen()), fresh)


@pages.post("/hold/<token>/extend")
@policy("public")
def extend(token: str) -> Response:
    """Start the hold's time again; what is typed meanwhile is kept."""
    guest = guest_of(token)
    if guest.is_held:
        _describe(guest, usable_details(request.form))
    extend_hold(parts().engine, guest.booking_id, guest.actor)
    return _to_screen(guest, asked_screen())


@pages.post("/hold/<token>/release")
@policy("public")
def release(token: str) -> Response:
    """Give the time or the seats back, as asked for with the button."""
    guest = guest_of(token)
    my_hold.give_back(guest)
    return my_hold.forget(redirect(times_url(guest), SEE_OTHER))


@pages.post("/hold/<token>/leave")
@policy("public")
def leave(token: str) -> Response:
    """Give it back because its page was left for something else than this hold."""
    response = Response(status=NO_CONTENT)
    if not my_hold.is_last_view(token, request.form.get("view", "")):
        return response
    my_hold.give_back(guest_of(token))
    return my_hold.forget(response)


def take(taking: Taking) -> str:
    """Hold the slots and return the token of the hold. Raises what hold_slot raises."""
    claim = Claim(taking.slot_ids, taking.patient)
    # One key serves a whole list of times, so the slots are part of it.
    named = ",".join(map(str, taking.slot_ids))
    key = request_key({"slot_ids": named}, variant=named)
    answer = hold_slot(parts().engine, claim, actor_with(), key)
    token = token_of(answer.value)
    if answer.replayed and guest_of(token).was_only_held:
        # An old page was sent again after its hold had ended: this is a new wish.
        token = token_of(hold_slot(parts().engine, claim, actor_with()).value)
    return token


def take_instead(earlier: Guest | None, taking: Taking) -> str:
    """Hold these slots and give an earlier hold back once they are safe."""
    token = take(taking)
    if earlier and earlier.token != token:
        my_hold.give_back(earlier)
    return token


def take_again(guest: Guest, typed: PatientDetails | None = None) -> str:
    """Hold the same slots as before for the same person; what is typed now counts more."""
    return take(Taking(guest.slot_ids, typed or usable_details(guest.booking)))


def where_it_is(guest: Guest) -> str:
    """The page that shows the booking in the state it is in."""
    if guest.is_held:
        return url_for("pages.details", token=guest.token)
    return url_for("pages.manage", token=guest.token)


def times_url(guest: Guest) -> str:
    """Where to choose again: the seat map, or the day the booking is on in its doctor's picker."""
    if guest.showtime_id is not None:
        return url_for("pages.seats", showtime_id=guest.showtime_id)
    day = instant(guest.booking["starts_at"]).astimezone(guest.zone).date()
    path = url_for("pages.times", doctor_id=int(guest.booking["doctor_id"]))
    return f"{path}?{urlencode({'date': day.isoformat()})}"


def _describe(guest: Guest, patient: PatientDetails | None) -> None:
    if patient:
        describe_hold(parts().engine, guest.booking_id, patient, guest.actor)


def asked_screen() -> str:
    """Where the form wants to come back to."""
    return request.form.get("next", "details")


def _to_screen(guest: Guest, name: str) -> Response:
    if name in SEAT_SCREENS and guest.showtime_id is not None:
        return redirect(url_for(SEAT_SCREENS[name], showtime_id=guest.showtime_id), SEE_OTHER)
    return redirect(url_for(SCREENS.get(name, SCREENS["details"]), token=guest.token), SEE_OTHER)


def wanted_slot_id(values: Mapping[str, str]) -> int:
    """The slot a form names. Raises NotFound when that cannot be one."""
    return slot_id_in(values.get("slot_id", ""))


def wanted_slot_ids(values: MultiDict[str, str]) -> tuple[int, ...]:
    """The slots a form names, at least one. Raises NotFound when one cannot be a slot."""
    named = sorted({slot_id_in(text) for text in values.getlist("slot_id")})
    if not named:
        raise NotFound("There is no such time.")
    return tuple(named)


def slot_id_in(text: str) -> int:
    """Raises NotFound."""
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:20]) <= LARGEST_ID):
        raise NotFound("There is no such time.")
    return int(text)
