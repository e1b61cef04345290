"""How fresh an answer is: asked for by X-Consistency, said by X-Served-Consistency and X-Staleness-Ms."""

from __future__ import annotations

from flask import Response, request

from app.errors import ValidationFailed

ASKED, SERVED, STALENESS = "X-Consistency", "X-Served-Consistency", "X-Staleness-Ms"
LEVELS = ("strong", "quorum", "causal", "bounded", "eventual")


def require_known_level() -> None:
    """Raises ValidationFailed when the request asks for a level that does not exist."""
    level = request.headers.get(ASKED)
    if level is not None and level not in LEVELS:
        raise ValidationFailed.of(ASKED, f"must be one of {', '.join(LEVELS)}")


def read_from_primary(response: Response) -> Response:
    """Say that the answer was read from the truth just now; that satisfies every level."""
    require_known_level()
    response.headers[SERVED] = "strong"
    response.headers[STALENESS] = "0"
    return response
