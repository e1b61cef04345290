"""The Flask application around the parts: settings, what happens to every request, the routes."""

from __future__ import annotations

from apiflask import APIFlask
from werkzeug.middleware.proxy_fix import ProxyFix

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
from app.web.booking_lane import BookingLane
from app.web.fast_lane import FAST_LANE, FastLane
from app.web.framework import configure
from app.web.parts import EXTENSION, Parts
from app.web.routes import register_routes


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
    configure(app, parts.config)
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
    quick = lane.around(BookingLane(parts).around(app.wsgi_app))
    app.wsgi_app = ProxyFix(parts.load_meter.around(quick), x_for=proxies, x_proto=proxies)  # type: ignore[method-assign]
    return app
