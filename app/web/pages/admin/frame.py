"""The tabs of the administration, and what its forms have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import make_response, render_template, request, url_for
from werkzeug.wrappers import Response

from app.errors import ValidationFailed
from app.languages.texts import N_, _
from app.web.callers import required_principal
from app.web.pages.forms import Wrong
from app.web.pages.offers import new_key
from app.web.pages.visits import status_words

TABS = (
    ("admin", N_("Doctors")),
    ("admin_slots", N_("Slots")),
    ("admin_bookings", N_("Bookings")),
    ("people", N_("People")),
    ("admin_movies", N_("Cinema")),
    ("admin_statistics", N_("Statistics")),
    ("admin_webhooks", N_("Webhooks")),
    ("admin_rules", N_("Settings")),
)


@dataclass(frozen=True)
class Tab:
    name: str
    url: str
    is_current: bool


def render_admin(template: str, tab: str, *, wrong: Wrong | None = None, **shown: Any) -> str:
    """A page of the administration; done is told once after a form."""
    return render_template(
        f"admin/{template}.html",
        tabs=tabs(tab),
        caller=required_principal(),
        values=wrong.values if wrong else {},
        wrong=wrong.sentences if wrong else {},
        found=wrong.summary if wrong else [],
        key=new_key(),
        done=DONE.get(request.args.get("done", "")),
        status_words=status_words,
        **shown,
    )


def tabs(current: str) -> list[Tab]:
    """The tabs of the administration, on whose page one is."""
    return [Tab(_(name), url_for(f"pages.{each}"), each == current) for each, name in TABS]


def refused(page: str) -> Response:
    return make_response(page, 422)


def wrong_of(refusal: ValidationFailed) -> Wrong:
    """What the domain refused, beside what was typed."""
    told = {each["field"]: each["message"] for each in refusal.extras.get("errors", [])}
    return Wrong(request.form.to_dict(), told or {"form": refusal.detail})


def actor() -> str:
    return f"user:{required_principal().user_id}"


#: By the word in the address, so that nobody can put words of theirs on our page.
DONE = {
    "doctor": N_("The doctor is saved."),
    "deleted": N_("The doctor is no longer offered. Past bookings keep their doctor."),
    "hours": N_("The opening hours are saved. Times that were made before stay as they are."),
    "slots": N_("The times are made."),
    "rules": N_("The settings are saved."),
    "webhook-paused": N_("Paused. What happens meanwhile waits and is sent when it goes on."),
    "webhook-resumed": N_("It goes on; what waited is sent now."),
    "webhook-trial": N_("A test is on its way. Look again in a moment to see how it went."),
    "webhook-replayed": N_("It is sent again, under the same id."),
    "webhook-deleted": N_("The webhook is deleted."),
    "holidays": N_(
        "The chosen days are closed. Whoever is booked then is listed here and at the front desk."
    ),
    "holiday": N_("The day is closed for everybody. Whoever is booked then is listed at the front desk."),
}
