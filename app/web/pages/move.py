"""Moving a booking: pick another time, compare, move. The old time is kept until the new one is taken."""

from __future__ import annotations

from dataclasses import replace

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.booking.actions import Scope, move_series, reschedule_booking
from app.booking.availability import read_slot
from app.directory.doctors import read_doctor
from app.web.pages.blueprint import pages
from app.web.pages.cancel import can_change
from app.web.pages.forms import request_key
from app.web.pages.guests import guest_of
from app.web.pages.hold import SEE_OTHER, wanted_slot_id, wanted_slot_ids
from app.web.pages.move_seats import render_seat_check, render_seat_mover
from app.web.pages.offers import new_key
from app.web.pages.times import render_picker
from app.web.pages.visits import visit_of_booking, visit_of_slot
from app.web.parts import parts
from app.web.policy import policy


@pages.get("/m/<token>/move")
@policy("public")
def move(token: str) -> Response | str:
    """Pick another time with the same doctor, or other seats for the same movie."""
    guest = guest_of(token)
    if not can_change(guest):
        return _see(token)
    if guest.showtime_id is not None:
        return render_seat_mover(guest)
    return render_picker(int(guest.booking["doctor_id"]), moving=guest)


@pages.get("/m/<token>/move/check")
@policy("public")
def move_check(token: str) -> Response | str:
    """Old and new beside each other."""
    guest = guest_of(token)
    if not can_change(guest):
        return _see(token)
    if guest.showtime_id is not None:
        return render_seat_check(guest)
    slot_id = wanted_slot_id(request.args)
    if slot_id == guest.slot_id:
        return _see(token)
    with parts().database.read() as connection:
        slot = read_slot(connection, slot_id)
        doctor = read_doctor(connection, int(slot["doctor_id"]))
    return render_template(
        "move.html",
        visit=visit_of_booking(guest.booking),
        new_visit=replace(visit_of_slot(slot, doctor), patient=guest.booking["patient_name"]),
        speech=guest.speech,
        slot_ids=[slot_id],
        key=new_key(),
        is_repeated=guest.booking["series_id"] is not None,
        move_url=url_for("pages.move_now", token=token),
        times_url=f"{url_for('pages.move', token=token)}?date={slot['slot_date']}",
        booking_url=url_for("pages.manage", token=token),
    )


@pages.post("/m/<token>/move")
@policy("public")
def move_now(token: str) -> Response:
    """Move the booking in one transaction."""
    guest = guest_of(token)
    slot_ids = wanted_slot_ids(request.form)
    if can_change(guest) and set(slot_ids) != set(guest.slot_ids):
        named, scope = ",".join(map(str, slot_ids)), _scope()
        key = request_key({"slot_ids": named}, variant=f"{named}{scope}")
        if scope is Scope.ONE:
            reschedule_booking(parts().engine, guest.booking_id, slot_ids, guest.actor, key)
        else:
            move_series(parts().engine, guest.booking_id, slot_ids[0], scope, guest.actor, key)
    return _see(token)


def _scope() -> Scope:
    """How much of a series is meant; of anything else it is this one."""
    asked = request.form.get("scope", "")
    return Scope(asked) if asked in {each.value for each in Scope} else Scope.ONE


def _see(token: str) -> Response:
    return redirect(url_for("pages.manage", token=token), SEE_OTHER)
