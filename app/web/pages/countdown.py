"""The hold's bar: the deadline, what is left of it, and where its buttons lead."""

from __future__ import annotations

from dataclasses import dataclass

from flask import url_for

from app.web.pages.guests import Guest
from app.web.pages.my_hold import new_view
from app.web.pages.wording import clock_time, instant
from app.web.parts import parts

#: Seconds left at which the bar changes, for a hold of two minutes; scaled to shorter ones.
FULL_HOLD_SECONDS, SOON_SECONDS, LAST_SECONDS = 120, 60, 20


@dataclass(frozen=True)
class HoldBar:
    token: str
    #: Which showing of the page this is; see my_hold.new_view().
    view: str
    #: The screen it is shown on, to come back to: details or check, or seats with their basket.
    here: str
    #: What is held, for those who hear it: "This time is", "These seats are".
    subject: str
    #: Where a script asks how much is left; nothing for the page itself.
    ask_url: str
    until: str
    seconds_left: float
    total_seconds: float
    level: str
    extend_url: str
    release_url: str
    leave_url: str
    again_url: str


def hold_bar(guest: Guest, here: str) -> HoldBar:
    expires_at, total = instant(guest.booking["expires_at"]), parts().config.hold_seconds
    left = max(0.0, round((expires_at - guest.now).total_seconds(), 1))
    return HoldBar(
        token=guest.token,
        view=new_view(guest.token),
        here=here,
        subject=guest.speech.held,
        ask_url=url_for("pages.basket", showtime_id=guest.showtime_id) if here == "seats" else "",
        until=clock_time(expires_at, guest.zone),
        seconds_left=left,
        total_seconds=total,
        level=level_of(left, total),
        extend_url=url_for("pages.extend", token=guest.token),
        release_url=url_for("pages.release", token=guest.token),
        leave_url=url_for("pages.leave", token=guest.token),
        again_url=url_for("pages.hold_again", token=guest.token),
    )


def level_of(left: float, total: float) -> str:
    scale = min(1.0, total / FULL_HOLD_SECONDS)
    if left <= LAST_SECONDS * scale:
        return "last"
    return "soon" if left <= SOON_SECONDS * scale else "calm"
