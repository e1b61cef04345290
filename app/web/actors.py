"""Who acts on bookings: the login, the booking a presented token opens, and what limits hold for them."""

from __future__ import annotations

import uuid

from app.booking.rules import Actor
from app.web.callers import principal
from app.web.origins import crowd, origin


def actor_with(opened: uuid.UUID | None = None) -> Actor:
    """The caller; `opened` is the booking whose link or token was shown."""
    caller = principal()
    if caller is None:
        return Actor("guest", token_for=opened, origin=origin(), limit_factor=crowd())
    return Actor(
        f"user:{caller.user_id}",
        caller.user_id,
        caller.is_staff,
        opened,
        doctors=caller.doctors,
        origin=origin(),
        limit_factor=caller.limit_factor,
    )
