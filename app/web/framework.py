"""Flask as every application of ours wants it, before anything is plugged in."""

from __future__ import annotations

from apiflask import APIFlask
from flask import Flask, Request, Response
from flask.sessions import SessionInterface, SessionMixin

from app.config import Config
from app.web.json import JsonRequest, OrjsonProvider

LARGEST_BODY_BYTES = 64 * 1024


class NoSessions(SessionInterface):
    """Flask's signed cookie is used by nobody here; looking for it would cost every request."""

    def open_session(self, app: Flask, request: Request) -> None:
        return None

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        return None


def configure(app: APIFlask, config: Config) -> None:
    app.config.update(
        SECRET_KEY=config.secret_key,
        MAX_CONTENT_LENGTH=LARGEST_BODY_BYTES,
        MAX_FORM_MEMORY_SIZE=LARGEST_BODY_BYTES,
    )
    app.session_interface = NoSessions()
    app.request_class = JsonRequest
    app.json = OrjsonProvider(app)
    app.url_map.strict_slashes = False
