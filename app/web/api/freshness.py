"""How fresh an answer is: asked for by X-Consistency or ?consistency=, said by X-Served-Consistency and
X-Staleness-Ms."""

from __future__ import annotations

import math
from typing import TypeVar

from flask import Response, request

from app.coordination.replication.levels import Level
from app.errors import ValidationFailed
from app.web.parts import parts
from app.web.reads import Question, Served, Wish
from app.web.session_tokens import given_session, remember_session

ASKED, SERVED, STALENESS = "X-Consistency", "X-Served-Consistency", "X-Staleness-Ms"
Found = TypeVar("Found")


def required_level(in_query: Level | None = None) -> Level | None:
    """The level asked for, in whichever way; None when none is.

    Raises ValidationFailed for one that does not exist, and for two that differ."""
    header = request.headers.get(ASKED)
    if header is None:
        return in_query
    if header not in set(Level):
        raise ValidationFailed.of(ASKED, f"must be one of {', '.join(Level)}")
    if in_query not in (None, Level(header)):
        raise ValidationFailed.of("consistency", f"differs from {ASKED}")
    return Level(header)


def read_fresh(question: Question[Found], in_query: Level | None) -> Served[Found]:
    """The answer at the level asked for. Raises ValidationFailed, or Unavailable when no copy can keep it."""
    served = parts().reads.answer(question, Wish(required_level(in_query), given_session()))
    if served.session is not None:
        remember_session(served.session)
    return served


def say_freshness(response: Response, served: Served[Found]) -> Response:
    response.headers[SERVED] = str(served.level)
    response.headers[STALENESS] = str(math.ceil(served.age_seconds * 1000))
    return response


def read_from_primary(response: Response) -> Response:
    """Say that the answer was read from the truth just now; that satisfies every level."""
    required_level()
    response.headers[SERVED] = str(Level.STRONG)
    response.headers[STALENESS] = "0"
    return response
