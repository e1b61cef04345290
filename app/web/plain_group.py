"""Which wishes for the best seats are plain: for good, by somebody without a login (see plain_booking.py)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from app.booking import actions
from app.booking.actions import BestClaim
from app.booking.engine import Engine
from app.booking.rules import Actor
from app.idempotency import Answer, RequestKey
from app.web.api.cinema_inputs import BestBody
from app.web.paths import LARGEST_ID
from app.web.plain_booking import KEY, plain_body, says_who_alone

#: As the application writes it.
ROUTE = "/api/showtimes/<id:showtime_id>/best-available"
PATH = re.compile(r"/api/showtimes/([1-9][0-9]{0,18})/best-available")


@dataclass(frozen=True, slots=True)
class PlainGroup:
    showtime_id: int
    path: str
    body: BestBody
    key: str | None
    route = ROUTE

    def book(self, engine: Engine, actor: Actor, request: RequestKey | None) -> Answer:
        """What the view does."""
        claim = BestClaim(self.showtime_id, self.body.wish(), self.body.details(None), instant=True)
        return actions.hold_best(engine, claim, actor, request)


def plain_group(environ: dict[str, Any]) -> PlainGroup | None:
    """What is asked; None for the application, which can still read the body."""
    path = environ["PATH_INFO"]
    named = PATH.fullmatch(path)
    if named is None or int(named[1]) > LARGEST_ID:
        return None
    body = plain_body(environ, BestBody, _is_plain)
    return None if body is None else PlainGroup(int(named[1]), path, body, environ.get(KEY))


def _is_plain(body: BestBody) -> bool:
    return says_who_alone(body) and not body.hold
