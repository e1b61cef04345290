"""Every way a request can fail, mapped to a status in one table and told in one shape.

Views do not catch. Programs get application/problem+json (RFC 9457); pages hang their own
renderer into `page_renderer` and get the same Failure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import structlog
from apiflask import HTTPError
from flask import Flask, Response, current_app, request
from pydantic import ValidationError
from werkzeug.exceptions import HTTPException

from app import errors
from app.booking import errors as booking_errors
from app.database import TransientFailure
from app.errors import Refusal, Unavailable
from app.languages.texts import translated
from app.web.correlation import correlation_id, visible_path
from app.web.json import MalformedJson, json_bytes
from app.web.parts import Parts, parts
from app.web.paths import is_for_programs
from app.web.wrong_fields import wrong_fields

STATUS: dict[type[Exception], HTTPStatus] = {
    MalformedJson: HTTPStatus.BAD_REQUEST,
    errors.Unauthenticated: HTTPStatus.UNAUTHORIZED,
    errors.Forbidden: HTTPStatus.FORBIDDEN,
    errors.TooManyRequests: HTTPStatus.TOO_MANY_REQUESTS,
    errors.NotFound: HTTPStatus.NOT_FOUND,
    errors.Conflict: HTTPStatus.CONFLICT,
    errors.RequestInProgress: HTTPStatus.CONFLICT,
    booking_errors.BookingConflict: HTTPStatus.CONFLICT,
    booking_errors.SeriesConflict: HTTPStatus.CONFLICT,
    booking_errors.WrongState: HTTPStatus.CONFLICT,
    booking_errors.TooManyExtensions: HTTPStatus.CONFLICT,
    booking_errors.TooLateToChange: HTTPStatus.CONFLICT,
    booking_errors.HoldExpired: HTTPStatus.GONE,
    errors.ValidationFailed: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.IdempotencyKeyReused: HTTPStatus.UNPROCESSABLE_ENTITY,
    booking_errors.SlotInPast: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}
#: Where HTTP's own name is not the word of our API.
CODES = {
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "PAYLOAD_TOO_LARGE",
    HTTPStatus.UNPROCESSABLE_ENTITY: "VALIDATION_FAILED",
    HTTPStatus.TOO_MANY_REQUESTS: "RATE_LIMITED",
    HTTPStatus.INTERNAL_SERVER_ERROR: "INTERNAL_ERROR",
    HTTPStatus.SERVICE_UNAVAILABLE: "UNAVAILABLE",
}
RETRYABLE = {
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
}
PROBLEM = "application/problem+json"
log = structlog.get_logger("failure")


@dataclass(frozen=True)
class Failure:
    """What went wrong, ready to be told to a person or a program."""

    status: int
    code: str
    title: str
    detail: str
    retryable: bool = False
    extras: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)


def install(app: Flask) -> None:
    for kind in (Exception, HTTPException, HTTPError):
        app.register_error_handler(kind, _answer)


def page_renderer(app: Flask, render: Callable[[Failure], Response]) -> None:
    """Let pages show failures in their own design; API paths keep problem+json."""
    app.extensions["oneslot_failure_page"] = render


def problem(failure: Failure) -> Response:
    """The failure as application/problem+json."""
    body = problem_body(parts(), failure, visible_path(), correlation_id())
    return Response(body, failure.status, failure.headers, content_type=PROBLEM)


def problem_body(here: Parts, failure: Failure, path: str, correlation: str) -> bytes:
    """The failure as this node tells it to a program."""
    now = here.clock.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
    # A script of our pages reads it to a person; programs are answered in English.
    words = translated(failure.detail)
    body = {
        "type": f"urn:oneslot:problem:{failure.code.lower().replace('_', '-')}",
        "title": failure.title,
        "status": failure.status,
        "detail": words,
        "instance": path,
        "success": False,
        "error": {
            "code": failure.code,
            "message": words,
            "correlation_id": correlation,
            "timestamp": now,
        },
        "retryable": failure.retryable,
        **failure.extras,
    }
    return json_bytes(body)


def failure_of(error: Exception) -> Failure:
    """What to tell about this error; an unknown one is told in general words only."""
    if isinstance(error, Refusal):
        return _refused(error)
    if isinstance(error, Unavailable):
        return _unavailable(error)
    if isinstance(error, TransientFailure):
        return _unavailable(Unavailable("Too many requests changed the same record. Please try again."))
    if isinstance(error, HTTPError):
        return _api_error(error)
    if isinstance(error, HTTPException) and error.code is not None:
        return _http_error(error)
    return _of_status(HTTPStatus.INTERNAL_SERVER_ERROR, "Something went wrong on our side; it was recorded.")


def recorded(here: Parts, error: Exception, path: str) -> Failure:
    """What to tell about this error, once it is counted and logged."""
    failure = failure_of(error)
    if isinstance(error, booking_errors.BookingConflict) and not error.replayed:
        here.tally.put(str(error.extras.get("reason", "OTHER")))
    if failure.status == HTTPStatus.INTERNAL_SERVER_ERROR:
        log.error("An unforeseen error ended the request.", path=path, exc_info=error)
    elif failure.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.warning(failure.title, code=failure.code, detail=failure.detail, cause=repr(error.__cause__))
    return failure


def _answer(error: Exception) -> Response:
    failure = recorded(parts(), error, visible_path())
    render = current_app.extensions.get("oneslot_failure_page")
    if render is None or _is_program():
        return problem(failure)
    page: Response = render(failure)
    return page


def _is_program() -> bool:
    if is_for_programs(request.path):
        return True
    accepted = request.accept_mimetypes
    return accepted["text/html"] < max(accepted["application/json"], accepted["application/problem+json"])


def status_of(kind: type[Exception]) -> HTTPStatus:
    """The status of the nearest class in the table."""
    for ancestor in kind.__mro__:
        if ancestor in STATUS:
            return STATUS[ancestor]
    raise AssertionError(f"{kind.__name__} has no row in the STATUS table")


def _refused(refusal: Refusal) -> Failure:
    status = status_of(type(refusal))
    headers = {}
    if refusal.replayed:
        headers["Idempotency-Replayed"] = "true"
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Bearer realm="oneslot"'
    if refusal.extras.get("retry_after_seconds") is not None:
        headers["Retry-After"] = str(refusal.extras["retry_after_seconds"])
    extras = {name: value for name, value in refusal.extras.items() if value is not None}
    return Failure(status, refusal.code, refusal.title, refusal.detail, refusal.retryable, extras, headers)


def _unavailable(error: Unavailable) -> Failure:
    headers = {"Retry-After": str(error.retry_after_seconds)}
    extras = {"retry_after_seconds": error.retry_after_seconds}
    return Failure(status_of(type(error)), error.code, error.title, error.detail, True, extras, headers)


def _api_error(error: HTTPError) -> Failure:
    cause = error.__cause__
    if not isinstance(cause, ValidationError):
        return _of_status(error.status_code, error.message or "")
    wrong = wrong_fields(cause)
    detail = "; ".join(f"{each['field']}: {each['message']}" for each in wrong)
    return _refused(errors.ValidationFailed(detail, errors=wrong))


def _http_error(error: HTTPException) -> Failure:
    kept = {name: value for name, value in error.get_headers() if name in {"Allow", "Retry-After"}}
    detail = "There is nothing at this address." if error.code == HTTPStatus.NOT_FOUND else error.description
    return _of_status(error.code or 500, detail or "", kept)


def _of_status(code: int, detail: str, headers: dict[str, str] | None = None) -> Failure:
    status = HTTPStatus(code)
    return Failure(
        status, CODES.get(status, status.name), status.phrase, detail or status.phrase,
        status in RETRYABLE, headers=headers or {},
    )  # fmt: skip
