"""Showtimes: one, or the same times on several days in a row, with what is made and what is left out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from flask import redirect, request, url_for
from pydantic import AfterValidator, Field
from sqlalchemy import Connection
from werkzeug.wrappers import Response

from app.directory.halls import list_halls
from app.directory.movies import list_movies
from app.directory.placing import read_now
from app.directory.program import Program, daily
from app.directory.scheduling import create_showtimes, preview_showtimes
from app.directory.wall_time import local_day
from app.errors import NotFound, ValidationFailed
from app.languages.texts import N_, _, ngettext
from app.web.api.booking_answers import current_actor
from app.web.api.cinema_inputs import MOST_TIMES_A_DAY
from app.web.api.fields import Day, Line, ResourceId
from app.web.api.inputs import RequestModel
from app.web.pages.admin.screen import Typed, is_in_earnest, render_admin
from app.web.pages.blueprint import pages
from app.web.pages.forms import Wrong, read_form, request_key
from app.web.pages.wording import short_day
from app.web.parts import parts
from app.web.policy import policy

MOST_CHOICES = 100
MOST_DAYS_SHOWN = 14
TIME = re.compile(r"([01]?\d|2[0-3])[:.]([0-5]\d)")
#: Why a showtime is left out, for a person.
REASONS = {
    "NO_SUCH_LOCAL_TIME": N_("the clocks go forward over this time"),
    "IN_THE_PAST": N_("in the past"),
    "ALREADY_THERE": N_("there already"),
    "OVERLAP": N_("the hall is taken then"),
}


def _times(text: str) -> str:
    """Raises ValueError for what are no times of a day."""
    if not 1 <= len(minutes_in(text)) <= MOST_TIMES_A_DAY:
        raise ValueError("must be times such as 17:00, 20:15")
    return text


def minutes_in(text: str) -> list[int]:
    """The times in a list such as "17:00, 20:15", as minutes of the day; none when one cannot be read."""
    found = [TIME.fullmatch(word) for word in re.split(r"[,;\s]+", text.strip()) if word]
    if not all(found):
        return []
    return sorted({int(each[1]) * 60 + int(each[2]) for each in found if each})


class ShowtimeForm(RequestModel):
    """Showtimes as typed: times of the day in the hall, on so many days in a row."""

    movie_id: ResourceId
    hall_id: ResourceId
    first_day: Day
    times: Annotated[Line, AfterValidator(_times)]
    days: Annotated[int, Field(ge=1, le=MOST_DAYS_SHOWN)] = 1

    def program(self) -> Program:
        starts = daily(self.first_day, self.days, minutes_in(self.times))
        return Program(self.movie_id, self.hall_id, starts, starts_field="times")


@pages.get("/admin/showtimes")
@policy("admin")
def admin_showtimes() -> Response:
    """A form for showtimes, for tomorrow unless something else is asked for."""
    with parts().database.read() as connection:
        today = local_day(read_now(connection), parts().config.zone)
    asked = {name: request.args.get(name, "") for name in ("movie_id", "hall_id")}
    return _page(Typed({"first_day": today.isoformat(), "times": "17:00, 20:15", "days": "7", **asked}))


@pages.post("/admin/showtimes")
@policy("admin")
def admin_showtimes_add() -> Response:
    """Show what the form makes, or make it."""
    read = read_form(ShowtimeForm, request.form)
    if isinstance(read, Wrong):
        return _page(Typed(read.values, dict(read.sentences)))
    typed = Typed({name: str(value) for name, value in read.model_dump().items()})
    program = read.program()
    try:
        if is_in_earnest():
            key = request_key(read.model_dump(mode="json"))
            done = create_showtimes(parts().directory, program, current_actor().label, key)
            made = _showtimes(done.value["created"])
            return redirect(url_for("pages.admin_showtimes", done=made), 303)
        with parts().database.read() as connection:
            typed.preview = _shown(preview_showtimes(connection, program))
    except ValidationFailed as refusal:
        typed.refuse(refusal, "times")
    except NotFound as refusal:
        typed.refuse(refusal, "movie_id")
    return _page(typed)


def _shown(report: Mapping[str, Any]) -> dict[str, Any]:
    zone = ZoneInfo(report["timezone"])
    return {
        **report,
        "zone": zone.key,
        "made": [{**each, "day": _day(each)} for each in report["showtimes"]],
        "left_out": [
            {**each, "day": _day(each), "why": _(REASONS.get(each["reason"], each["reason"]))}
            for each in report["skipped_showtimes"]
        ],
        "made_words": _showtimes(report["created"]),
        "seats_words": _seats(report["seats_created"]),
    }


def _seats(count: int) -> str:
    return ngettext("%(num)s seat", "%(num)s seats", count) if count else _("no seats")


def _showtimes(count: int) -> str:
    return ngettext("%(num)s showtime", "%(num)s showtimes", count) if count else _("no showtimes")


def _day(showtime: Mapping[str, Any]) -> str:
    return short_day(date.fromisoformat(showtime["show_date"]))


def _page(typed: Typed) -> Response:
    with parts().database.read() as connection:
        choices = _choices(connection)
    return render_admin("showtimes", typed, most_days=MOST_DAYS_SHOWN, **choices)


def _choices(connection: Connection) -> dict[str, list[tuple[str, str]]]:
    halls = list_halls(connection, limit=MOST_CHOICES)
    return {
        "movies": [
            (movie["id"], f"{movie['title']} ({movie['minutes']} min)")
            for movie in list_movies(connection, limit=MOST_CHOICES)
        ],
        "halls": [
            (
                hall["id"],
                f"{hall['name']}, {hall['place']} ({_seats(hall['seats'])})",
            )
            for hall in halls
        ],
    }
