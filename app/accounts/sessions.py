"""Opening, showing and ending logins."""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from app.accounts.principals import LONGEST_SESSION_SECONDS, token_hash
from app.database import Database, db_now
from app.tables.accounts import Session, User

#: Between the right password and the second factor.
CODE_SECONDS = 5 * 60
LONGEST_DEVICE = 80


@dataclass(frozen=True)
class Opened:
    """A session just opened; the token is shown once, to the browser, and stored nowhere."""

    id: uuid.UUID
    token: str | None = None
    awaits_code: bool = False


@dataclass(frozen=True)
class Login:
    """One place where somebody is logged in, as they see it."""

    id: uuid.UUID
    device: str | None
    is_browser: bool
    created_at: datetime
    last_seen_at: datetime | None


def open_session(
    tx: Connection,
    user_id: uuid.UUID,
    *,
    is_browser: bool = False,
    device: str | None = None,
    awaits_code: bool = False,
    is_strong: bool = False,
) -> Opened:
    """A login of its own; a browser always gets a token nobody knew before (ASVS 7.2.4)."""
    session_id = uuid.uuid4()
    token = secrets.token_urlsafe(32) if is_browser else None
    tx.execute(
        insert(Session).values(
            id=session_id,
            user_id=user_id,
            token_hash=token_hash(token) if token else None,
            device=device[:LONGEST_DEVICE] if device else None,
            awaits_code=awaits_code,
            is_strong=is_strong,
            last_seen_at=db_now() if is_browser else None,
        )
    )
    return Opened(session_id, token, awaits_code)


def user_awaiting_code(connection: Connection, token: str) -> Any:
    """The account whose password was right in this browser minutes ago."""
    return connection.execute(
        select(User.id, User.name, User.email, User.role, Session.id.label("session_id"))
        .join(Session, Session.user_id == User.id)
        .where(
            Session.token_hash == token_hash(token),
            Session.awaits_code,
            Session.ended_at.is_(None),
            Session.created_at > db_now(-CODE_SECONDS),
            User.disabled_at.is_(None),
        )
    ).first()


def note_visit(database: Database, session_id: uuid.UUID) -> None:
    """The browser was seen now."""
    seen = update(Session).where(Session.id == session_id).values(last_seen_at=db_now())
    database.run(lambda tx: tx.execute(seen))


def end_session(tx: Connection, session_id: uuid.UUID, user_id: uuid.UUID) -> bool:
    """End one login of this user; whether there was such a one."""
    return _end(tx, Session.id == session_id, Session.user_id == user_id) == 1


def end_token(tx: Connection, token: str) -> None:
    """End whatever login this token opens."""
    _end(tx, Session.token_hash == token_hash(token))


def end_all(tx: Connection, user_id: uuid.UUID, but: uuid.UUID | None = None) -> int:
    """End every login of the user, save one; how many those were."""
    conditions = [Session.user_id == user_id]
    if but is not None:
        conditions.append(Session.id != but)
    return _end(tx, *conditions)


def strengthen(tx: Connection, session_id: uuid.UUID) -> None:
    """Its owner has just shown a second factor."""
    tx.execute(update(Session).where(Session.id == session_id).values(is_strong=True))


def logins_of(connection: Connection, user_id: uuid.UUID) -> list[Login]:
    """Where the user is logged in, the newest first."""
    rows = connection.execute(
        select(Session.id, Session.device, Session.token_hash, Session.created_at, Session.last_seen_at)
        .where(
            Session.user_id == user_id,
            Session.ended_at.is_(None),
            Session.awaits_code.is_(False),
            Session.created_at > db_now(-LONGEST_SESSION_SECONDS),
        )
        .order_by(Session.created_at.desc())
        .limit(100)
    )
    return [
        Login(row.id, row.device, row.token_hash is not None, row.created_at, row.last_seen_at)
        for row in rows
    ]


def _end(tx: Connection, *which: Any) -> int:
    ended = tx.execute(update(Session).where(*which, Session.ended_at.is_(None)).values(ended_at=db_now()))
    return ended.rowcount
