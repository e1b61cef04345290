"""What happens to a booking at the desk: where the person is, another time, the end of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from flask import redirect, request
from werkzeug.wrappers import Response

from app.booking.actions import cancel_booking, mark_attendance, release_hold, reschedule_booking
from app.errors import ValidationFailed
from app.languages.texts import N_
from app.tables.booking import BookingStatus
from app.web.pages.blueprint import pages
from app.web.pages.desk.days import desk_url
from app.web.pages.forms import LONGEST_REASON, request_key
from app.web.pages.hold import SEE_OTHER, wanted_slot_id
from app.web.pages.wording import instant
from app.web.parts import parts
from app.web.policy import policy
from app.web.staff import desk_actor


@pages.post("/desk/bookings/<uuid:booking_id>/status")
@policy("staff")
def desk_status(booking_id: UUID) -> Response:
    """Booked, arrived, in room, done, no-show."""
    wanted = request.form.get("status", "")
    if wanted not in BookingStatus.__members__:
        raise ValidationFailed.of("status", N_("choose one of the steps"))
    done = mark_attendance(parts().engine, booking_id, BookingStatus(wanted), desk_actor())
    return see_booking(done.value)


@pages.post("/desk/bookings/<uuid:booking_id>/move")
@policy("staff")
def desk_move(booking_id: UUID) -> Response:
    """Move it to another free time: one transaction, and the old time stays unless the new one is had."""
    slot_id = wanted_slot_id(request.form)
    key = request_key({"slot_id": slot_id}, variant=f"move-{slot_id}")
    done = reschedule_booking(parts().engine, booking_id, slot_id, desk_actor(), key)
    return see_booking(done.value)


@pages.post("/desk/bookings/<uuid:booking_id>/cancel")
@policy("staff")
def desk_cancel(booking_id: UUID) -> Response:
    """Cancel it; the patient is told by mail."""
    reason = request.form.get("cancel_reason", "").strip()[:LONGEST_REASON] or None
    done = cancel_booking(parts().engine, booking_id, desk_actor(), reason, request_key({}))
    return redirect(desk_url(_day(done.value)), SEE_OTHER)


@pages.post("/desk/bookings/<uuid:booking_id>/release")
@policy("staff")
def desk_release(booking_id: UUID) -> Response:
    """End somebody's hold: the time is free again."""
    done = release_hold(parts().engine, booking_id, desk_actor(), request_key({}))
    return redirect(desk_url(_day(done.value)), SEE_OTHER)


def see_booking(booking: Mapping[str, Any]) -> Response:
    return redirect(desk_url(_day(booking), slot=booking["slot_id"]), SEE_OTHER)


def _day(booking: Mapping[str, Any]) -> Any:
    return instant(booking["starts_at"]).astimezone(parts().config.zone).date()
