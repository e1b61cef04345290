"""A step of the staff that was not carried out: why, and the way back to where they were."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from flask import Response, make_response, redirect, render_template, request, url_for

from app.languages.texts import N_, _
from app.web.correlation import correlation_id
from app.web.failures import Failure
from app.web.pages.wording import clock_time, instant, short_day, words_of
from app.web.parts import parts

DOORS = ("/desk", "/admin", "/my")
WORDS = {
    HTTPStatus.UNPROCESSABLE_ENTITY: N_("That cannot be done as it stands"),
    HTTPStatus.FORBIDDEN: N_("This is not for your account"),
}


def is_about_staff() -> bool:
    """Every page of the staff is behind one of these doors."""
    return "/" + request.path.split("/")[1] in DOORS


def render_staff_refused(failure: Failure) -> Response:
    """Whoever is not logged in (any more) is asked to; others are told why."""
    if failure.status == HTTPStatus.UNAUTHORIZED:
        here = request.full_path.rstrip("?") if request.method == "GET" else _back()
        return make_response(redirect(url_for("pages.log_in", next=here), HTTPStatus.SEE_OTHER))
    return make_response(
        render_template(
            "desk/refused.html",
            title=_(WORDS.get(HTTPStatus(failure.status), failure.title)),
            words=words_of(failure),
            status=failure.status,
            back=_back(),
            alternatives=[_when(each) for each in failure.extras.get("alternatives") or ()],
            correlation_id=correlation_id(),
        ),
        failure.status,
    )


def _when(slot: Mapping[str, Any]) -> str:
    """A free time as the board says it: by the clinic's clock."""
    zone = parts().config.zone
    begin = instant(slot["starts_at"])
    return f"{short_day(begin.astimezone(zone).date())}, {clock_time(begin, zone)}"


def _back() -> str:
    """The page the form was on, if it is one of the same part of the house."""
    came_from = urlsplit(request.referrer or "")
    door = "/" + request.path.split("/")[1]
    if came_from.netloc == request.host and came_from.path.startswith(door):
        return came_from.path + (f"?{came_from.query}" if came_from.query else "")
    return door
