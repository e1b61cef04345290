"""Screen 4: everything once more, and one button."""

from __future__ import annotations

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.booking.actions import confirm_booking
from app.web.pages import my_hold
from app.web.pages.blueprint import pages
from app.web.pages.countdown import hold_bar
from app.web.pages.forms import PatientForm, Wrong, read_form, request_key
from app.web.pages.guests import Guest, guest_of
from app.web.pages.hold import SEE_OTHER, take_again, times_url, where_it_is
from app.web.pages.lapsed import lapsed_page
from app.web.pages.offers import new_key
from app.web.pages.visits import visit_of_booking
from app.web.parts import parts
from app.web.policy import policy


@pages.get("/hold/<token>/check")
@policy("public")
def check(token: str) -> Response | str:
    """What will be booked, to be looked over."""
    guest = guest_of(token)
    if guest.was_only_held:
        return lapsed_page(guest)
    if not guest.is_held or not _is_described(guest):
        return redirect(where_it_is(guest), SEE_OTHER)
    return render_template(
        "check.html",
        hold=hold_bar(guest, "check"),
        visit=visit_of_booking(guest.booking),
        speech=guest.speech,
        values=guest.booking,
        key=new_key(),
        was_taken_again=request.args.get("again") == "1",
        confirm_url=url_for("pages.confirm", token=token),
        details_url=url_for("pages.details", token=token),
        times_url=times_url(guest),
    )


@pages.post("/hold/<token>/confirm")
@policy("public")
def confirm(token: str) -> Response:
    """Confirm the booking. Sent twice, it is confirmed once and shown twice."""
    guest = guest_of(token)
    if guest.was_only_held:
        # Not confirmed unseen: the person is shown that the time was lost for a moment.
        fresh = take_again(guest)
        return my_hold.remember(redirect(url_for("pages.check", token=fresh, again=1), SEE_OTHER), fresh)
    if guest.is_held:
        if not _is_described(guest):
            return redirect(where_it_is(guest), SEE_OTHER)
        confirm_booking(parts().engine, guest.booking_id, guest.actor, request_key({}))
    return my_hold.forget(redirect(url_for("pages.manage", token=token), SEE_OTHER))


def _is_described(guest: Guest) -> bool:
    return not isinstance(read_form(PatientForm, guest.booking), Wrong)
