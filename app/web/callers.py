"""Who is calling: a principal by bearer token, or the holder of a booking's manage token."""

from __future__ import annotations

from uuid import UUID

import structlog
from flask import g, request

from app.accounts.principals import Principal, find_principal
from app.accounts.tokens import read_token
from app.errors import Unauthenticated, Unavailable
from app.web.parts import parts

MANAGE_HEADER = "X-Manage-Token"


def principal() -> Principal | None:
    """The logged-in caller, or None without credentials.

    Raises Unauthenticated for credentials that are wrong, expired or revoked."""
    if "principal" not in g:
        g.principal = _resolve()
    found: Principal | None = g.principal
    return found


def required_principal() -> Principal:
    """The logged-in caller. Raises Unauthenticated when there is none."""
    caller = principal()
    if caller is None:
        raise Unauthenticated("Send a bearer token; POST /api/auth/login gives one.")
    return caller


def manage_token() -> str | None:
    """What a guest sent to prove that a booking is theirs; not checked yet."""
    return request.headers.get(MANAGE_HEADER)


def accept_recent_login() -> None:
    """For this request: while the database is away, a login it vouched for a moment ago counts."""
    g.accepts_recent_login = True


def find_login(session_id: UUID) -> Principal | None:
    """Whose login this is, as the database says now; None once it has ended. Raises Unavailable."""
    recent = parts().recent_sessions
    try:
        with parts().database.read() as connection:
            caller = find_principal(connection, session_id)
    except Unavailable:
        known = recent.find(session_id) if g.get("accepts_recent_login") else None
        if known is None:
            raise
        return known
    if caller is None:
        recent.forget(session_id)
    else:
        recent.remember(caller)
    return caller


def _resolve() -> Principal | None:
    header = request.headers.get("Authorization")
    if header is None:
        return None
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer":
        raise Unauthenticated("Only bearer tokens are accepted.")
    session_id = read_token(parts().config.secret_key, token.strip())
    caller = find_login(session_id)
    if caller is None:
        raise Unauthenticated("This login has ended. Please log in again.")
    structlog.contextvars.bind_contextvars(user_id=str(caller.user_id), role=caller.role.value)
    return caller
