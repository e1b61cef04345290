"""What is left of a doctor's day, sent as it was written once, and not at all to whoever has it already."""

from __future__ import annotations

from datetime import date
from http import HTTPStatus

from flask import Response, request

from app.booking.availability import OpeningHours, day_availability
from app.booking.ready_days import ReadyDay
from app.config import Config
from app.coordination.outbox import doctor_stream
from app.web.api.answers import wrapped
from app.web.reads import Question

UNCHANGED = {304: "Nothing has changed since the ETag in If-None-Match"}


def day_question(config: Config, doctor_id: int, day: date) -> Question[ReadyDay]:
    hours = OpeningHours(config.clinic_start_hour, config.clinic_end_hour)
    return Question(
        streams=frozenset({doctor_stream(doctor_id)}),
        ask_primary=lambda connection: ReadyDay.of(day_availability(connection, doctor_id, day, hours)),
        ask_replica=lambda slots: slots.ready_day(doctor_id, day, hours),
    )


def day_response(day: ReadyDay) -> Response:
    """The day in the usual envelope, or 304."""
    if request.if_none_match.contains_weak(day.tag):
        response = Response(status=HTTPStatus.NOT_MODIFIED, mimetype="application/json")
    else:
        response = Response(wrapped(day.body), mimetype="application/json")
    # Weak: the envelope carries the moment it was given. It may be kept, and is asked about before use.
    response.set_etag(day.tag, weak=True)
    response.headers["Cache-Control"] = "no-cache"
    return response
