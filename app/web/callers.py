"""Who is calling: a principal by bearer token or by a browser's cookie, or the holder of a manage token.

The API believes bearer tokens only and pages cookies only: a browser sends its cookie with whatever another
site makes it ask, and the API asks for no form token."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import structlog
from flask import g, request
from sqlalchemy import Connection

from app.accounts import sessions
from app.accounts.principals import Principal, Role, find_by_token, find_principal, token_hash
from app.accounts.tokens import read_token
from app.booking import manage_token
from app.errors import Unauthenticated, Unavailable
from app.web.parts import parts

MANAGE_HEADER = "X-Manage-Token"
API = ("/api/", "/openapi.json", "/metrics")
LONGEST_TOKEN = 64


def principal() -> Principal | None:
    """The logged-in caller, or None without credentials.

    Raises Unauthenticated for a bearer token that is wrong, expired or revoked; a cookie that has ended
    counts as none."""
    if "principal" not in g:
        g.principal = _resolve()
    found: Principal | None = g.principal
    return found


def required_principal() -> Principal:
    """The logged-in caller. Raises Unauthenticated when there is none."""
    caller = principal()
    if caller is None and is_login_unknown():
        raise Unavailable("Your login cannot be checked while the database is away.")
    if caller is None:
        raise Unauthenticated("Send a bearer token; POST /api/auth/login gives one.")
    return caller


def forget_caller() -> None:
    """Whoever asked has ended their login with this very request: its page must not greet them."""
    g.principal = None


def is_login_unknown() -> bool:
    """Somebody shows a login that cannot be checked while the database is away."""
    return bool(g.get("is_login_unknown"))


def opened_booking() -> uuid.UUID | None:
    """The booking whose manage token a guest sent; None without one, and for one that we never gave."""
    config, token = parts().config, request.headers.get(MANAGE_HEADER)
    return manage_token.read(config.secret_key, token, config.earlier_secrets) if token else None


def session_token() -> str | None:
    """What this browser's cookie holds."""
    token = request.cookies.get(session_cookie(), "")
    return token if 1 <= len(token) <= LONGEST_TOKEN else None


def session_cookie() -> str:
    """With https the browser itself guarantees that no other host set the cookie (RFC 6265bis __Host-)."""
    return "__Host-sid" if request.is_secure else "sid"


def accept_recent_login() -> None:
    """For this request: while the database is away, a login it vouched for a moment ago counts."""
    g.accepts_recent_login = True


def _resolve() -> Principal | None:
    header = request.headers.get("Authorization")
    if header is not None and _is_api():
        return _by_bearer(header)
    token = None if _is_api() else session_token()
    return _by_cookie(token) if token else None


def _is_api() -> bool:
    return request.path.startswith(API)


def _by_bearer(header: str) -> Principal:
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer":
        raise Unauthenticated("Only bearer tokens are accepted.")
    config = parts().config
    session_id = read_token(config.secret_key, token.strip(), config.earlier_secrets)
    caller = _find(session_id.hex, lambda connection: find_principal(connection, session_id))
    if caller is None:
        raise Unauthenticated("This login has ended. Please log in again.")
    return _known(caller)


def _by_cookie(token: str) -> Principal | None:
    try:
        caller = _find(token_hash(token), lambda connection: find_by_token(connection, token))
    except Unavailable:
        if request.method != "GET":
            raise
        g.is_login_unknown = True
        return None
    if caller is None:
        return None
    if caller.is_stale:
        with suppress(Unavailable):
            sessions.note_visit(parts().database, caller.session_id)
    return _known(caller)


def _find(key: str, look: Callable[[Connection], Principal | None]) -> Principal | None:
    recent = parts().recent_sessions
    try:
        with parts().database.read() as connection:
            caller = look(connection)
    except Unavailable:
        known = recent.find(key) if g.get("accepts_recent_login") else None
        if known is None:
            raise
        return known
    if caller is None:
        recent.forget(key)
    else:
        recent.remember(key, caller)
    return caller


def _known(caller: Principal) -> Principal:
    structlog.contextvars.bind_contextvars(user_id=str(caller.user_id), role=caller.role.value)
    if caller.role is not Role.PATIENT and not caller.is_strong and parts().config.asks_second_factor:
        g.lacks_second_factor = True
        return replace(caller, role=Role.PATIENT, doctors=frozenset())
    return caller


def lacks_second_factor() -> bool:
    """The caller's role counts only once a second factor is set up and shown."""
    return bool(g.get("lacks_second_factor"))
