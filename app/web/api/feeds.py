"""Calendar feeds: addresses for calendar programs, made and taken back by their owner."""

from __future__ import annotations

import uuid
from typing import Literal

from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel

from app.audit.journal import Witness
from app.feeds import subscriptions
from app.feeds.subscriptions import FeedDraft, Opened
from app.languages.texts import language
from app.web.api.answers import answer
from app.web.api.fields import ResourceId
from app.web.api.inputs import RequestModel
from app.web.callers import required_principal
from app.web.origins import origin
from app.web.parts import parts
from app.web.policy import policy

api = APIBlueprint("feeds_api", __name__, url_prefix="/api/feeds", tag="Calendar feeds")


class FeedBody(RequestModel):
    """Without a doctor it shows one's own bookings."""

    doctor_id: ResourceId | None = None
    #: busy: that there is something, and no more. full: for a doctor who comes, for a patient where to go.
    shows: Literal["busy", "full"] = "busy"


class FeedDocument(BaseModel):
    id: str
    doctor_id: str | None
    doctor: str | None
    shows: str
    created_at: str
    changed_at: str


class NewFeedDocument(FeedDocument):
    """The address is shown here and never again."""

    url: str


@api.get("")
@policy("authenticated")
@api.output(list[FeedDocument])  # type: ignore[arg-type]  # APIFlask takes it
def list_feeds() -> Response:
    """List one's own feeds."""
    with parts().database.read() as connection:
        found = subscriptions.list_own(connection, required_principal())
    return answer(found, page={"next_cursor": None, "limit": subscriptions.MOST_FEEDS})


@api.post("")
@policy("authenticated")
@api.input(FeedBody, arg_name="body")
@api.output(NewFeedDocument, status_code=201)
def add_feed(body: FeedBody) -> Response:
    """Make a feed; the answer holds its address, once."""
    draft = FeedDraft(body.doctor_id, body.shows, language())
    opened = subscriptions.create(parts().accounts, required_principal(), draft, _who())
    return answer(with_url(opened), 201, message="Feed made")


@api.post("/<uuid:feed_id>/rotate")
@policy("authenticated")
@api.output(NewFeedDocument)
def rotate_feed(feed_id: uuid.UUID) -> Response:
    """A new address; the one before opens nothing any more."""
    opened = subscriptions.rotate(parts().accounts, required_principal(), feed_id, _who())
    return answer(with_url(opened), message="The address is new")


@api.delete("/<uuid:feed_id>")
@policy("authenticated")
def revoke_feed(feed_id: uuid.UUID) -> Response:
    """Take the feed back."""
    subscriptions.revoke(parts().accounts, required_principal(), feed_id, _who())
    return answer(None, message="Feed taken back")


def with_url(opened: Opened) -> dict[str, object]:
    return {**opened.feed, "url": f"{parts().config.base_url}/feeds/{opened.token}.ics"}


def _who() -> Witness:
    return Witness(f"user:{required_principal().user_id}", origin())
