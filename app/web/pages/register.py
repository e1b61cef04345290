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
    language,
    mails,
    manage,
    mine,
    move,
    movies,
    seats,
    series,
    tickets,
    times,
    waiting,
)
from app.web.pages.account import audit, calendars, data, forgotten, joining, overview, people, security
from app.web.pages.account import login as account_login
from app.web.pages.account import reminders as account_reminders
from app.web.pages.admin import bookings as admin_bookings
from app.web.pages.admin import doctors as admin_doctors
from app.web.pages.admin import halls as admin_halls
from app.web.pages.admin import holidays as admin_holidays
from app.web.pages.admin import movies as admin_movies
from app.web.pages.admin import showtimes as admin_showtimes
from app.web.pages.admin import slots as admin_slots
from app.web.pages.admin import statistics as admin_statistics
from app.web.pages.admin import webhooks as admin_webhooks
from app.web.pages.blueprint import pages
from app.web.pages.desk import board as desk_board
from app.web.pages.desk import closing, counter, lists, week
from app.web.pages.desk import visits as desk_visits
from app.web.pages.monitor import (
    board,
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
PAGES = (
    mine,
    waiting,
    series,
    choose,
    language,
    times,
    hold,
    details,
    check,
    manage,
    cancel,
    move,
    find,
    mails,
    movies,
    seats,
    tickets,
)
DESK = (desk_board, counter, desk_visits, closing, lists, week)
ACCOUNT = (
    account_login,
    joining,
    forgotten,
    overview,
    security,
    people,
    audit,
    data,
    calendars,
    account_reminders,
)
ADMIN = (
    admin_doctors,
    admin_slots,
    admin_bookings,
    admin_statistics,
    admin_movies,
    admin_halls,
    admin_holidays,
    admin_showtimes,
    admin_webhooks,
)
MONITOR = (health, traffic, election, clocks, replication, board, race, integrity, orders, login)


def register_pages(app: APIFlask) -> None:
    """Every page, its files, and the pages of things that go wrong."""
    frame.install(app)
    assets.install(app)
    app.register_blueprint(pages)
    page_renderer(app, render_failure)
