"""What people do with accounts: one transaction each."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from app.accounts.passwords import Passwords
from app.accounts.principals import Principal, Role
from app.database import Database, db_now
from app.errors import Conflict, Unauthenticated
from app.idempotency import Answer, RequestKey, once
from app.tables.accounts import Session, User

Document = dict[str, Any]


@dataclass(frozen=True)
class NewAccount:
    """Someone who wants to log in; the e-mail address is in its normal form."""

    email: str
    name: str
    password_hash: str
    role: Role = Role.PATIENT


@dataclass(frozen=True)
class Login:
    """A session that was opened, and whose it is."""

    user: Document
    session_id: uuid.UUID


def user_document(user_id: uuid.UUID, email: str, name: str, role: str) -> Document:
    return {"id": str(user_id), "email": email, "name": name, "role": role}


def principal_document(principal: Principal) -> Document:
    return user_document(principal.user_id, principal.email, principal.name, principal.role)


def register(database: Database, account: NewAccount, request: RequestKey | None) -> Answer:
    """Add the account and log it in; the value holds user and session_id, never a token.

    Raises Conflict when the address has an account."""

    def work(tx: Connection) -> Document:
        user_id = add_account(tx, account)
        if user_id is None:
            raise Conflict("An account with this e-mail address exists. Please log in.")
        session_id = _open_session(tx, user_id)
        user = user_document(user_id, account.email, account.name, account.role)
        return {"user": user, "session_id": str(session_id)}

    return once(database, request, work)


def add_account(tx: Connection, account: NewAccount) -> uuid.UUID | None:
    """Add the account; None when the address has one already."""
    statement = (postgresql if tx.dialect.name == "postgresql" else sqlite).insert(User)
    return tx.execute(
        statement.values(
            id=uuid.uuid4(),
            email=account.email,
            name=account.name,
            password_hash=account.password_hash,
            role=account.role.value,
        )
        .on_conflict_do_nothing(index_elements=["email"])
        .returning(User.id)
    ).scalar()


def log_in(database: Database, passwords: Passwords, email: str, password: str) -> Login:
    """Open a session. Raises Unauthenticated, in the same words whatever was wrong."""
    with database.read() as connection:
        user = connection.execute(
            select(User.id, User.email, User.name, User.role, User.password_hash).where(
                User.email == email, User.disabled_at.is_(None)
            )
        ).first()
    if not passwords.matches(user and user.password_hash, password) or user is None:
        raise Unauthenticated("The e-mail address or the password is not right.")
    renewed = passwords.hash(password) if passwords.is_outdated(user.password_hash) else None

    def work(tx: Connection) -> uuid.UUID:
        if renewed is not None:
            tx.execute(update(User).where(User.id == user.id).values(password_hash=renewed))
        return _open_session(tx, user.id)

    return Login(user_document(user.id, user.email, user.name, user.role), database.run(work))


def log_out(database: Database, principal: Principal) -> None:
    """End the session on every node; its tokens are refused from now on."""
    ending = (
        update(Session)
        .where(Session.id == principal.session_id, Session.ended_at.is_(None))
        .values(ended_at=db_now())
    )
    database.run(lambda tx: tx.execute(ending))


def make_admin(database: Database, account: NewAccount) -> bool:
    """Give the account the role admin and this password, adding it if needed; whether it is new.

    Sessions opened with the old password end."""

    def work(tx: Connection) -> bool:
        if add_account(tx, account) is not None:
            return True
        user_id = tx.execute(
            update(User)
            .where(User.email == account.email)
            .values(role=account.role.value, password_hash=account.password_hash, disabled_at=None)
            .returning(User.id)
        ).scalar_one()
        ending = update(Session).where(Session.user_id == user_id, Session.ended_at.is_(None))
        tx.execute(ending.values(ended_at=db_now()))
        return False

    return database.run(work)


def _open_session(tx: Connection, user_id: uuid.UUID) -> uuid.UUID:
    session_id = uuid.uuid4()
    tx.execute(insert(Session).values(id=session_id, user_id=user_id))
    return session_id
