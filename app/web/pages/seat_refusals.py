"""The page of seats that could not be had: which and why, what is kept, and the next step."""

from __future__ import annotations

from typing import Any

from flask import Response, make_response, render_template, request, url_for

from app.directory.showtimes import read_showtime
from app.web.failures import Failure
from app.web.pages.guests import Guest
from app.web.pages.offers import new_key
from app.web.pages.visits import visit_of_showtime
from app.web.pages.wording import counted, span
from app.web.parts import parts

TITLES = {
    "SLOT_TAKEN": "{seats} just taken by someone else",
    "SLOT_HELD": "{seats} on hold for someone else",
    "SLOT_BLOCKED": "{seats} not for sale",
    "SOLD_OUT": "There are not that many seats left",
    "NOT_TOGETHER": "There are no such seats side by side",
    "SLOT_IN_PAST": "This showing has begun",
}
REASONS = {
    "SLOT_TAKEN": "taken",
    "SLOT_HELD": "on hold for someone else",
    "SLOT_BLOCKED": "not for sale",
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
            words="" if lost else failure.detail,
            kept="Your seats are unchanged." if moving else "Nothing was saved.",
            visit=visit_of_showtime(showtime),
            remaining=remaining if not moving else [],
            others=counted(len(remaining), "other seat"),
            key=new_key(),
            choose_url=url_for("pages.choose_seats", showtime_id=showtime_id),
            map_url=map_url,
        ),
        failure.status,
    )


def _title(failure: Failure, lost: list[dict[str, Any]]) -> str:
    names = [f"{seat['row']}{seat['number']}" for seat in lost]
    if len(names) > 1:
        seats = f"{', '.join(names[:-1])} and {names[-1]} were"
    else:
        seats = f"{names[0]} was" if names else "These seats were"
    reason = failure.extras.get("reason", failure.code)
    title = TITLES.get(reason, "These seats cannot be had").format(seats=seats)
    is_now = reason in ("SLOT_HELD", "SLOT_BLOCKED")
    return title.replace(" was ", " is ").replace(" were ", " are ") if is_now else title


def _sentence(seat: dict[str, Any]) -> str:
    wait = seat.get("retry_after_seconds")
    back = f", free again within {span(wait)} unless they finish" if wait else ""
    return f"Row {seat['row']}, seat {seat['number']}: {REASONS[seat['reason']]}{back}."


def _remaining(lost: list[dict[str, Any]], guest: Guest | None) -> list[str]:
    """What was asked for and is not lost."""
    asked = [text for text in request.form.getlist("slot_id") if text.isdigit()]
    asked = asked or [str(slot_id) for slot_id in (guest.slot_ids if guest else ())]
    gone = {seat["id"] for seat in lost}
    return [text for text in asked if text not in gone] if lost else []
