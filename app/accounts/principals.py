"""Who is calling: a user with a role, as the database knows them at this moment."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, bindparam, select

from app.database import db_now
from app.tables.accounts import Session, StaffDoctor, User

LONGEST_SESSION_SECONDS = 12 * 3600
#: Whoever can see others' data is logged off when nothing happens (HIPAA 164.312(a)(2)(iii)).
LONGEST_REST_SECONDS = 30 * 60
#: How exactly it is known when a browser was last seen.
SEEN_EVERY_SECONDS = 60


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
    #: Whose bookings they may see besides their own; None: every doctor's.
    doctors: frozenset[int] | None = frozenset()
    limit_factor: int = 1
    is_strong: bool = False
    has_second_factor: bool = False
    #: A browser whose last visit was noted more than a minute ago.
    is_stale: bool = False
    #: In which they are shown times beside the clinic's.
    timezone: str | None = None

    @property
    def is_staff(self) -> bool:
        """May see and change others' bookings: those of `doctors`."""
        return self.has(Role.STAFF)

    def has(self, role: Role) -> bool:
        return role in INCLUDES[self.role]


def token_hash(token: str) -> str:
    """What is stored of a browser's token: a copy of the table opens nothing. Random bits need no salt."""
    return hashlib.sha256(token.encode()).hexdigest()


def find_principal(connection: Connection, session_id: uuid.UUID) -> Principal | None:
    """The user of a session that is neither ended nor too old, unless the account is disabled.

    Asked on every request, so that a logout or a disabled account counts at once on every node."""
    return _find(connection, BY_ID, session_id)


def find_by_token(connection: Connection, token: str) -> Principal | None:
    """The user whose browser holds this token."""
    return _find(connection, BY_TOKEN, token_hash(token))


def _sessions(which: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    return (
        select(
            User.id, User.email, User.name, User.role, User.all_doctors, User.limit_factor, User.totp_since,
            User.timezone,
            Session.id.label("session_id"), Session.is_strong, Session.token_hash, Session.last_seen_at,
            db_now().label("now"),
        )
        .join(Session, Session.user_id == User.id)
        .where(
            which,
            Session.ended_at.is_(None),
            Session.awaits_code.is_(False),
            Session.created_at > db_now(-LONGEST_SESSION_SECONDS),
            User.disabled_at.is_(None),
        )
    )  # fmt: skip


#: Built once: every request asks one of them.
BY_ID = _sessions(Session.id == bindparam("wanted"))
BY_TOKEN = _sessions(Session.token_hash == bindparam("wanted"))


def _find(
    connection: Connection, which: Select[*tuple[Any, ...]], wanted: uuid.UUID | str
) -> Principal | None:
    row = connection.execute(which, {"wanted": wanted}).first()
    if row is None:
        return None
    rest = (row.now - row.last_seen_at).total_seconds() if row.token_hash and row.last_seen_at else 0.0
    role = Role(row.role)
    if role is not Role.PATIENT and rest > LONGEST_REST_SECONDS:
        return None
    return Principal(
        user_id=row.id,
        session_id=row.session_id,
        email=row.email,
        name=row.name,
        role=role,
        doctors=_doctors(connection, row.id, role, all_of_them=row.all_doctors),
        limit_factor=row.limit_factor,
        is_strong=row.is_strong,
        has_second_factor=row.totp_since is not None,
        is_stale=rest > SEEN_EVERY_SECONDS,
        timezone=row.timezone,
    )


def _doctors(
    connection: Connection, user_id: uuid.UUID, role: Role, *, all_of_them: bool
) -> frozenset[int] | None:
    if role is Role.ADMIN or (role is Role.STAFF and all_of_them):
        return None
    if role is not Role.STAFF:
        return frozenset()
    own = select(StaffDoctor.doctor_id).where(StaffDoctor.user_id == user_id)
    return frozenset(connection.execute(own).scalars())
