"""Repeating an appointment: choose a rule, see which times are free, book them; later see all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from flask import Response as FlaskResponse
from flask import make_response, redirect, render_template, request, url_for
from pydantic import Field
from werkzeug.wrappers import Response

from app.booking.actions import SeriesWish, book_series
from app.booking.recurrence import MOST_EVERY, MOST_TIMES, Frequency, Repeat
from app.booking.series import REPEATABLE, preview_series, read_series
from app.errors import ValidationFailed
from app.languages.texts import N_, _, ngettext
from app.web.api.fields import Day
from app.web.api.inputs import RequestModel
from app.web.failures import Failure
from app.web.pages.blueprint import pages
from app.web.pages.forms import Wrong, read_form, request_key
from app.web.pages.guests import Guest, guest_of, token_of
from app.web.pages.hold import SEE_OTHER
from app.web.pages.offers import new_key
from app.web.pages.places import place_lines
from app.web.pages.visits import visit_of_booking
from app.web.parts import parts
from app.web.policy import policy

UNPROCESSABLE = 422
USUAL = {"frequency": Frequency.WEEKLY.value, "every": "1", "count": "4"}
FREQUENCIES = {
    Frequency.WEEKLY: N_("weeks"),
    Frequency.DAILY: N_("days"),
    Frequency.MONTHLY: N_("months"),
}


class RepeatForm(RequestModel):
    frequency: Frequency
    every: int = Field(1, ge=1, le=MOST_EVERY)
    count: int | None = Field(None, ge=2, le=MOST_TIMES)
    until: Day | None = None
    take: Literal["all", "free"] = "all"

    def repeat(self) -> Repeat:
        return Repeat(self.frequency, self.every, None if self.until else self.count, self.until)


@dataclass(frozen=True)
class SeriesLine:
    """One time of a series in its list."""

    visit: Any
    url: str
    is_this: bool


@pages.get("/m/<token>/series")
@policy("public")
def series(token: str) -> Response:
    """All times of a series; before there is one, the rule and a look at what it would take."""
    guest = guest_of(token)
    if guest.booking["series_id"]:
        return make_response(_all_times(guest))
    if guest.booking["status"] not in REPEATABLE or guest.showtime_id is not None:
        return redirect(url_for("pages.manage", token=token), SEE_OTHER)
    return _planner(guest, read_form(RepeatForm, request.args) if request.args else None)


@pages.post("/m/<token>/series")
@policy("public")
def repeat(token: str) -> Response:
    """Book the series; sent twice, it is booked once."""
    guest = guest_of(token)
    read = read_form(RepeatForm, request.form)
    if isinstance(read, Wrong):
        return _planner(guest, read)
    wish = SeriesWish(read.repeat(), guest.booking_id, takes_what_is_free=read.take == "free")
    key = request_key(read.model_dump(mode="json"), variant=read.take)
    book_series(parts().engine, wish, guest.actor, key)
    return redirect(url_for("pages.series", token=token, done="booked"), SEE_OTHER)


def _planner(guest: Guest, asked: RepeatForm | Wrong | None) -> Response:
    values: Mapping[str, str] = USUAL
    wrong: Mapping[str, str] = {}
    places: Sequence[Mapping[str, Any]] = ()
    if isinstance(asked, Wrong):
        values, wrong = asked.values, asked.sentences
    elif asked is not None:
        values = {name: str(value) for name, value in asked.model_dump(mode="json").items() if value}
        try:
            with parts().database.read() as connection:
                wish = SeriesWish(asked.repeat(), guest.booking_id)
                places = preview_series(connection, wish, guest.actor)
        except ValidationFailed as refusal:
            wrong = {each["field"]: each["message"] for each in refusal.extras["errors"]}
    free = sum(place["is_free"] for place in places)
    page = render_template(
        "series.html",
        visit=visit_of_booking(guest.booking),
        speech=guest.speech,
        values=values,
        wrong=wrong,
        found=Wrong(values, wrong).summary,
        frequencies=[(each.value, _(words)) for each, words in FREQUENCIES.items()],
        lines=place_lines(places, guest.zone),
        free=free,
        is_all_free=free == len(places),
        key=new_key(),
        series_url=url_for("pages.series", token=guest.token),
        booking_url=url_for("pages.manage", token=guest.token),
    )
    return make_response(page, UNPROCESSABLE if wrong else 200)


def _all_times(guest: Guest) -> str:
    with parts().database.read() as connection:
        found = read_series(connection, guest.booking_id, guest.actor)
    lines = [
        SeriesLine(
            visit_of_booking(each),
            url_for("pages.manage", token=token_of(each)),
            each["id"] == guest.booking["id"],
        )
        for each in found["bookings"]
    ]
    return render_template(
        "series_times.html",
        heading=ngettext(
            "%(num)s time with %(doctor)s",
            "%(num)s times with %(doctor)s",
            len(lines),
            doctor=guest.booking["doctor"]["name"],
        ),
        lines=lines,
        done=request.args.get("done"),
        booking_url=url_for("pages.manage", token=guest.token),
        move_url=url_for("pages.move", token=guest.token),
        cancel_url=url_for("pages.cancel", token=guest.token),
        is_live=guest.is_confirmed,
    )


def series_refused(failure: Failure) -> FlaskResponse:
    """Not all times could be had: which ones, and what is free nearby."""
    token = str((request.view_args or {}).get("token", ""))
    guest = guest_of(token)
    page = render_template(
        "series_refused.html",
        title=failure.title,
        words=failure.detail,
        lines=place_lines(failure.extras.get("refused", []), guest.zone),
        again_url=url_for("pages.move" if guest.booking["series_id"] else "pages.series", token=token),
        booking_url=url_for("pages.manage", token=token),
    )
    return make_response(page, failure.status)
