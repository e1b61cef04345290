"""Changes others must hear of, written in the transaction that makes them.

The stream's counter row is locked until commit, so sequence order is commit order without gaps
(a plain serial would publish out of order and lose events). Never put patient data here."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

import orjson
from sqlalchemy import ColumnElement, Connection, and_, delete, insert, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from app.commits import send_ahead
from app.database import db_now
from app.tables.journal import OutboxEntry, Stream

#: Its entries say that everything committed before them is in the other streams; see replication.heartbeat.
HEARTBEAT_STREAM = "heartbeat"
APPEND = """
    WITH counter AS (
      INSERT INTO streams (name, last_seq) VALUES (%(stream)s, %(count)s)
      ON CONFLICT (name) DO UPDATE SET last_seq = streams.last_seq + excluded.last_seq RETURNING last_seq)
    INSERT INTO outbox (stream, seq, id, kind, payload, created_at)
    SELECT %(stream)s, counter.last_seq - %(count)s + change.number, change.id, %(kind)s,
           change.payload, clock_timestamp()
      FROM counter, json_to_recordset(%(changes)s::json) AS change(number int, id uuid, payload json)
    RETURNING seq"""
#: One text whatever number of streams are behind, so that it is prepared once.
RECORDS_AFTER = """
    SELECT found.* FROM unnest(%(streams)s::text[], %(known)s::bigint[]) AS behind(stream, seq)
     CROSS JOIN LATERAL (
      SELECT stream, seq, kind, payload, extract(epoch FROM created_at)::float8 FROM outbox
       WHERE outbox.stream = behind.stream AND outbox.seq > behind.seq
       ORDER BY outbox.seq LIMIT %(limit)s) AS found
     ORDER BY found.stream, found.seq LIMIT %(limit)s"""
#: For listeners that were away; who was away for longer takes a snapshot.
KEPT_SECONDS, KEPT_HEARTBEAT_SECONDS = 24 * 3600.0, 600.0
STREAMS_AT_ONCE = 50


class Record(NamedTuple):
    """One entry as it was committed; `at` is when it was written, in seconds by the database's clock."""

    stream: str
    seq: int
    kind: str
    payload: Mapping[str, Any]
    at: float


def doctor_stream(doctor_id: int) -> str:
    return f"doctor:{doctor_id}"


def showtime_stream(showtime_id: int) -> str:
    return f"showtime:{showtime_id}"


def stream_of(doctor_id: int | None, showtime_id: int | None) -> str:
    """The stream of a slot: its doctor's or its showtime's."""
    if showtime_id is not None:
        return showtime_stream(showtime_id)
    if doctor_id is None:
        raise AssertionError("a slot is of a doctor or of a showtime")
    return doctor_stream(doctor_id)


def owner_fields(doctor_id: int | None, showtime_id: int | None) -> dict[str, str]:
    """How a change says whose slot it is about: the one id there is."""
    ids = {"doctor_id": doctor_id, "showtime_id": showtime_id}
    return {name: str(owner) for name, owner in ids.items() if owner is not None}


def append(tx: Connection, stream: str, kind: str, *payloads: dict[str, Any]) -> int:
    """Add changes to the stream; the last sequence number. Take slot and booking locks before this."""
    count = len(payloads)
    upsert = (postgresql if tx.dialect.name == "postgresql" else sqlite).insert(Stream)
    last: int = tx.execute(
        upsert.values(name=stream, last_seq=count)
        .on_conflict_do_update(index_elements=["name"], set_={"last_seq": Stream.last_seq + count})
        .returning(Stream.last_seq)
    ).scalar_one()
    entries = [
        {"stream": stream, "seq": last - count + number, "kind": kind, "payload": payload}
        for number, payload in enumerate(payloads, 1)
    ]
    tx.execute(insert(OutboxEntry), entries)
    return last


def append_last(
    tx: Connection, stream: str, kind: str, payloads: Sequence[dict[str, Any]]
) -> Callable[[], int]:
    """The same as the last thing before the commit, in one statement that goes with it where that can be;
    the number is known after the commit."""
    changes = [
        {"number": number, "id": uuid.uuid4(), "payload": payload}
        for number, payload in enumerate(payloads, 1)
    ]
    sent = send_ahead(
        tx,
        APPEND,
        {
            "stream": stream,
            "count": str(len(payloads)),
            "kind": kind,
            "changes": orjson.dumps(changes).decode(),
        },
    )
    if sent is None:
        last = append(tx, stream, kind, *payloads)
        return lambda: last
    return lambda: max(int(seq) for (seq,) in sent.rows)


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
    if connection.dialect.name == "postgresql":
        behind = {"streams": list(known), "known": list(known.values()), "limit": limit}
        return [Record(*row) for row in connection.exec_driver_sql(RECORDS_AFTER, behind)] if known else []
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
