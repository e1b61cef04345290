"""Plugs the pages into the application."""

from __future__ import annotations

from apiflask import APIFlask

from app.web.failures import page_renderer
from app.web.pages import (
    assets,
    cancel,
    check,
    choose,
    details,
    find,
    frame,
    hold,
    mails,
    manage,
    move,
    movies,
    seats,
    tickets,
    times,
)
from app.web.pages.account import audit, data, forgotten, joining, overview, people, security
from app.web.pages.account import login as account_login
from app.web.pages.blueprint import pages
from app.web.pages.monitor import (
    clocks,
    election,
    health,
    integrity,
    login,
    orders,
    race,
    replication,
    traffic,
)
from app.web.pages.refusals import render_failure

#: Importing a page adds its routes to the blueprint.
PAGES = (choose, times, hold, details, check, manage, cancel, move, find, mails, movies, seats, tickets)
ACCOUNT = (account_login, joining, forgotten, overview, security, people, audit, data)
MONITOR = (health, traffic, election, clocks, replication, race, integrity, orders, login)


def register_pages(app: APIFlask) -> None:
    """Every page, its files, and the pages of things that go wrong."""
    frame.install(app)
    assets.install(app)
    app.register_blueprint(pages)
    page_renderer(app, render_failure)
