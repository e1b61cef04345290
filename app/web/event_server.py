"""The application of a process that serves event streams and nothing else.

The same routes and failures as a node's, word for word, which a test compares; without the pages, the copy of
the slots and the other parts of a node, which weigh more than a thousand streams."""

from __future__ import annotations

from dataclasses import dataclass

from apiflask import APIFlask
from redis import Redis
from werkzeug.middleware.proxy_fix import ProxyFix

from app.clock import Clock
from app.config import Config
from app.database import Database
from app.web import correlation, cors, events, failures, headers, paths
from app.web.api import health, request_keys
from app.web.broadcast import Broadcaster
from app.web.framework import configure
from app.web.node_health import Health
from app.web.parts import EXTENSION


@dataclass(frozen=True)
class EventParts:
    """What of web.parts.Parts these routes use."""

    config: Config
    database: Database
    redis: Redis
    clock: Clock
    health: Health
    broadcaster: Broadcaster


def build_event_server(parts: EventParts) -> APIFlask:
    app = APIFlask("app", spec_path=None, docs_path=None, static_folder=None)  # type: ignore[arg-type]
    app.extensions[EXTENSION] = parts
    configure(app, parts.config)
    paths.install(app)
    correlation.install(app)
    cors.install(app)
    headers.install(app)
    request_keys.install(app)
    failures.install(app)
    app.register_blueprint(health.api)
    app.register_blueprint(events.api)
    proxies = parts.config.trusted_proxies
    app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies)  # type: ignore[method-assign]
    return app
