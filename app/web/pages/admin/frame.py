"""The tabs of the administration, and what its forms have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import make_response, render_template, request, url_for
from werkzeug.wrappers import Response

from app.errors import ValidationFailed
from app.web.callers import required_principal
from app.web.pages.forms import Wrong
from app.web.pages.offers import new_key

TABS = (
    ("admin", "Doctors"),
    ("admin_slots", "Slots"),
    ("admin_bookings", "Bookings"),
    ("people", "People"),
    ("admin_movies", "Cinema"),
    ("admin_statistics", "Statistics"),
    ("admin_webhooks", "Webhooks"),
    ("admin_rules", "Settings"),
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
        **shown,
    )


def tabs(current: str) -> list[Tab]:
    """The tabs of the administration, on whose page one is."""
    return [Tab(name, url_for(f"pages.{each}"), each == current) for each, name in TABS]


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
    "doctor": "The doctor is saved.",
    "deleted": "The doctor is no longer offered. Past bookings keep their doctor.",
    "hours": "The opening hours are saved. Times that were made before stay as they are.",
    "slots": "The times are made.",
    "rules": "The settings are saved.",
    "webhook-paused": "Paused. What happens meanwhile waits and is sent when it goes on.",
    "webhook-resumed": "It goes on; what waited is sent now.",
    "webhook-trial": "A test is on its way. Look again in a moment to see how it went.",
    "webhook-replayed": "It is sent again, under the same id.",
    "webhook-deleted": "The webhook is deleted.",
    "holidays": "The chosen days are closed. Whoever is booked then is listed here and at the front desk.",
    "holiday": "The day is closed for everybody. Whoever is booked then is listed at the front desk.",
}
