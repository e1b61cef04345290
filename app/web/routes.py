"""Every blueprint of the web application, in one list."""

from __future__ import annotations

from apiflask import APIFlask


def register_routes(app: APIFlask) -> None:
    """Plug every resource in; a new module adds its line here."""
    from app.web import events
    from app.web.api import (
        appointments,
        auth,
        bookings,
        concurrent,
        docs,
        doctors,
        halls,
        health,
        movies,
        patients,
        showtimes,
        slots,
    )
    from app.web.pages.register import register_pages

    people_and_times = (doctors, slots, bookings, appointments, patients, auth)
    for module in (*people_and_times, movies, halls, showtimes, concurrent, health, events, docs):
        app.register_blueprint(module.api)
    register_pages(app)
