"""Screen 1: search, specialties, and each doctor with the next free time as a button."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast
from zoneinfo import ZoneInfo

from flask import render_template, request, url_for
from sqlalchemy import Connection

from app.booking.free_slots import next_free
from app.directory.doctors import NameAndId, list_doctors, list_specializations
from app.directory.placing import read_now
from app.languages.texts import _, ngettext
from app.web.api.cursors import read_cursor, write_cursor
from app.web.api.inputs import CONTROLS
from app.web.pages.blueprint import pages
from app.web.pages.offers import Offer, offer_of
from app.web.parts import parts
from app.web.policy import policy

DOCTORS_PER_PAGE = 12
#: "Any available doctor" looks at so many; a larger practice narrows the search first.
MOST_CANDIDATES = 200
LONGEST_QUERY = 100
TINTS = 6
TITLES = re.compile(r"^(Dr|Prof)\.?$", re.IGNORECASE)


@dataclass(frozen=True)
class Card:
    """A doctor in the list."""

    name: str
    specialization: str
    experience: str
    hospital: str | None
    initials: str
    tint: int
    url: str
    next: Offer | None


@pages.get("/")
@policy("public")
def choose() -> str:
    """Find a doctor and a time."""
    query, specialization = _asked("q"), _asked("specialization")
    cursor = request.args.get("cursor")
    after = cast(NameAndId, read_cursor(cursor, (str, int))) if cursor else None
    with parts().database.read() as connection:
        now = read_now(connection)
        found = list_doctors(
            connection, specialization, query, after, DOCTORS_PER_PAGE + 1 if after else MOST_CANDIDATES
        )
        offers = _offers(connection, found, now)
        specializations = list_specializations(connection)
    shown = found[:DOCTORS_PER_PAGE]
    return render_template(
        "choose.html",
        query=query or "",
        specialization=specialization,
        specializations=specializations,
        soonest=min(offers.values(), key=lambda offer: offer.starts_at, default=None) if not after else None,
        heading=ngettext("%(num)s doctor", "%(num)s doctors", len(shown)) if shown else _("no doctors"),
        doctors=[
            _card(doctor, offers.get(doctor["id"]), specializations.index(doctor["specialization"]) % TINTS)
            for doctor in shown
        ],
        following=_following(shown[-1], query, specialization) if len(found) > len(shown) else None,
    )


def _asked(name: str) -> str | None:
    """A search word as typed, without what a database or a page cannot show."""
    return CONTROLS.sub("", request.args.get(name, "")).strip()[:LONGEST_QUERY] or None


def _offers(connection: Connection, doctors: list[dict[str, Any]], now: datetime) -> dict[str, Offer]:
    zones = {doctor["id"]: ZoneInfo(doctor["timezone"]) for doctor in doctors}
    slots = next_free(connection, [int(doctor["id"]) for doctor in doctors])
    return {slot["doctor_id"]: offer_of(slot, zones[slot["doctor_id"]], now) for slot in slots.values()}


def _card(doctor: Mapping[str, Any], offer: Offer | None, tint: int) -> Card:
    years = doctor["experience_years"]
    return Card(
        name=doctor["name"],
        specialization=doctor["specialization"],
        experience=_("%(years)s years’ experience", years=years) if years > 1 else "",
        hospital=doctor["hospital"],
        initials=initials(doctor["name"]),
        tint=tint,
        url=url_for("pages.times", doctor_id=int(doctor["id"])),
        next=offer,
    )


def initials(name: str) -> str:
    """First and last name's letters, titles aside."""
    words = [word for word in name.split() if not TITLES.match(word)] or name.split()
    return "".join(word[0].upper() for word in ([words[0], words[-1]] if len(words) > 1 else words))


def _following(last: Mapping[str, Any], query: str | None, specialization: str | None) -> str:
    cursor = write_cursor((last["name"], int(last["id"])))
    return url_for("pages.choose", cursor=cursor, q=query, specialization=specialization)
