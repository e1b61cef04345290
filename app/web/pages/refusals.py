"""The pages of things that go wrong: the truth, what is not lost, and the next step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from flask import Response, make_response, redirect, render_template, request, url_for

from app.booking.availability import read_slot
from app.booking.free_slots import nearest_free
from app.directory.placing import read_now
from app.languages.texts import N_, _, translated
from app.web.correlation import correlation_id
from app.web.failures import Failure
from app.web.pages.desk.refused import is_about_staff, render_staff_refused
from app.web.pages.forms import PatientForm
from app.web.pages.guests import Guest, guest_of
from app.web.pages.hold import where_it_is
from app.web.pages.lapsed import lapsed_page
from app.web.pages.monitor.refused import is_about_monitor, render_refused
from app.web.pages.offers import Offer, new_key, offer_of
from app.web.pages.seat_refusals import seats_lost_page, wanted_showtime
from app.web.pages.series import series_refused
from app.web.pages.wording import clock_time, instant, short_day, span
from app.web.parts import parts

#: What a person is told, by status; anything else is told in the words of the refusal itself.
WORDS: dict[int, tuple[str, str]] = {
    400: (N_("We could not read that"), N_("The address or the form arrived damaged. Please start again.")),
    401: (N_("Please log in"), N_("Your login has ended, or there was none. Nothing was changed.")),
    403: (N_("This is not for you"), N_("Your account may not do this. Nothing was changed.")),
    404: (
        N_("There is nothing here"),
        N_("The address may be cut off or mistyped, or what was here is gone."),
    ),
    405: (N_("This is not a page"), N_("The address only works from a button. Please start again.")),
    413: (N_("That was too much"), N_("The form was larger than we accept.")),
    429: (N_("One moment, please"), N_("Too many requests came from here. Wait a minute, then go on.")),
    500: (
        N_("Something went wrong on our side"),
        N_(
            "It was recorded. If you were booking, look under My booking before you start again: "
            "what was confirmed is kept."
        ),
    ),
    503: (
        N_("We cannot answer at the moment"),
        N_("Nothing was changed. The same step works again in a few seconds."),
    ),
}
WORDS_OF_CODE: dict[str, tuple[str, str]] = {
    "FORGED_REQUEST": (
        N_("This form came from somewhere else"),
        N_(
            "For your safety nothing was changed. Open the page again and repeat the last step. "
            "Cookies must be allowed."
        ),
    ),
}
TOO_MANY = 429
TAKEN_TITLES = {
    "SLOT_TAKEN": N_("%(time)s was just taken by someone else"),
    "SLOT_HELD": N_("%(time)s is on hold for someone else"),
    "SLOT_BLOCKED": N_("%(time)s is not offered any more"),
    "OVERLAP": N_("%(time)s overlaps another booking"),
    "SLOT_IN_PAST": N_("%(time)s has passed"),
}


@dataclass(frozen=True)
class Lost:
    """A time somebody wanted and cannot have, and the ones closest to it."""

    time: str
    day: str
    day_url: str
    alternatives: list[Offer]


def render_failure(failure: Failure) -> Response:
    """The page for this failure, with its status and headers."""
    if failure.code == "UNAUTHENTICATED" and request.method == "GET":
        return make_response(redirect(url_for("pages.log_in", next=request.full_path.rstrip("?")), 303))
    response = _renderer(failure)(failure)
    response.headers.extend(failure.headers)
    return response


def _renderer(failure: Failure) -> Callable[[Failure], Response]:
    if is_about_monitor():
        return render_refused
    if is_about_staff():
        return render_staff_refused
    return SPECIAL.get(failure.code, _plain)


def _conflict(failure: Failure) -> Response:
    guest = _guest()
    if showtime_id := wanted_showtime(failure, guest):
        return seats_lost_page(failure, showtime_id, guest)
    slot_id = _wanted_slot(failure, guest)
    if slot_id is None:
        return _plain(failure)
    lost = _lost(slot_id)
    moving = guest if guest and guest.is_confirmed else None
    return make_response(
        render_template(
            "conflict.html",
            title=_(TAKEN_TITLES[failure.extras.get("reason", failure.code)], time=lost.time),
            words=_conflict_words(failure, lost, moving),
            alternatives=lost.alternatives,
            details=_typed(guest),
            key=new_key(),
            moving=moving,
            take_url=url_for("pages.move_check", token=moving.token) if moving else url_for("pages.hold"),
            back_url=url_for("pages.move", token=moving.token) if moving else lost.day_url,
            back_words=_("All times") if moving else _("All times on %(day)s", day=lost.day),
        ),
        failure.status,
    )


def _lapsed(failure: Failure) -> Response:
    guest = _guest()
    return lapsed_page(guest, _typed(None)) if guest and guest.was_only_held else _plain(failure)


def _plain(failure: Failure) -> Response:
    title, words = WORDS_OF_CODE.get(failure.code) or WORDS.get(
        failure.status, (failure.title, failure.detail)
    )
    if "retry_after_seconds" in failure.extras and failure.status == TOO_MANY:
        words = failure.detail
    is_ours = failure.code in {"WRONG_STATE", "TOO_MANY_EXTENSIONS", "TOO_LATE_TO_CHANGE"}
    guest = _guest() if is_ours else None
    return make_response(
        render_template(
            "refused.html",
            status=failure.status,
            title=translated(title),
            words=translated(words),
            back_url=where_it_is(guest) if guest else None,
            retry_url=request.url if failure.retryable and request.method == "GET" else None,
            correlation_id=correlation_id(),
        ),
        failure.status,
    )


#: What a person meets on the way is told with the next step; the rest by its status.
SPECIAL: dict[str, Callable[[Failure], Response]] = {
    "BOOKING_CONFLICT": _conflict,
    "SLOT_IN_PAST": _conflict,
    "SERIES_CONFLICT": series_refused,
    "HOLD_EXPIRED": _lapsed,
}


def _guest() -> Guest | None:
    """Whose booking the refused request was about."""
    token = (request.view_args or {}).get("token")
    return guest_of(token) if token else None


def _wanted_slot(failure: Failure, guest: Guest | None) -> int | None:
    named = failure.extras.get("slot_id") or request.form.get("slot_id")
    return int(named) if named else guest.slot_id if guest else None


def _lost(slot_id: int) -> Lost:
    """Read now: a repeated refusal remembers alternatives that may be gone."""
    with parts().database.read() as connection:
        now, slot = read_now(connection), read_slot(connection, slot_id)
        doctor_id, starts_at = int(slot["doctor_id"]), instant(slot["starts_at"])
        free = nearest_free(connection, doctor_id, starts_at)
    zone = ZoneInfo(slot["timezone"])
    day = date.fromisoformat(slot["slot_date"])
    return Lost(
        time=clock_time(starts_at, zone),
        day=short_day(day),
        day_url=f"{url_for('pages.times', doctor_id=doctor_id)}?date={day.isoformat()}",
        alternatives=[offer_of(other, zone, now) for other in free if other["id"] != slot["id"]],
    )


def _conflict_words(failure: Failure, lost: Lost, moving: Guest | None) -> str:
    seconds = failure.extras.get("retry_after_seconds")
    held = _(
        "They have about %(span)s to finish; if they do not, the time is free again.", span=span(seconds or 0)
    )
    kept = _("Your appointment is unchanged.") if moving else _("Nothing was saved.")
    nearest = _("The nearest free times are below; one press holds one for you.")
    none = _("This doctor has no other free time at the moment.")
    return " ".join([*([held] if seconds else []), kept, nearest if lost.alternatives else none])


def _typed(guest: Guest | None) -> dict[str, str]:
    """What the person typed so far, to be carried to another time."""
    kept: Mapping[str, Any] = guest.booking if guest else {}
    found = {name: request.form.get(name) or kept.get(name) for name in PatientForm.model_fields}
    return {name: text for name, text in found.items() if text}
