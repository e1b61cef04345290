"""Every blueprint of the web application, in one list."""

from __future__ import annotations

from apiflask import APIFlask


def register_routes(app: APIFlask) -> None:
    """Plug every resource in; a new module adds its line here."""
    from app.web import events
    from app.web.api import appointments, auth, bookings, concurrent, docs, health
    from app.web.pages.register import register_pages

    for blueprint in (
        auth.api,
        bookings.api,
        appointments.api,
        concurrent.api,
        health.api,
        events.api,
        docs.api,
    ):
        app.register_blueprint(blueprint)
    register_pages(app)
