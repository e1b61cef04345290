"""Every screen of the product: the tours, the pages each passes, and what is no screen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from playwright.sync_api import Page
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, RequestRedirect

from app.web.pages.monitor.frame import TABS
from tests.browser import account_tour, admin_tour, cinema_tour, desk_tour, tour
from tests.browser.site import Site


@dataclass(frozen=True)
class Tour:
    """walk brings a page to each screen and names it; it must come past every one of pages."""

    name: str
    walk: Callable[[Site, Page], Iterator[str]]
    pages: frozenset[str]


TOURS = (
    Tour("clinic", tour.every_screen, tour.PAGES),
    Tour("cinema", cinema_tour.every_cinema_screen, cinema_tour.PAGES),
    Tour("account", account_tour.every_account_screen, account_tour.PAGES),
    Tour("desk", desk_tour.every_desk_screen, desk_tour.PAGES),
    Tour("admin", admin_tour.every_admin_screen, admin_tour.PAGES),
)
#: These tabs are looked at by test_monitor.py, on nodes that have something to show.
MONITOR_PAGES = frozenset(f"monitor_{tab}" for tab in TABS)
NO_SCREENS = {
    "asset": "a style sheet, a script or a picture",
    "calendar_entry": "a file for the calendar",
    "desk_csv": "a file for a spreadsheet",
    "admin_statistics_csv": "a file for a spreadsheet",
    "monitor_shiviz": "a file for ShiViz",
    "basket": "a fragment of the seats' screen",
    "desk_patients": "a fragment of the desk's panel",
    "monitor": "leads to the first tab",
    "monitor_login": "leads to everybody's login",
}


def pages_of(url_map: Map) -> set[str]:
    """Every page that can be asked for, by its endpoint."""
    rules = [rule for rule in url_map.iter_rules() if rule.endpoint.startswith("pages.")]
    return {rule.endpoint.removeprefix("pages.") for rule in rules if "GET" in (rule.methods or ())}


def page_at(url_map: Map, path: str) -> str | None:
    """The page with this address; None for what only a button leads to, and for nothing at all."""
    try:
        endpoint, _values = url_map.bind("site").match(path, method="GET")
    except (HTTPException, RequestRedirect):
        return None
    return endpoint.removeprefix("pages.")
