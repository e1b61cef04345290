"""One id per request, from the caller or made here: in the answer, in every log line, in every error."""

from __future__ import annotations

import re
import time
import uuid

import structlog
from flask import Flask, Response, g, request

from app.logs import log_request
from app.web.parts import parts

HEADER = "X-Correlation-ID"
SAFE = re.compile(r"[A-Za-z0-9._-]{8,64}")


def install(app: Flask) -> None:
    app.before_request(_begin)
    app.after_request(_finish)
    app.teardown_request(_forget)


def correlation_id() -> str:
    """The id of the request being served."""
    found: str = g.correlation_id
    return found


def id_for(given: str) -> str:
    """The caller's own id if it is fit to be repeated, else a new one."""
    return given if SAFE.fullmatch(given) else uuid.uuid4().hex


def _begin() -> None:
    g.correlation_id = id_for(request.headers.get(HEADER, ""))
    g.started = time.perf_counter()
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(correlation_id=g.correlation_id)


def _finish(response: Response) -> Response:
    node_id = parts().config.node_id
    response.headers[HEADER] = g.correlation_id
    response.headers["X-Served-By"] = node_id
    path = visible_path()
    log_request(
        f"[{node_id}] {request.method} {path}",
        topic="request",
        method=request.method,
        path=path,
        status=response.status_code,
        duration_ms=round((time.perf_counter() - g.started) * 1000, 1),
        client=request.remote_addr,
    )
    return response


def _forget(_error: BaseException | None) -> None:
    """What this thread logs between two requests belongs to neither."""
    structlog.contextvars.clear_contextvars()


def visible_path() -> str:
    """The path without a secret: no query, and no token that is part of a manage link."""
    if request.url_rule is not None and "token" in request.url_rule.arguments:
        return request.url_rule.rule
    return request.path
