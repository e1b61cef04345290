"""A short cut before Flask for the question asked most: what is left of a doctor's day, from this node's
copy.

It answers only what the ordinary way has answered before, word for word, and only a plain request: no login,
no session, no other origin. Everything else goes on to the application. A test compares both ways."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from http import HTTPStatus
from typing import Any

from werkzeug.http import parse_etags

from app.booking.ready_days import ReadyDay
from app.coordination.replication.levels import Level
from app.logs import log_request
from app.web import correlation, headers
from app.web.api import freshness
from app.web.api.answers import wrapped
from app.web.api.availability import day_question
from app.web.parts import Parts
from app.web.reads import Served
from app.web.served import note_answer

#: Under this name the application's extensions hold it.
FAST_LANE = "oneslot_fast_lane"
PATH = "/api/availability"
MOST_KNOWN = 2000
#: Whoever sends one of these is no plain visitor.
NOT_PLAIN = frozenset({
    "HTTP_AUTHORIZATION", "HTTP_COOKIE", "HTTP_ORIGIN", "HTTP_IDEMPOTENCY_KEY", "HTTP_X_CAUSAL_STAMP",
    "HTTP_X_SESSION_TOKEN",
})  # fmt: skip
WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
FIXED = [("Content-Security-Policy", headers.DATA_POLICY), *headers.FIXED, ("Cache-Control", "no-cache")]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a query means, as it was understood when it was asked first."""

    doctor_id: int
    day: date


class FastLane:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._lock = threading.Lock()
        self._known: OrderedDict[str, Asked] = OrderedDict()

    def learn(self, query: str, doctor_id: int, day: date) -> None:
        """This query was valid and means that."""
        with self._lock:
            self._known[query] = Asked(doctor_id, day)
            while len(self._known) > MOST_KNOWN:
                self._known.popitem(last=False)

    def around(self, app: WsgiApp) -> WsgiApp:
        """The same application, with the short cut before it."""

        def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            if environ["PATH_INFO"] == PATH:
                asked = self._plainly_asked(environ)
                if asked is not None:
                    began = time.perf_counter()
                    served = self._read(asked)
                    if served is not None:
                        return self._send(environ, start_response, served, began)
            return app(environ, start_response)

        return answer

    def _plainly_asked(self, environ: dict[str, Any]) -> Asked | None:
        is_plain = (
            environ["REQUEST_METHOD"] == "GET"
            and environ.get("HTTP_X_CONSISTENCY") == Level.EVENTUAL
            and not self._parts.config.cors_origin
            and NOT_PLAIN.isdisjoint(environ)
        )
        return self._known.get(environ["QUERY_STRING"]) if is_plain else None

    def _read(self, asked: Asked) -> Served[ReadyDay] | None:
        """None when the copy cannot tell: the ordinary way knows what then."""
        question = day_question(self._parts.config, asked.doctor_id, asked.day)
        return self._parts.reads.from_copy(question)

    def _send(
        self,
        environ: dict[str, Any],
        start_response: Callable[..., Any],
        served: Served[ReadyDay],
        began: float,
    ) -> Iterable[bytes]:
        day, known = served.value, environ.get("HTTP_IF_NONE_MATCH")
        tag = f'W/"{day.tag}"'
        has_it = known is not None and (known == tag or parse_etags(known).contains_weak(day.tag))
        status = HTTPStatus.NOT_MODIFIED if has_it else HTTPStatus.OK
        body = b"" if has_it else wrapped(day.body, self._parts)
        told = self._headers(environ, served, tag) + ([] if has_it else _about(body))
        self._note(environ, int(status), began, told[0][1])
        start_response(f"{status.value} {status.phrase}", told)
        return [body]

    def _headers(self, environ: dict[str, Any], served: Served[ReadyDay], tag: str) -> list[tuple[str, str]]:
        is_secure = environ["wsgi.url_scheme"] == "https"
        return [
            (correlation.HEADER, correlation.id_for(environ.get("HTTP_X_CORRELATION_ID", ""))),
            ("X-Served-By", self._parts.config.node_id),
            ("ETag", tag),
            (freshness.SERVED, str(served.level)),
            (freshness.STALENESS, str(math.ceil(served.age_seconds * 1000))),
            *FIXED,
            *([headers.TRANSPORT] if is_secure else []),
        ]

    def _note(self, environ: dict[str, Any], status: int, began: float, correlation_id: str) -> None:
        """As correlation.py and served.py do after every request."""
        node, took = self._parts.config.node_id, round((time.perf_counter() - began) * 1000, 1)
        log_request(
            f"[{node}] GET {PATH}", topic="request", method="GET", path=PATH, status=status, duration_ms=took,
            client=environ.get("REMOTE_ADDR"), correlation_id=correlation_id,
        )  # fmt: skip
        note_answer(self._parts, "GET", PATH, status, took)


def _about(body: bytes) -> list[tuple[str, str]]:
    return [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
