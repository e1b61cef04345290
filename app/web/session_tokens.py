"""X-Session-Token: what a visitor has read and written goes with them, whichever node they meet next.

Programs get it from writes and causal reads, and send it back. Browsers keep it in a cookie, so that a page
shows at least what its reader has just done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

from flask import Flask, Response, g, has_request_context, request
from sqlalchemy import select

from app.coordination.replication.session import Session, read_token, write_token
from app.database import db_now
from app.errors import Unavailable
from app.web.parts import Parts, parts

HEADER, COOKIE = "X-Session-Token", "oneslot_seen"
COOKIE_SECONDS = 3600
Positions = dict[str, int]
_noted: ContextVar[Positions | None] = ContextVar("noted_positions", default=None)


def install(app: Flask) -> None:
    app.after_request(_tell)


def given_session() -> Session | None:
    """What this visitor has seen; None without a token, and with one that is none of ours: such a visitor has
    seen nothing that we could know of."""
    token = request.headers.get(HEADER) or request.cookies.get(COOKIE)
    read = (read_token(secret, token) for secret in parts().config.secrets) if token else ()
    return next(filter(None, read), None)


def remember_session(session: Session) -> None:
    """Tell it with the answer to this request."""
    g.session = session


def note_positions(positions: Mapping[str, int]) -> None:
    """A change was committed under these numbers; whoever made it must see it from now on."""
    noted = _noted.get()
    if noted is not None:
        noted.update(positions)
    elif has_request_context():
        g.positions = {**g.get("positions", {}), **positions}


@contextmanager
def noting_positions() -> Iterator[Positions]:
    """What is noted within, for whoever answers without Flask."""
    noted: Positions = {}
    before = _noted.set(noted)
    try:
        yield noted
    finally:
        _noted.reset(before)


def session_after_change(here: Parts, before: Session, positions: Mapping[str, int]) -> Session:
    """The session of whoever made a change, committed under these numbers."""
    return before.after(positions, here.reads.replica.surely_now)


def session_after_repeat(here: Parts, before: Session) -> Session:
    """The session of whoever was told of an earlier change again. Under which numbers it was committed is not
    known any more, only that it was."""
    return before.at_least(_now(here))


def _tell(response: Response) -> Response:
    session = _session_after(response)
    if session is None:
        return response
    token = write_token(parts().config.secret_key, session)
    if request.path.startswith("/api/"):
        response.headers[HEADER] = token
    else:
        response.set_cookie(
            COOKIE, token, max_age=COOKIE_SECONDS, httponly=True, secure=request.is_secure, samesite="Lax"
        )
    return response


def _session_after(response: Response) -> Session | None:
    session: Session | None = g.get("session")
    if g.get("positions"):
        return session_after_change(parts(), session or given_session() or Session(), g.positions)
    if "Idempotency-Replayed" in response.headers:
        return session_after_repeat(parts(), given_session() or Session())
    return session


def _now(here: Parts) -> float:
    try:
        with here.database.read() as connection:
            return connection.execute(select(db_now())).scalar_one().timestamp()
    except Unavailable:
        return here.reads.replica.surely_now
