"""The cluster's diary in SQL: messages of elections and what nodes noticed, for the monitor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select

from app.tables.cluster import ClusterLogEntry

SENT, RECEIVED, NOTICED = "sent", "received", "noticed"
KEPT_ENTRIES = 5000
Document = dict[str, Any]


@dataclass(frozen=True)
class Entry:
    """One line, as the node that writes it saw it."""

    noted_at: datetime
    node: str
    kind: str
    name: str
    text: str = ""
    sender: str | None = None
    receiver: str | None = None
    election: str | None = None
    epoch: int = 0
    lamport: int = 0
    vector_clock: dict[str, int] = field(default_factory=dict)

    def document(self) -> Document:
        return {**asdict(self), "noted_at": _instant(self.noted_at)}


def append(tx: Connection, entries: Sequence[Entry]) -> None:
    tx.execute(insert(ClusterLogEntry), [asdict(entry) for entry in entries])


def prune(tx: Connection) -> None:
    """Forget all but the latest."""
    newest = select(func.max(ClusterLogEntry.id)).scalar_subquery()
    tx.execute(delete(ClusterLogEntry).where(ClusterLogEntry.id <= newest - KEPT_ENTRIES))


def latest(
    connection: Connection, kinds: Sequence[str], limit: int, election: str | None = None
) -> list[Document]:
    """The last entries of these kinds, oldest first."""
    query = select(*ClusterLogEntry.__table__.columns).where(ClusterLogEntry.kind.in_(kinds))
    if election is not None:
        query = query.where(ClusterLogEntry.election == election)
    rows = connection.execute(query.order_by(ClusterLogEntry.id.desc()).limit(limit)).all()
    return [_document(row) for row in reversed(rows)]


def _document(entry: Row[Any]) -> Document:
    names = ("node", "kind", "name", "text", "sender", "receiver", "election", "epoch", "lamport")
    shown = {name: getattr(entry, name) for name in names}
    return {**shown, "vector_clock": entry.vector_clock, "noted_at": _instant(entry.noted_at)}


def _instant(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
