"""Whoever the caller books for: themselves, and the people of their account."""

from __future__ import annotations

import uuid

from app.accounts.profile import Person, dependants_of, find_dependant
from app.web.callers import principal
from app.web.parts import parts


def own_dependant(dependant_id: uuid.UUID) -> Person | None:
    """Somebody of the caller's account; None for anybody else."""
    caller = principal()
    if caller is None:
        return None
    with parts().database.read() as connection:
        return find_dependant(connection, caller.user_id, dependant_id)


def own_dependants() -> list[Person]:
    """By name; nobody without a login."""
    caller = principal()
    if caller is None:
        return []
    with parts().database.read() as connection:
        return dependants_of(connection, caller.user_id)
