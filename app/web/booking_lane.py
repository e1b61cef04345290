"""A short cut before Flask for what is written most: a plain booking (see plain_booking.py, plain_group.py).

It makes the same calls as the application's view and answers word for word the same, keys and limits
included; a test compares both ways. Routing, the request's many objects and the hooks are what it spares."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import structlog

from app.booking.rules import Actor
from app.coordination.replication.session import Session, write_token
from app.idempotency import Answer, RequestKey
from app.logs import log_request
from app.web import causal, correlation, failures, headers, session_tokens
from app.web.api.answers import REPLAYED, enveloped
from app.web.api.booking_answers import BOOKED, location_of, with_link
from app.web.api.request_keys import bound_key, guest_at, scope_of
from app.web.json import json_bytes
from app.web.limits import require_calm_of
from app.web.origins import crowd_at, origin_of
from app.web.parts import Parts
from app.web.plain_booking import PlainBooking, plain_booking
from app.web.plain_group import PlainGroup, plain_group
from app.web.served import note_answer

Headers = list[tuple[str, str]]
Plain = PlainBooking | PlainGroup
WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
FIXED = [("Content-Security-Policy", headers.DATA_POLICY), *headers.FIXED, ("Cache-Control", "no-store")]
CREATED = HTTPStatus.CREATED


@dataclass(frozen=True, slots=True)
class Told:
    """An answer without what every answer has."""

    status: HTTPStatus
    kind: str
    body: bytes
    headers: Headers


class BookingLane:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def around(self, app: WsgiApp) -> WsgiApp:
        """The same application, with the short cut before it."""
        if self._parts.config.cors_origin:
            return app

        def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            asked = plain_booking(environ) or plain_group(environ)
            if asked is None:
                return app(environ, start_response)
            began, name = time.perf_counter(), correlation.id_for(environ.get("HTTP_X_CORRELATION_ID", ""))
            structlog.contextvars.clear_contextvars()
            structlog.contextvars.bind_contextvars(correlation_id=name)
            try:
                told = self._answer(environ.get("REMOTE_ADDR"), asked, name)
                self._note(environ.get("REMOTE_ADDR"), asked, told.status, began)
            finally:
                structlog.contextvars.clear_contextvars()
            is_secure = environ["wsgi.url_scheme"] == "https"
            start_response(
                f"{told.status.value} {told.status.phrase.upper()}", self._headers(told, name, is_secure)
            )
            return [told.body]

        return answer

    def _answer(self, address: str | None, asked: Plain, name: str) -> Told:
        with session_tokens.noting_positions() as noted:
            try:
                told = self._created(self._book(address, asked))
            except Exception as error:  # as Flask does for every view: whatever it is, it is told and logged
                told = self._refused(error, asked.path, name)
        told.headers.extend(self._seen(noted, is_repeat=REPLAYED in told.headers))
        return told

    def _book(self, address: str | None, asked: Plain) -> Answer:
        """What policy.py, limits.py and the view do."""
        config = self._parts.config
        origin, crowd = origin_of(config.secret_key, address), crowd_at(config, address)
        require_calm_of(self._parts.rates, origin, crowd)
        actor = Actor("guest", origin=origin, limit_factor=crowd)
        return asked.book(self._parts.engine, actor, self._key(address, asked))

    def _key(self, address: str | None, asked: Plain) -> RequestKey | None:
        if asked.key is None:
            return None
        scope = scope_of(self._parts.config.secret_key, guest_at(address), "POST", asked.route)
        return bound_key(asked.key, scope, asked.path, asked.body)

    def _refused(self, error: Exception, path: str, name: str) -> Told:
        failure = failures.recorded(self._parts, error, path)
        body = failures.problem_body(self._parts, failure, path, name)
        return Told(HTTPStatus(failure.status), failures.PROBLEM, body, list(failure.headers.items()))

    def _created(self, done: Answer) -> Told:
        here = self._parts
        body = json_bytes(enveloped(here, with_link(here.config, done.value), BOOKED))
        stamp = causal.write_stamp(here.config.secret_key, here.engine.stamper.peek())
        told = [location_of(done.value), *([REPLAYED] if done.replayed else []), (causal.HEADER, stamp)]
        return Told(CREATED, "application/json", body, told)

    def _seen(self, noted: Mapping[str, int], *, is_repeat: bool) -> Headers:
        """As session_tokens.py does for whoever brought no token."""
        if noted:
            session = session_tokens.session_after_change(self._parts, Session(), noted)
        elif is_repeat:
            session = session_tokens.session_after_repeat(self._parts, Session())
        else:
            return []
        return [(session_tokens.HEADER, write_token(self._parts.config.secret_key, session))]

    def _headers(self, told: Told, name: str, is_secure: bool) -> Headers:
        return [
            ("Content-Type", told.kind),
            ("Content-Length", str(len(told.body))),
            *told.headers,
            *FIXED,
            *([headers.TRANSPORT] if is_secure else []),
            (correlation.HEADER, name),
            ("X-Served-By", self._parts.config.node_id),
        ]

    def _note(self, address: str | None, asked: Plain, status: int, began: float) -> None:
        """As correlation.py and served.py do after every request."""
        took = round((time.perf_counter() - began) * 1000, 1)
        note_answer(self._parts, "POST", asked.route, status, took)
        log_request(
            f"[{self._parts.config.node_id}] POST {asked.path}", topic="request", method="POST",
            path=asked.path, status=status, duration_ms=took, client=address,
        )  # fmt: skip
