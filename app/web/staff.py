"""Who acts for the clinic, and what they may do beyond the ordinary."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app.accounts.principals import Principal, Role
from app.booking.actions import Actor
from app.clinic import rules
from app.directory.patients import Reader
from app.errors import NotFound
from app.web.callers import required_principal
from app.web.parts import parts

Document = dict[str, Any]


def desk_actor() -> Actor:
    """The caller as the one who acts. Without their user id: what they book for others is not theirs. Without
    an origin: a desk books two hundred times a day."""
    caller = required_principal()
    return Actor(
        f"user:{caller.user_id}",
        is_staff=True,
        doctors=caller.doctors,
        may_overbook=is_allowed_to_overbook(caller),
    )


def desk_reader() -> Reader:
    """The caller as the one who looks at patients."""
    caller = required_principal()
    return Reader(f"user:{caller.user_id}", caller.doctors)


def served(doctors: Sequence[Document]) -> list[Document]:
    """Those of the doctors whose front desk the caller is."""
    actor = desk_actor()
    return [doctor for doctor in doctors if actor.may_serve(int(doctor["id"]))]


def require_served(doctor_id: int) -> None:
    """Raises NotFound for a doctor whose front desk the caller is not."""
    if not desk_actor().may_serve(doctor_id):
        raise NotFound("There is no such doctor.")


def may_overbook() -> bool:
    return is_allowed_to_overbook(required_principal())


def is_allowed_to_overbook(caller: Principal) -> bool:
    """Administrators, and the front desk where the clinic says so."""
    if caller.has(Role.ADMIN):
        return True
    with parts().database.read() as connection:
        return caller.has(Role.STAFF) and rules.read(connection).desk_may_overbook
