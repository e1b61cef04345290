"""Server-sent events: which slot is in which state now. Never who booked it."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from typing import Annotated, Any

from apiflask import APIBlueprint
from flask import Response, request
from pydantic import AfterValidator, StringConstraints

from app.coordination.changes import Missed, topic_of
from app.web.api.fields import ID_SHAPE, ResourceId
from app.web.api.inputs import RequestModel
from app.web.broadcast import Broadcaster, Ended, Stream
from app.web.json import to_json
from app.web.parts import parts
from app.web.policy import policy

api = APIBlueprint("events", __name__, tag="Events")
#: Balancers close what is silent for long, and only a write finds out that a reader has gone.
COMMENT_SECONDS = 15.0
MOST_DOCTORS = 50
EVENT_STREAM = {"text/event-stream": {"schema": {"type": "string"}}}
ANSWER: dict[int | str, dict[str, str | dict[str, dict[str, Any]]]] = {
    200: {"description": "An endless stream of events", "content": EVENT_STREAM}
}


def _id_list(text: str) -> str:
    ids = text.split(",")
    if len(ids) > MOST_DOCTORS or not all(re.fullmatch(ID_SHAPE, each) for each in ids):
        raise ValueError(f"must be up to {MOST_DOCTORS} ids, separated by commas")
    return text


class EventQuery(RequestModel):
    doctor_id: ResourceId | None = None
    doctor_ids: Annotated[str, StringConstraints(max_length=1000), AfterValidator(_id_list)] | None = None
    showtime_id: ResourceId | None = None

    def asked_for(self) -> frozenset[str]:
        """The doctors and showtimes whose slots matter; empty for all."""
        doctors = {str(self.doctor_id)} if self.doctor_id else set()
        doctors |= set(self.doctor_ids.split(",") if self.doctor_ids else ())
        topics = {topic_of("doctor_id", doctor) for doctor in doctors}
        if self.showtime_id:
            topics.add(topic_of("showtime_id", str(self.showtime_id)))
        return frozenset(topics)


@api.get("/api/events")
@policy("public")
@api.input(EventQuery, location="query", arg_name="query")
@api.doc(responses=ANSWER)
def stream_events(query: EventQuery) -> Response:
    """Changes of slots as they happen, as server-sent events.

    `slot` carries `{type, id, doctor_id or showtime_id, state, version}`: apply it when its version is
    higher than the one shown. `refresh` means that changes may have been missed: ask for the present state.
    The latest changes are repeated at the start, so read the slots first and connect then."""
    broadcaster = parts().broadcaster
    stream = broadcaster.open(query.asked_for())
    body = _Lines(broadcaster, stream, is_return="Last-Event-ID" in request.headers)
    response = Response(body, mimetype="text/event-stream")
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Accel-Buffering"] = "no"
    return response


class _Lines:
    """The body of the answer; closing it, even before it began, closes the stream."""

    def __init__(self, broadcaster: Broadcaster, stream: Stream, *, is_return: bool) -> None:
        self._broadcaster = broadcaster
        self._stream = stream
        self._lines = _lines(stream, is_return=is_return)

    def __iter__(self) -> Iterator[str]:
        return self._lines

    def close(self) -> None:
        self._broadcaster.close(self._stream)


def _lines(stream: Stream, *, is_return: bool) -> Iterator[str]:
    # At different moments, so that the readers of a node that ended do not all come at once.
    yield f": hi\n\nretry: {random.randint(1000, 4000)}\n\n"  # noqa: S311 - jitter, no secret
    if is_return:
        yield _event("refresh", {})
    while True:
        message = stream.next(COMMENT_SECONDS)
        if isinstance(message, Ended):
            return
        if message is None:
            yield ": still here\n\n"
        elif isinstance(message, Missed):
            yield _event("refresh", {})
        else:
            yield f"id: {message.id}.{message.version}\n" + _event("slot", message.document())


def _event(kind: str, data: dict[str, object]) -> str:
    return f"event: {kind}\ndata: {to_json(data)}\n\n"
