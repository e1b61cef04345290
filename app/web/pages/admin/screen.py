"""What the three pages have in common: a form that is looked at before it is sent in earnest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import make_response, render_template, request, url_for
from werkzeug.wrappers import Response

from app.errors import Refusal
from app.languages.texts import N_, _
from app.web.pages.admin.frame import tabs
from app.web.pages.offers import new_key

TABS = {"movies": N_("Movies"), "halls": N_("Halls"), "showtimes": N_("Showtimes")}
LOOK, MAKE = "look", "make"
UNPROCESSABLE = 422


@dataclass
class Typed:
    """What was typed, what is wrong with it, and what it would make."""

    values: Mapping[str, str] = field(default_factory=dict)
    wrong: dict[str, str] = field(default_factory=dict)
    preview: Any = None

    def refuse(self, refusal: Refusal, name: str) -> None:
        """A refusal of the directory, told at this field."""
        self.wrong[name] = refusal.detail


def is_in_earnest() -> bool:
    """Whether the button of the preview was pressed."""
    return request.form.get("step") == MAKE


def render_admin(tab: str, typed: Typed, **shown: Any) -> Response:
    page = render_template(
        f"admin/{tab}.html",
        tabs=tabs("admin_movies"),
        cinema_tabs=[(_(name), url_for(f"pages.admin_{each}"), each == tab) for each, name in TABS.items()],
        values=typed.values,
        wrong=typed.wrong,
        found=[{"field": name, "message": words} for name, words in typed.wrong.items()],
        preview=typed.preview,
        key=new_key(),
        done=request.args.get("done", ""),
        **shown,
    )
    return make_response(page, UNPROCESSABLE if typed.wrong else 200)
