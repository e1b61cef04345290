"""One's own data: all of it in one document, and forgetting it. For the API and the pages."""

from __future__ import annotations

import uuid
from contextlib import suppress
from typing import Any

from app.accounts.forgetting import account_export, forget_account
from app.accounts.principals import Principal
from app.audit.journal import Witness
from app.booking.actions import cancel_booking
from app.booking.errors import HoldExpired, WrongState
from app.booking.reading import BookingFilter, bookings_after
from app.booking.wall import read_for
from app.web.actors import actor_with
from app.web.origins import origin
from app.web.parts import parts

MOST_BOOKINGS = 10_000
LIVE = {"PENDING", "CONFIRMED"}
Document = dict[str, Any]


def export_of(caller: Principal) -> Document:
    """Everything that is kept about the caller; the look is written down."""
    with read_for(parts().database, actor_with()) as connection:
        bookings = bookings_after(connection, BookingFilter(user_id=caller.user_id), None, MOST_BOOKINGS)
        kept = account_export(connection, caller)
    pen = parts().accounts.scribe.pen()
    parts().database.run(lambda tx: pen.note(tx, _who(caller), "account.exported"))
    return {**kept, "bookings": bookings}


def erase(caller: Principal) -> None:
    """Cancel what is still booked, then forget who it was."""
    with parts().database.read() as connection:
        found = bookings_after(connection, BookingFilter(user_id=caller.user_id), None, MOST_BOOKINGS)
    for booking in found:
        if booking["status"] in LIVE:
            # It may end by itself between our look and this: then there is nothing to cancel.
            with suppress(HoldExpired, WrongState):
                cancel_booking(parts().engine, uuid.UUID(booking["id"]), actor_with(), "account erased")
    forget_account(parts().accounts, caller, _who(caller))


def _who(caller: Principal) -> Witness:
    return Witness(f"user:{caller.user_id}", origin())
