"""Which requests this worker answered last, for the monitor: by route, never by path or query."""

from __future__ import annotations

import time

from flask import Flask, Response, g, request

from app.coordination.load import ServedRequest
from app.web.parts import parts

#: Nobody's visit: probes, files, and the monitor looking at itself.
UNREMARKABLE = ("/health", "/assets/", "/monitor", "/api/cluster/events", "/api/events")


def install(app: Flask) -> None:
    app.after_request(_note)


def _note(response: Response) -> Response:
    rule = request.url_rule.rule if request.url_rule else "(no such address)"
    if not rule.startswith(UNREMARKABLE):
        milliseconds = round((time.perf_counter() - g.started) * 1000, 1)
        at = parts().clock.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        parts().load_meter.served(ServedRequest(at, request.method, rule, response.status_code, milliseconds))
    return response
