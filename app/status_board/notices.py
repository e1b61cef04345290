"""What staff tell visitors, as fields of the board and as documents. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from app.algorithms.logical_clocks import Dot, HybridStamp
from app.algorithms.registers import BoardField, BoardKind, Conflict, StatusBoard, Write

Document = dict[str, Any]
FIELDS = ("text", "severity", "doctor_id", "expires_at")
#: Those of the board's kinds that are notices.
NOTICE_KINDS = (BoardKind.ANNOUNCEMENT, BoardKind.DOCTOR_DELAY, BoardKind.ROOM_MOVE)
MOST_NOTICES = 500


class Severity(StrEnum):
    INFO = "info"
    WARNING = "warning"
    URGENT = "urgent"


def notice_fields(
    kind: BoardKind, notice: str, values: Mapping[str, str | None]
) -> dict[BoardField, str | None]:
    """The board's fields for these values of a notice."""
    return {BoardField(kind, notice, name): values[name] for name in FIELDS if name in values}


def notices_on(board: StatusBoard) -> list[Document]:
    """Every notice, the last changed first; one without a text has been withdrawn."""
    rows: dict[tuple[BoardKind, str], dict[str, Write]] = {}
    for field in board.fields():
        write = board.read(field)
        if write is not None and field.kind in NOTICE_KINDS:
            rows.setdefault((field.kind, field.row), {})[field.name] = write
    found = [_document(kind, row, writes) for (kind, row), writes in rows.items()]
    return sorted((each for each in found if each["text"]), key=lambda each: each["updated_at"], reverse=True)


def kind_of(board: StatusBoard, notice: str) -> BoardKind | None:
    """The kind of the notice with this id; None when there is none."""
    return next((field.kind for field in board.fields() if field.row == notice), None)


def is_over(notice: Document, now: datetime) -> bool:
    return notice["expires_at"] is not None and datetime.fromisoformat(notice["expires_at"]) <= now


def conflicts_on(board: StatusBoard) -> list[Document]:
    """What lost against a write that had not seen it, the latest first."""
    latest = sorted(board.conflicts.values(), key=lambda conflict: conflict.loser.stamp, reverse=True)
    return [_conflict(each) for each in latest]


def dot_text(dot: Dot) -> str:
    return f"{dot.origin}.{dot.counter}"


def dot_in(text: str) -> Dot | None:
    """The dot that was written like this; None for what is none."""
    origin, _, counter = text.rpartition(".")
    return Dot(origin, int(counter)) if origin and counter.isdecimal() else None


def _document(kind: BoardKind, row: str, writes: Mapping[str, Write]) -> Document:
    values = {name: writes[name].value if name in writes else None for name in FIELDS}
    last = max(write.stamp for write in writes.values())
    shown = {
        "severity": values["severity"] or Severity.INFO.value,
        "updated_at": _moment(last),
        "node": last.node,
    }
    return {"id": row, "kind": kind.value, **values, **shown}


def _conflict(conflict: Conflict) -> Document:
    loser, winner = conflict.loser, conflict.winner
    return {
        "id": dot_text(loser.dot),
        "notice_id": loser.field.row,
        "kind": loser.field.kind.value,
        "field": loser.field.name,
        "lost": _side(loser),
        "won": _side(winner),
    }


def _side(write: Write) -> Document:
    stamp = write.stamp
    return {"value": write.value, "author": write.author, "node": stamp.node, "at": _moment(stamp)}


def _moment(stamp: HybridStamp) -> str:
    moment = datetime.fromtimestamp(stamp.wall_ms / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
