"""Every way to change a booking. Each is one transaction; API, pages, jobs and seed use these alone."""

from app.booking.best_available import BestClaim, hold_best
from app.booking.best_seats import SeatWish
from app.booking.changes import cancel_booking, confirm_booking, describe_hold, extend_hold, release_hold
from app.booking.claims import Claim, PatientDetails, hold_slot
from app.booking.expiry import expire_due_holds
from app.booking.intervals import book_interval
from app.booking.moves import reschedule_booking
from app.booking.overlap import Interval
from app.booking.rules import GUEST, SYSTEM, Actor
from app.booking.selection import add_slots, drop_slots

__all__ = [
    "GUEST",
    "SYSTEM",
    "Actor",
    "BestClaim",
    "Claim",
    "Interval",
    "PatientDetails",
    "SeatWish",
    "add_slots",
    "book_interval",
    "cancel_booking",
    "confirm_booking",
    "describe_hold",
    "drop_slots",
    "expire_due_holds",
    "extend_hold",
    "hold_best",
    "hold_slot",
    "release_hold",
    "reschedule_booking",
]
