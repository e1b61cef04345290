"""Every way to change a booking. Each is one transaction; API, pages, jobs and seed use these alone."""

from app.booking.attendance import mark_attendance
from app.booking.best_available import BestClaim, hold_best
from app.booking.best_seats import SeatWish
from app.booking.changes import cancel_booking, confirm_booking, describe_hold, extend_hold, release_hold
from app.booking.claims import Claim, PatientDetails, hold_slot
from app.booking.closures import ClosureDraft, close_time, reopen_time
from app.booking.expiry import expire_due_holds
from app.booking.first_free import FirstFree, hold_first_free
from app.booking.intervals import book_interval
from app.booking.moves import reschedule_booking
from app.booking.overbooking import Overbooking, overbook
from app.booking.overlap import Interval
from app.booking.rules import GUEST, SYSTEM, Actor
from app.booking.selection import add_slots, drop_slots
from app.booking.series import SeriesWish, book_series
from app.booking.series_changes import Scope, cancel_series, move_series
from app.booking.waitlist import WaitWish, join_waitlist, leave_waitlist

__all__ = [
    "GUEST",
    "SYSTEM",
    "Actor",
    "BestClaim",
    "Claim",
    "ClosureDraft",
    "FirstFree",
    "Interval",
    "Overbooking",
    "PatientDetails",
    "Scope",
    "SeatWish",
    "SeriesWish",
    "WaitWish",
    "add_slots",
    "book_interval",
    "book_series",
    "cancel_booking",
    "cancel_series",
    "close_time",
    "confirm_booking",
    "describe_hold",
    "drop_slots",
    "expire_due_holds",
    "extend_hold",
    "hold_best",
    "hold_first_free",
    "hold_slot",
    "join_waitlist",
    "leave_waitlist",
    "mark_attendance",
    "move_series",
    "overbook",
    "release_hold",
    "reopen_time",
    "reschedule_booking",
]
