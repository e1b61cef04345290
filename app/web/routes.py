"""Every blueprint of the web application, in one list."""

from __future__ import annotations

from apiflask import APIFlask


def register_routes(app: APIFlask) -> None:
    """Plug every resource in; a new module adds its line here."""
    from app.web import events
    from app.web.api import (
        account,
        appointments,
        audit,
        auth,
        balancing,
        bookings,
        clocks,
        cluster_events,
        concurrent,
        control,
        desk,
        docs,
        doctors,
        elections,
        feeds,
        halls,
        health,
        movies,
        own_data,
        patients,
        profile,
        reminders,
        replicas,
        series,
        servers,
        showtimes,
        slots,
        status_board,
        users,
        webhooks,
    )
    from app.web.feeds import feeds as calendar_feeds
    from app.web.pages.register import register_pages

    booking = (
        doctors, slots, bookings, appointments, patients, auth, account, profile, own_data, users, concurrent,
        desk, series, webhooks, feeds, reminders,
    )  # fmt: skip
    shows = (movies, halls, showtimes)
    cluster = (
        health,
        servers,
        elections,
        clocks,
        replicas,
        status_board,
        control,
        audit,
        balancing,
        events,
        cluster_events,
    )
    for module in (*booking, *shows, *cluster, docs):
        app.register_blueprint(module.api)
    app.register_blueprint(calendar_feeds)
    register_pages(app)
