"""Which requests this worker answered last, for the monitor: by route, never by path or query."""

from __future__ import annotations

import time

from flask import Flask, Response, g, request

from app.web.parts import Parts, parts

#: Nobody's visit: probes, files, and the monitor looking at itself.
UNREMARKABLE = ("/health", "/assets/", "/monitor", "/api/cluster/events", "/api/events")


def install(app: Flask) -> None:
    app.after_request(_note)


def _note(response: Response) -> Response:
    rule = request.url_rule.rule if request.url_rule else "(no such address)"
    if not rule.startswith(UNREMARKABLE):
        milliseconds = round((time.perf_counter() - g.started) * 1000, 1)
        note_answer(parts(), request.method, rule, response.status_code, milliseconds)
    return response


def note_answer(here: Parts, method: str, rule: str, status: int, milliseconds: float) -> None:
    """One answer worth showing."""
    here.load_meter.served(here.clock.now(), method, rule, status, milliseconds)
