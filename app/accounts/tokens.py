"""Bearer tokens (RFC 7519): fifteen minutes long, naming a session that the database can end.

One algorithm, our keys, fixed audience and issuer; what the header of a token says is never believed."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import jwt

from app.errors import Unauthenticated

LIFETIME = timedelta(minutes=15)
#: Clocks of nodes differ a little.
LEEWAY = timedelta(seconds=10)
ALGORITHM, ISSUER, AUDIENCE = "HS256", "oneslot", "oneslot-api"


def issue_token(secret: str, user_id: uuid.UUID, session_id: uuid.UUID, now: datetime) -> str:
    """A token for this session, valid from now for fifteen minutes."""
    claims = {
        "sub": str(user_id),
        "sid": str(session_id),
        "iss": ISSUER,
        "aud": AUDIENCE,
        "iat": now,
        "exp": now + LIFETIME,
    }
    return jwt.encode(claims, secret, algorithm=ALGORITHM)


def read_token(secret: str, token: str, earlier: Sequence[str] = ()) -> uuid.UUID:
    """The session the token names; one signed with an earlier secret counts until it expires.

    Raises Unauthenticated when it is not ours, expired or altered."""
    for key in (secret, *earlier):
        try:
            return uuid.UUID(str(_claims(key, token)["sid"]))
        except (jwt.InvalidTokenError, ValueError):
            continue
    raise Unauthenticated("The bearer token is not valid or has expired. Please log in again.")


def _claims(secret: str, token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(
        token,
        secret,
        algorithms=[ALGORITHM],
        issuer=ISSUER,
        audience=AUDIENCE,
        leeway=LEEWAY,
        options={"require": ["exp", "iat", "iss", "aud", "sub", "sid"]},
    )
    return claims
