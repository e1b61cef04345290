"""What every tab shows around its content: the strip, warnings, tabs, the login, what was just done."""

from __future__ import annotations

from dataclasses import dataclass

from flask import render_template, request, url_for

from app.languages.texts import N_, _
from app.web.overview import Overview
from app.web.pages.monitor import words
from app.web.pages.monitor.login import desk, is_login_unknown, logged_in, operator
from app.web.pages.monitor.notes import DONE
from app.web.pages.offers import new_key
from app.web.parts import parts

TABS = {
    "health": N_("Health"),
    "requests": N_("Requests"),
    "election": N_("Election"),
    "clocks": N_("Clocks"),
    "replication": N_("Replication"),
    "board": N_("Status board"),
    "race": N_("Race arena"),
    "integrity": N_("Integrity"),
}


@dataclass(frozen=True)
class Tab:
    name: str
    url: str
    is_current: bool


@dataclass(frozen=True)
class Trouble:
    """Something is away; what that means for people and for this page."""

    title: str
    words: str


def render_tab(tab: str, **values: object) -> str:
    """The page of a tab; the same numbers at the top of all."""
    overview = parts().monitor.overviews.read()
    return render_template(
        f"monitor/{tab}.html",
        tab=tab,
        title=_(TABS[tab]),
        tabs=[Tab(_(name), url_for(f"pages.monitor_{each}"), each == tab) for each, name in TABS.items()],
        overview=overview,
        overview_node=parts().config.node_id,
        troubles=troubles(overview),
        operator=operator(),
        desk=desk(),
        logged_in=logged_in(),
        is_login_unknown=is_login_unknown(),
        done=DONE.get(request.args.get("done", "")),
        new_key=new_key,
        words=words,
        zone=parts().config.zone,
        **values,
    )


def troubles(overview: Overview) -> list[Trouble]:
    found: list[Trouble] = []
    if not overview.database_answers:
        found.append(
            Trouble(
                _("The database does not answer"),
                _(
                    "Nothing can be booked until it is back; nothing is lost or guessed. What comes "
                    "from it is shown as last read, with its age."
                ),
            )
        )
    if overview.coordinator_answers and not overview.redis_answers:
        found.append(
            Trouble(
                _("Redis does not answer"),
                _(
                    "Bookings go on in the database alone, losers of a race cost it more. Changes reach "
                    "other screens by polling, later than usual."
                ),
            )
        )
    if not overview.coordinator_answers:
        found.append(
            Trouble(
                _("The coordinator of this node does not answer"),
                _("What the nodes say of themselves is as last heard. Bookings do not depend on it."),
            )
        )
    if overview.double_bookings:
        found.append(
            Trouble(
                _("A promise is broken in the database"),
                _("The auditor found slots with two owners or overlapping bookings: see Integrity."),
            )
        )
    return found
