"""Who acts for the clinic, and what they may do beyond the ordinary."""

from __future__ import annotations

from app.accounts.principals import Principal, Role
from app.booking.actions import Actor
from app.clinic import rules
from app.web.callers import required_principal
from app.web.parts import parts


def desk_actor() -> Actor:
    """The caller as the one who acts. Without their user id: what they book for others is not theirs."""
    caller = required_principal()
    return Actor(f"user:{caller.user_id}", is_staff=True, may_overbook=is_allowed_to_overbook(caller))


def may_overbook() -> bool:
    return is_allowed_to_overbook(required_principal())


def is_allowed_to_overbook(caller: Principal) -> bool:
    """Administrators, and the front desk where the clinic says so."""
    if caller.has(Role.ADMIN):
        return True
    with parts().database.read() as connection:
        return caller.has(Role.STAFF) and rules.read(connection).desk_may_overbook
