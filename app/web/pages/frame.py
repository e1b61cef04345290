"""What every page shows around its content: navigation, and how fresh it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from flask import Flask, g, request, url_for
from werkzeug.urls import iri_to_uri

from app.accounts.principals import Principal, Role
from app.errors import Unauthenticated, Unavailable
from app.languages.days import decimal, short_day
from app.languages.texts import N_, _
from app.web.callers import principal
from app.web.pages.forgery import form_token
from app.web.pages.wording import clock_time
from app.web.parts import parts

BOOKING_PAGES = {"manage", "find_booking", "cancel", "move", "move_check", "mine", "series", "repeat"}
ACCOUNT_PAGES = {
    "log_in", "log_in_now", "show_code", "show_code_now", "join", "join_now", "forget", "forget_now", "reset",
    "reset_now", "account", "save_profile", "add_dependant", "security", "change_password",
    "second_step", "confirm_second_step", "remove_second_step",
    "audit", "data", "erase_data", "calendars", "add_calendar", "rotate_calendar",
    "reminders", "choose_reminder",
}  # fmt: skip
MOVIE_PAGES = {"movies", "movie", "seats", "choose_seats", "take_best", "ticket"}


ROLES = {"patient": N_("Patient"), "staff": N_("Staff"), "admin": N_("Admin"), "operator": N_("Operator")}


@dataclass(frozen=True)
class Place:
    """An entry of the navigation."""

    name: str
    url: str
    is_current: bool


def install(app: Flask) -> None:
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals.update(
        navigation=navigation,
        developer_places=developer_places,
        freshness=freshness,
        form_token=form_token,
        visitor=visitor,
        notices_now=notices_now,
        this_page=this_page,
        decimal=decimal,
        day_and_time=day_and_time,
        role_words=role_words,
    )


def visitor() -> Principal | None:
    """Who is logged in, for the head of the page; never a reason for the page to fail."""
    try:
        return principal()
    except (Unauthenticated, Unavailable):
        return None


def role_words(role: str) -> str:
    """What somebody is, in the reader's language."""
    return _(ROLES[role])


def day_and_time(moment: datetime, zone: ZoneInfo) -> str:
    """Thu 3 Dec, 10:00."""
    return f"{short_day(moment.astimezone(zone))}, {clock_time(moment, zone)}"


def navigation() -> list[Place]:
    page = (request.endpoint or "").removeprefix("pages.")
    is_booking, is_mail, is_monitor = page in BOOKING_PAGES, page in {"mails", "mail"}, "monitor" in page
    # The screens of a hold are the same for both; whose hold it is tells where one came from.
    is_movie = page in MOVIE_PAGES or (not is_booking and bool(g.get("is_about_a_show")))
    is_elsewhere = is_booking or is_mail or is_monitor or is_movie or page in ACCOUNT_PAGES
    is_desk, is_admin = page.startswith("desk"), page.startswith(("admin", "people"))
    is_elsewhere = is_elsewhere or is_desk or is_admin
    places = [
        Place(_("Find a time"), url_for("pages.choose"), bool(page) and not is_elsewhere),
        Place(_("Movies"), url_for("pages.movies"), is_movie),
        _my_bookings(is_booking),
        Place(_("Monitor"), url_for("pages.monitor"), is_monitor),
    ]
    caller = visitor()
    if caller is not None and caller.has(Role.STAFF):
        places.insert(0, Place(_("Front desk"), url_for("pages.desk"), is_desk))
    if caller is not None and caller.has(Role.ADMIN):
        places.insert(1, Place(_("Admin"), url_for("pages.admin"), is_admin))
    return places


def developer_places() -> list[Place]:
    """What stands at the foot of the page; the mails in development only."""
    places = [Place(_("API"), "/api-docs", False)]
    if parts().config.is_development:
        is_mail = request.endpoint in {"pages.mails", "pages.mail"}
        places.append(Place(_("Mails"), url_for("pages.mails"), is_mail))
    return places


def notices_now(doctor_id: int | str | None = None) -> list[dict[str, Any]]:
    """What the desk tells everybody, and whoever looks at this doctor."""
    return parts().board.notices_to_show(doctor_id)


def this_page() -> str:
    """Where to come back to: what answers a form cannot be asked for again, the page before it can."""
    if request.method in {"GET", "HEAD"}:
        return iri_to_uri(request.full_path).rstrip("?")
    before = urlsplit(request.referrer or "")
    return f"{before.path}?{before.query}".rstrip("?") if before.netloc == request.host else "/"


def _my_bookings(is_current: bool) -> Place:
    """Everything of one's account; without one, the way to find a booking by its reference."""
    if visitor() is not None:
        return Place(_("My bookings"), url_for("pages.mine"), is_current)
    return Place(_("My booking"), url_for("pages.find_booking"), is_current)


def freshness() -> str:
    """When this page was read and by which node."""
    config = parts().config
    now = parts().clock.now().astimezone(config.zone)
    return _(
        "Read at %(time)s (%(zone)s) from %(node)s.",
        time=f"{now:%H:%M:%S}",
        zone=config.clinic_timezone,
        node=config.node_id,
    )
