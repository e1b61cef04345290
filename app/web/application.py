"""The Flask application around the parts: settings, what happens to every request, the routes."""

from __future__ import annotations

from apiflask import APIFlask
from flask import Flask, Request, Response
from flask.sessions import SessionInterface, SessionMixin
from werkzeug.middleware.proxy_fix import ProxyFix

from app.config import Config
from app.web import (
    causal,
    correlation,
    cors,
    failures,
    headers,
    languages,
    openapi,
    paths,
    served,
    session_tokens,
)
from app.web.api import request_keys
from app.web.fast_lane import FAST_LANE, FastLane
from app.web.json import JsonRequest, OrjsonProvider
from app.web.parts import EXTENSION, Parts
from app.web.routes import register_routes

LARGEST_BODY_BYTES = 64 * 1024


class NoSessions(SessionInterface):
    """Flask's signed cookie is used by nobody here; looking for it would cost every request."""

    def open_session(self, app: Flask, request: Request) -> None:
        return None

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        return None


def build_application(parts: Parts) -> APIFlask:
    app = APIFlask(
        "app",
        title="Oneslot",
        version="1.0",
        spec_path=None,
        docs_path=None,
        static_folder=None,  # type: ignore[arg-type]  # Flask allows it: the pages bring their own files
    )
    app.extensions[EXTENSION] = parts
    _configure(app, parts.config)
    paths.install(app)
    correlation.install(app)
    served.install(app)
    causal.install(app)
    session_tokens.install(app)
    cors.install(app)
    headers.install(app)
    languages.install(app)
    request_keys.install(app)
    failures.install(app)
    openapi.install(app)
    register_routes(app)
    proxies = parts.config.trusted_proxies
    lane = app.extensions[FAST_LANE] = FastLane(parts)
    measured = parts.load_meter.around(lane.around(app.wsgi_app))
    app.wsgi_app = ProxyFix(measured, x_for=proxies, x_proto=proxies)  # type: ignore[method-assign]
    return app


def _configure(app: APIFlask, config: Config) -> None:
    app.config.update(
        SECRET_KEY=config.secret_key,
        MAX_CONTENT_LENGTH=LARGEST_BODY_BYTES,
        MAX_FORM_MEMORY_SIZE=LARGEST_BODY_BYTES,
    )
    app.session_interface = NoSessions()
    app.request_class = JsonRequest
    app.json = OrjsonProvider(app)
    app.url_map.strict_slashes = False
