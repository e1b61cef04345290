"""Halls: what there is, and a new one drawn as text and shown as it will look."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from flask import redirect, request, url_for
from pydantic import StringConstraints
from werkzeug.wrappers import Response

from app.booking.seat_plan import SeatPlan, plan_of_layout
from app.directory.halls import HallDraft, create_hall, list_halls, preview_hall, read_hall
from app.directory.layouts import Layout
from app.errors import Conflict, ValidationFailed
from app.languages.days import money
from app.languages.texts import translated
from app.web.api.booking_answers import current_actor
from app.web.api.cinema_inputs import Named
from app.web.api.directory_inputs import TimeZoneName
from app.web.api.inputs import RequestModel
from app.web.pages.admin.layout_text import MOST_CHARACTERS, read_layout, write_layout
from app.web.pages.admin.screen import Typed, is_in_earnest, render_admin
from app.web.pages.blueprint import pages
from app.web.pages.forms import Wrong, read_form, request_key
from app.web.pages.hold import slot_id_in
from app.web.pages.seat_map import SeatMap, build_map
from app.web.parts import parts
from app.web.policy import policy

MOST_HALLS = 100
EXAMPLE = "[Front 9.00]\nA    wc_######_cw\n[Stalls 12.50]\nB-F  ##_########_##"


class HallForm(RequestModel):
    """A new hall as typed."""

    hall_name: Named
    place: Named
    timezone: TimeZoneName
    currency: Annotated[str, StringConstraints(pattern="^[A-Z]{3}$")]
    layout: Annotated[str, StringConstraints(min_length=1, max_length=MOST_CHARACTERS)]


@dataclass(frozen=True)
class HallPreview:
    """The hall as it would be."""

    draft: HallDraft
    map: SeatMap
    seats: int
    kinds: dict[str, int]
    zones: list[dict[str, Any]]


@pages.get("/admin/halls")
@policy("admin")
def admin_halls() -> Response:
    """Every hall, and a form for another; `like` begins with the layout of one that is there."""
    values = {"timezone": parts().config.clinic_timezone, "currency": "EUR", "layout": EXAMPLE}
    if like := request.args.get("like"):
        with parts().database.read() as connection:
            hall = read_hall(connection, slot_id_in(like))
        values |= {name: hall[name] for name in ("place", "timezone", "currency")}
        values["layout"] = write_layout(Layout.of(hall["layout"]))
    return _page(Typed(values))


@pages.post("/admin/halls")
@policy("admin")
def admin_halls_add() -> Response:
    """Show what the form makes, or make it."""
    read = read_form(HallForm, request.form)
    if isinstance(read, Wrong):
        return _page(Typed(read.values, dict(read.sentences)))
    typed = Typed(read.model_dump())
    draft = _draft(read, typed)
    if draft is None:
        return _page(typed)
    if not is_in_earnest():
        typed.preview = _preview(draft)
        return _page(typed)
    try:
        create_hall(parts().directory, draft, current_actor().label, request_key(read.model_dump()))
    except Conflict as conflict:
        typed.refuse(conflict, "hall_name")
        return _page(typed)
    return redirect(url_for("pages.admin_halls", done=draft.name), 303)


def _draft(read: HallForm, typed: Typed) -> HallDraft | None:
    """None when the layout cannot be built; typed says why then."""
    text = read_layout(read.layout)
    if text.wrong:
        typed.wrong["layout"] = ". ".join(map(translated, text.wrong))
        return None
    draft = HallDraft(read.hall_name, read.place, read.timezone, read.currency, text.layout)
    try:
        preview_hall(draft)
    except ValidationFailed as refusal:
        typed.refuse(refusal, "layout")
        return None
    return draft


def _preview(draft: HallDraft) -> HallPreview:
    summary = preview_hall(draft)
    zones = [{**zone, "price": money(zone["price_cents"], draft.currency)} for zone in summary["zones"]]
    plan: SeatPlan = plan_of_layout(draft.layout, draft.currency)
    return HallPreview(draft, build_map(plan, {}, ()), summary["seats"], summary["kinds"], zones)


def _page(typed: Typed) -> Response:
    with parts().database.read() as connection:
        found = list_halls(connection, limit=MOST_HALLS)
    return render_admin("halls", typed, halls=found)
