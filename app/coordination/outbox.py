"""Changes others must hear of, written in the transaction that makes them.

The stream's counter row is locked until commit, so sequence order is commit order without gaps
(a plain serial would publish out of order and lose events). Never put patient data here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from app.database import db_now
from app.tables.journal import OutboxEntry, Stream

#: Its entries say that everything committed before them is in the other streams; see replication.heartbeat.
HEARTBEAT_STREAM = "heartbeat"
#: For listeners that were away; who was away for longer takes a snapshot.
KEPT_SECONDS, KEPT_HEARTBEAT_SECONDS = 24 * 3600.0, 600.0
STREAMS_AT_ONCE = 50


@dataclass(frozen=True)
class Record:
    """One entry as it was committed; `at` is when it was written, in seconds by the database's clock."""

    stream: str
    seq: int
    kind: str
    payload: Mapping[str, Any]
    at: float


def doctor_stream(doctor_id: int) -> str:
    return f"doctor:{doctor_id}"


def append(tx: Connection, stream: str, kind: str, payload: dict[str, Any]) -> int:
    """Add one change to the stream; its sequence number. Take slot and booking locks before this."""
    upsert = (postgresql if tx.dialect.name == "postgresql" else sqlite).insert(Stream)
    seq: int = tx.execute(
        upsert.values(name=stream, last_seq=1)
        .on_conflict_do_update(index_elements=["name"], set_={"last_seq": Stream.last_seq + 1})
        .returning(Stream.last_seq)
    ).scalar_one()
    tx.execute(insert(OutboxEntry).values(stream=stream, seq=seq, kind=kind, payload=payload))
    return seq


def heads(connection: Connection) -> dict[str, int]:
    """The last number of every stream, all seen at the same moment."""
    return {row.name: row.last_seq for row in connection.execute(select(Stream.name, Stream.last_seq))}


def heads_of(connection: Connection, streams: Iterable[str]) -> dict[str, int]:
    """The last number of each of these streams that exists."""
    query = select(Stream.name, Stream.last_seq).where(Stream.name.in_(list(streams)))
    return {row.name: row.last_seq for row in connection.execute(query)}


def records_after(connection: Connection, known: Mapping[str, int], limit: int) -> list[Record]:
    """Up to `limit` entries of these streams after the numbers known, those of a stream in order.

    What was trimmed is missing at the beginning of a stream; the caller sees it by the number."""
    found: list[Record] = []
    for some in _chunks(known.items()):
        if len(found) >= limit:
            break
        wanted = (and_(OutboxEntry.stream == stream, OutboxEntry.seq > seq) for stream, seq in some)
        query = (
            select(
                OutboxEntry.stream,
                OutboxEntry.seq,
                OutboxEntry.kind,
                OutboxEntry.payload,
                OutboxEntry.created_at,
            )
            .where(or_(*wanted))
            .order_by(OutboxEntry.stream, OutboxEntry.seq)
            .limit(limit - len(found))
        )
        found += [
            Record(row.stream, row.seq, row.kind, row.payload, row.created_at.timestamp())
            for row in connection.execute(query)
        ]
    return found


def trim(tx: Connection, limit: int) -> int:
    """Delete entries that are older than anyone needs, up to `limit` of each kind; how many."""
    of_heartbeat = OutboxEntry.stream == HEARTBEAT_STREAM
    return _delete_oldest(tx, limit, OutboxEntry.created_at < db_now(-KEPT_SECONDS)) + _delete_oldest(
        tx, limit, of_heartbeat, OutboxEntry.created_at < db_now(-KEPT_HEARTBEAT_SECONDS)
    )


def _delete_oldest(tx: Connection, limit: int, *conditions: ColumnElement[bool]) -> int:
    oldest = select(OutboxEntry.id).where(*conditions).order_by(OutboxEntry.created_at).limit(limit)
    gone = tx.execute(delete(OutboxEntry).where(OutboxEntry.id.in_(oldest)).returning(OutboxEntry.id))
    return len(gone.all())


def _chunks(streams: Iterable[tuple[str, int]]) -> Iterable[list[tuple[str, int]]]:
    remaining = iter(streams)
    while some := list(islice(remaining, STREAMS_AT_ONCE)):
        yield some
