"""Server-sent events: which slot is in which state now. Never who booked it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from apiflask import APIBlueprint
from flask import Response, request
from pydantic import AfterValidator, StringConstraints

from app.coordination.changes import topic_of
from app.web.api.fields import ID_SHAPE, ResourceId
from app.web.api.inputs import RequestModel
from app.web.broadcast import Broadcaster
from app.web.event_stream import Ended, Stream
from app.web.event_text import COMMENT, COMMENT_SECONDS, REFRESH, greeting, text_of
from app.web.event_wire import LetGo, Wire
from app.web.parts import parts
from app.web.policy import policy

api = APIBlueprint("events", __name__, tag="Events")
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
    opening = [greeting(), REFRESH] if "Last-Event-ID" in request.headers else [greeting()]
    response = Response(_Body(broadcaster, stream, opening, request.environ), mimetype="text/event-stream")
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Accel-Buffering"] = "no"
    return response


class _Body:
    """The body of the answer; closing it, even before it began, closes the stream.

    After the opening the broadcaster takes the connection over, where the server lets it."""

    def __init__(
        self, broadcaster: Broadcaster, stream: Stream, opening: list[bytes], environ: Mapping[str, Any]
    ) -> None:
        self._broadcaster = broadcaster
        self._stream = stream
        self._opening = opening
        self._environ = environ
        self._is_handed_over = False

    def __iter__(self) -> Iterator[bytes]:
        yield from self._opening
        wire = Wire.of(self._environ)
        if wire is not None:
            self._is_handed_over = True
            self._broadcaster.hand_over(self._stream, wire)
            raise LetGo
        while not isinstance(message := self._stream.next(COMMENT_SECONDS), Ended):
            yield COMMENT if message is None else text_of(message)

    def close(self) -> None:
        if not self._is_handed_over:
            self._broadcaster.close(self._stream)
