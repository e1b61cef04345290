"""Every way to change a booking. Each is one transaction; API, pages, jobs and seed use these alone."""

from app.booking.changes import (
    cancel_booking,
    confirm_booking,
    describe_hold,
    extend_hold,
    release_hold,
    reschedule_booking,
)
from app.booking.claims import Claim, PatientDetails, hold_slot
from app.booking.expiry import expire_due_holds
from app.booking.intervals import Interval, book_interval
from app.booking.rules import GUEST, SYSTEM, Actor

__all__ = [
    "GUEST",
    "SYSTEM",
    "Actor",
    "Claim",
    "Interval",
    "PatientDetails",
    "book_interval",
    "cancel_booking",
    "confirm_booking",
    "describe_hold",
    "expire_due_holds",
    "extend_hold",
    "hold_slot",
    "release_hold",
    "reschedule_booking",
]
