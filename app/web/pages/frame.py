"""What every page shows around its content: navigation, and how fresh it is."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Flask, g, request, url_for

from app.accounts.principals import Role
from app.web.pages.forgery import form_token
from app.web.parts import parts

BOOKING_PAGES = {"manage", "find_booking", "cancel", "move", "move_check", "mine"}
MOVIE_PAGES = {"movies", "movie", "seats", "ticket"}


@dataclass(frozen=True)
class Place:
    """An entry of the navigation."""

    name: str
    url: str
    is_current: bool


def install(app: Flask) -> None:
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals.update(navigation=navigation, freshness=freshness, form_token=form_token)


def navigation() -> list[Place]:
    page = (request.endpoint or "").removeprefix("pages.")
    is_booking, is_mail, is_monitor = page in BOOKING_PAGES, page in {"mails", "mail"}, "monitor" in page
    # The screens of a hold are the same for both; whose hold it is tells where one came from.
    is_movie = page in MOVIE_PAGES or (not is_booking and bool(g.get("is_about_a_show")))
    is_elsewhere = is_booking or is_mail or is_monitor or is_movie or page.startswith(("desk", "admin"))
    places = [
        Place("Find a time", url_for("pages.choose"), bool(page) and not is_elsewhere),
        Place("Movies", url_for("pages.movies"), is_movie),
        _my_bookings(is_booking),
        Place("Monitor", url_for("pages.monitor"), is_monitor),
        Place("API", "/api-docs", False),
    ]
    caller = g.get("principal")
    if caller is not None and caller.has(Role.STAFF):
        places.insert(0, Place("Front desk", url_for("pages.desk"), page.startswith("desk")))
    if caller is not None and caller.has(Role.ADMIN):
        places.insert(1, Place("Admin", url_for("pages.admin"), page.startswith("admin")))
    if parts().config.is_development:
        places.append(Place("Mails", url_for("pages.mails"), is_mail))
    return places


def _my_bookings(is_current: bool) -> Place:
    """Everything of one's account; without one, the way to find a booking by its reference."""
    if g.get("principal") is not None:
        return Place("My bookings", url_for("pages.mine"), is_current)
    return Place("My booking", url_for("pages.find_booking"), is_current)


def freshness() -> str:
    """When this page was read and by which node."""
    config = parts().config
    now = parts().clock.now().astimezone(config.zone)
    return f"Read at {now:%H:%M:%S} ({config.clinic_timezone}) from {config.node_id}."
