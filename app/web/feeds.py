"""A feed as calendar programs read it: no login, no cookie, only its secret address."""

from __future__ import annotations

import math
from typing import Any

from apiflask import APIBlueprint
from flask import Response, request
from sqlalchemy import Connection
from werkzeug.http import is_resource_modified, quote_etag

from app.accounts.attempts import Allowance, charge
from app.audit.journal import Witness
from app.coordination.rates import Rate
from app.errors import NotFound, TooManyRequests
from app.feeds.calendar import contents_of, text_of
from app.feeds.subscriptions import FULL, find, token_hash
from app.web.origins import crowd, origin
from app.web.parts import parts
from app.web.policy import policy

feeds = APIBlueprint("feeds", __name__, enable_openapi=False)
#: Calendars look every few minutes; several devices share an address.
READS = Rate(60, 600.0)
GUESSES, GUESS_SECONDS = 60, 3600
OK, NOT_MODIFIED = 200, 304


@feeds.get("/feeds/<token>.ics")
@policy("public")
def read_feed(token: str) -> Response:
    """The calendar behind a secret address, or 304 when the program has it already."""
    wait = parts().rates.wait(f"feed:{token_hash(token)[:32]}", READS)
    if wait > 0:
        raise TooManyRequests.after(math.ceil(wait), "This calendar is read too often.")
    with parts().database.read() as connection:
        feed = find(connection, token)
        response = _answer(connection, feed) if feed else None
    if not response or not feed:
        charge(parts().database, [Allowance(f"feed:{origin()}", GUESSES * crowd(), GUESS_SECONDS)])
        raise NotFound("There is no such calendar. Its address may have been taken back.")
    if response.status_code == OK and feed.doctor_id is not None and feed.shows == FULL:
        _write_down(str(feed.user_id), str(feed.id))
    return response


def _answer(connection: Connection, feed: Any) -> Response:
    """Written out only for whoever does not have it."""
    contents = contents_of(connection, feed)
    etag = quote_etag(contents.tag)
    response = Response(content_type="text/calendar; charset=utf-8")
    if is_resource_modified(request.environ, etag, last_modified=contents.changed_at):
        response.data = text_of(connection, feed, contents, f"{parts().config.base_url}/my")
        response.headers["Content-Disposition"] = 'inline; filename="oneslot.ics"'
    else:
        response.status_code = NOT_MODIFIED
    response.headers["ETag"] = etag
    response.last_modified = contents.changed_at
    response.headers["Cache-Control"] = "private, no-cache"
    return response


def _write_down(user_id: str, feed_id: str) -> None:
    """A look at others' data is an entry of the audit, also by a program."""
    pen = parts().accounts.scribe.pen()
    who = Witness(f"user:{user_id}", origin())
    parts().database.run(lambda tx: pen.note(tx, who, "read.feed", feed_id=feed_id))
