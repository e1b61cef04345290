"""Notices to visitors that any node takes, also during an outage of the database (K11, K14)."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Annotated, Literal

from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel, StringConstraints

from app.algorithms.registers import BoardKind
from app.status_board.notices import Document, Severity, is_over
from app.web.api.answers import answer
from app.web.api.fields import Instant, ResourceId
from app.web.api.freshness import SERVED, STALENESS
from app.web.api.inputs import RequestModel
from app.web.api.request_keys import request_key
from app.web.board import new_notice_id
from app.web.callers import required_principal
from app.web.parts import parts
from app.web.policy import policy

api = APIBlueprint("status_board", __name__, url_prefix="/api/status-board", tag="Status board")
Text = Annotated[str, StringConstraints(min_length=1, max_length=280)]
NoticeKind = Literal["announcement", "doctor_delay", "room_move"]


class NoticeBody(RequestModel):
    """A notice: for everybody, or about one doctor; until it is over, or until it is changed."""

    text: Text
    kind: NoticeKind = "announcement"
    severity: Severity = Severity.INFO
    doctor_id: ResourceId | None = None
    expires_at: Instant | None = None


class NoticeChanges(RequestModel):
    """The fields to change; a text of null withdraws the notice."""

    text: Text | None = None
    severity: Severity | None = None
    doctor_id: ResourceId | None = None
    expires_at: Instant | None = None


class BoardQuery(RequestModel):
    doctor_id: ResourceId | None = None
    over: bool = False


class NoticeDocument(BaseModel):
    """What visitors are told."""

    id: str
    kind: str
    text: str
    severity: str
    doctor_id: str | None
    expires_at: str | None
    updated_at: str
    node: str


class WrittenDocument(BaseModel):
    """The notice as it is now, and how many nodes have this change; `pending` get it when they are back."""

    notice: NoticeDocument | None
    acknowledged: int
    nodes: int
    is_safe: bool
    pending: list[str]


class SideDocument(BaseModel):
    value: str | None
    author: str
    node: str
    at: str


class ConflictDocument(BaseModel):
    """Two changes of one field that had not seen each other: which was kept and which lost."""

    id: str
    notice_id: str
    kind: str
    field: str
    lost: SideDocument
    won: SideDocument


@api.get("")
@policy("public")
@api.input(BoardQuery, location="query", arg_name="query")
@api.output(list[NoticeDocument])  # type: ignore[arg-type]  # APIFlask takes it
def list_notices(query: BoardQuery) -> Response:
    """List notices, the last changed first; those that are over only when asked for."""
    seen = parts().board.read()
    now = parts().clock.now()
    shown = [each for each in seen.notices if query.over or not is_over(each, now)]
    if query.doctor_id is not None:
        shown = [each for each in shown if each["doctor_id"] in (None, str(query.doctor_id))]
    response = answer(shown)
    response.headers[SERVED] = "eventual"
    response.headers[STALENESS] = str(math.ceil(seen.age_seconds * 1000))
    return response


@api.post("")
@policy("staff", also_without_database=True)
@api.input(NoticeBody, arg_name="body")
@api.output(WrittenDocument, status_code=201)
@api.doc(responses={202: "This node has it; a majority does not have it yet"})
def add_notice(body: NoticeBody) -> Response:
    """Tell visitors something. 201 when a majority of the nodes has it, else 202."""
    values = _values(body.model_dump(exclude={"kind"}))
    done = parts().board.edit(new_notice_id(request_key(body)), values, _author(), BoardKind(body.kind))
    return _written(done, 201)


@api.patch("/<string(length=32):notice_id>")
@policy("staff", also_without_database=True)
@api.input(NoticeChanges, arg_name="body")
@api.output(WrittenDocument)
@api.doc(responses={202: "This node has it; a majority does not have it yet"})
def change_notice(notice_id: str, body: NoticeChanges) -> Response:
    """Change the given fields; the last change of a field wins. 200 when a majority has it, else 202."""
    request_key(body)
    values = _values(body.model_dump(exclude_unset=True))
    return _written(parts().board.edit(notice_id, values, _author()), 200)


@api.get("/conflicts")
@policy("staff", also_without_database=True)
@api.output(list[ConflictDocument])  # type: ignore[arg-type]  # APIFlask takes it
def list_conflicts() -> Response:
    """List changes that lost against one made elsewhere at the same time; kept for 30 days."""
    return answer(parts().board.read().conflicts)


@api.post("/conflicts/<string:conflict_id>/restore")
@policy("staff", also_without_database=True)
@api.output(WrittenDocument)
@api.doc(responses={202: "This node has it; a majority does not have it yet"})
def restore_value(conflict_id: str) -> Response:
    """Write a value that lost again, as a new change."""
    request_key()
    return _written(parts().board.restore(conflict_id, _author()), 200)


def _written(done: Document, status: int) -> Response:
    if done["is_safe"]:
        return answer(done, status)
    waiting = ", ".join(done["pending"])
    message = f"Kept on {done['acknowledged']} of {done['nodes']} nodes; {waiting} will get it later."
    return answer(done, 202, message=message)


def _values(given: dict[str, object]) -> dict[str, str | None]:
    """Fields of the board are texts."""
    return {name: _text(value) for name, value in given.items()}


def _text(value: object) -> str | None:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return None if value is None else str(value)


def _author() -> str:
    """For the conflict log, which staff read."""
    return required_principal().name
