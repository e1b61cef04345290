"""Who is calling: a user with a role, as the database knows them at this moment."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, select

from app.database import db_now
from app.tables.accounts import Session, User

LONGEST_SESSION_SECONDS = 12 * 3600


class Role(StrEnum):
    PATIENT = "patient"
    STAFF = "staff"
    ADMIN = "admin"
    OPERATOR = "operator"


#: Whose rights a role has besides its own. An admin may do everything; an operator sees no patient data.
INCLUDES: dict[Role, frozenset[Role]] = {
    Role.PATIENT: frozenset({Role.PATIENT}),
    Role.STAFF: frozenset({Role.PATIENT, Role.STAFF}),
    Role.OPERATOR: frozenset({Role.PATIENT, Role.OPERATOR}),
    Role.ADMIN: frozenset(Role),
}


@dataclass(frozen=True)
class Principal:
    """A logged-in caller."""

    user_id: uuid.UUID
    session_id: uuid.UUID
    email: str
    name: str
    role: Role

    @property
    def is_staff(self) -> bool:
        """May see and change everybody's bookings."""
        return self.has(Role.STAFF)

    def has(self, role: Role) -> bool:
        return role in INCLUDES[self.role]


def find_principal(connection: Connection, session_id: uuid.UUID) -> Principal | None:
    """The user of a session that is neither ended nor too old, unless the account is disabled.

    Asked on every request, so that a logout or a disabled account counts at once on every node."""
    row = connection.execute(
        select(User.id, User.email, User.name, User.role)
        .join(Session, Session.user_id == User.id)
        .where(
            Session.id == session_id,
            Session.ended_at.is_(None),
            Session.created_at > db_now(-LONGEST_SESSION_SECONDS),
            User.disabled_at.is_(None),
        )
    ).first()
    return row and Principal(row.id, session_id, row.email, row.name, Role(row.role))
