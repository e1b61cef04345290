"""The page of seats that could not be had: which and why, what is kept, and the next step."""

from __future__ import annotations

from typing import Any

from flask import Response, make_response, render_template, request, url_for

from app.directory.showtimes import read_showtime
from app.languages.texts import N_, _, listed, ngettext, translated
from app.web.failures import Failure
from app.web.pages.guests import Guest
from app.web.pages.offers import new_key
from app.web.pages.visits import visit_of_showtime
from app.web.pages.wording import span
from app.web.parts import parts

#: One seat, several seats, seats nobody named.
TITLES = {
    "SLOT_TAKEN": (
        N_("%(seats)s was just taken by someone else"),
        N_("%(seats)s were just taken by someone else"),
        N_("These seats were just taken by someone else"),
    ),
    "SLOT_HELD": (
        N_("%(seats)s is on hold for someone else"),
        N_("%(seats)s are on hold for someone else"),
        N_("These seats are on hold for someone else"),
    ),
    "SLOT_BLOCKED": (
        N_("%(seats)s is not for sale"),
        N_("%(seats)s are not for sale"),
        N_("These seats are not for sale"),
    ),
    "SOLD_OUT": (N_("There are not that many seats left"),) * 3,
    "NOT_TOGETHER": (N_("There are no such seats side by side"),) * 3,
    "SLOT_IN_PAST": (N_("This showing has begun"),) * 3,
}
OTHER = (N_("These seats cannot be had"),) * 3
REASONS = {
    "SLOT_TAKEN": N_("taken"),
    "SLOT_HELD": N_("on hold for someone else"),
    "SLOT_BLOCKED": N_("not for sale"),
}


def wanted_showtime(failure: Failure, guest: Guest | None) -> int | None:
    """The showtime the refused request was about; None when it was about a doctor's time."""
    named = (request.view_args or {}).get("showtime_id")
    return int(named) if named else guest.showtime_id if guest else None


def seats_lost_page(failure: Failure, showtime_id: int, guest: Guest | None) -> Response:
    lost: list[dict[str, Any]] = failure.extras.get("seats", [])
    remaining = _remaining(lost, guest)
    moving = guest if guest and guest.is_confirmed else None
    with parts().database.read() as connection:
        showtime = read_showtime(connection, showtime_id)
    map_url = (
        url_for("pages.move", token=moving.token, showtime=showtime_id)
        if moving
        else url_for("pages.seats", showtime_id=showtime_id, slot_id=remaining)
    )
    return make_response(
        render_template(
            "seats_lost.html",
            title=_title(failure, lost),
            lost=[_sentence(seat) for seat in lost],
            words="" if lost else translated(failure.detail),
            kept=_("Your seats are unchanged.") if moving else _("Nothing was saved."),
            visit=visit_of_showtime(showtime),
            remaining=remaining if not moving else [],
            others=ngettext("%(num)s other seat", "%(num)s other seats", len(remaining)),
            key=new_key(),
            choose_url=url_for("pages.choose_seats", showtime_id=showtime_id),
            map_url=map_url,
        ),
        failure.status,
    )


def _title(failure: Failure, lost: list[dict[str, Any]]) -> str:
    names = [f"{seat['row']}{seat['number']}" for seat in lost]
    one, several, unnamed = TITLES.get(failure.extras.get("reason", failure.code), OTHER)
    if not names:
        return _(unnamed)
    return _(one if len(names) == 1 else several, seats=listed(names))


def _sentence(seat: dict[str, Any]) -> str:
    place = _("Row %(row)s, seat %(number)s", row=seat["row"], number=seat["number"])
    wait = seat.get("retry_after_seconds")
    back = _("free again within %(span)s unless they finish", span=span(wait)) if wait else ""
    return f"{place}: {', '.join(filter(None, (_(REASONS[seat['reason']]), back)))}."


def _remaining(lost: list[dict[str, Any]], guest: Guest | None) -> list[str]:
    """What was asked for and is not lost."""
    asked = [text for text in request.form.getlist("slot_id") if text.isdigit()]
    asked = asked or [str(slot_id) for slot_id in (guest.slot_ids if guest else ())]
    gone = {seat["id"] for seat in lost}
    return [text for text in asked if text not in gone] if lost else []
