"""Views of the bookings that are kept by a name (H5, N15)."""

from __future__ import annotations

import re

from app.accounts.views import MOST_VIEWS
from tests.web.pages.conftest import Clinic, Person
from tests.web.pages.desk.conftest import log_in

MISSED = {"status": "NO_SHOW", "first": "2026-01-01"}


def save(chief: Person, name: str, **asked: str) -> None:
    chief.open("/admin/bookings")
    chief.send("/admin/bookings/views", name=name, **asked)


def links(chief: Person) -> dict[str, str]:
    return {name: url for url, name in re.findall(r'data-view href="([^"]+)">([^<]+)<', chief.text)}


def test_a_view_is_kept_found_again_and_removed(chief: Person, clinic: Clinic) -> None:
    save(chief, "Missed this year", **MISSED, nonsense="x")
    kept = links(chief)

    chief.open(kept["Missed this year"].replace("&amp;", "&"))

    assert kept == {"Missed this year": "/admin/bookings?status=NO_SHOW&amp;first=2026-01-01"}
    assert re.search('<option[^>]*value="NO_SHOW"[^>]* selected', chief.text)
    assert 'value="2026-01-01"' in chief.text
    chief.send("/admin/bookings/views/remove", name="Missed this year")
    assert links(chief) == {}
    assert chief.send("/admin/bookings/views/remove", name="Missed this year").status_code == 404


def test_the_same_name_keeps_the_newer_view(chief: Person, clinic: Clinic) -> None:
    save(chief, "Mine", status="NO_SHOW")
    save(chief, "Mine", status="CANCELLED")

    assert links(chief) == {"Mine": "/admin/bookings?status=CANCELLED"}


def test_a_view_needs_a_name_and_there_is_an_end(chief: Person, clinic: Clinic) -> None:
    chief.open("/admin/bookings")
    assert chief.send("/admin/bookings/views", name=" ", status="NO_SHOW").status_code == 422
    assert 'id="name-wrong"' in chief.text

    for number in range(MOST_VIEWS):
        save(chief, f"View {number}")
    chief.send("/admin/bookings/views", name="One too many")

    assert chief.page is not None
    assert chief.page.status_code == 422
    assert len(links(chief)) == MOST_VIEWS


def test_views_are_ones_own(app, chief: Person, somebody_else: Person, clinic: Clinic) -> None:
    save(chief, "Mine", status="NO_SHOW")
    log_in(app, somebody_else, "staff")

    assert somebody_else.open("/admin/bookings").status_code == 403
