"""What is committed and not yet on the bus: one look that sees everything at the same moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import orjson
from sqlalchemy import Connection

from app.coordination import outbox
from app.coordination.leadership import ROLE, Deposed, Term, require_term
from app.coordination.outbox import HEARTBEAT_STREAM, Record
from app.database import Database

#: A stream that Redis does not know is published from here on; what is older nobody waits for.
TAIL = 20
#: Each stream that is behind with its entries, or once without: they were trimmed. Of the heartbeat only the
#: last matters. A look needs no lock on the term: numbers are published once, whoever does it.
UNPUBLISHED = """
    SELECT behind.name, behind.last_seq, found.seq, found.kind, found.payload::text, found.at,
           EXISTS (SELECT FROM leader_state
                    WHERE role = %(role)s AND epoch = %(epoch)s AND node = %(node)s) AS is_current
      FROM (SELECT streams.name, last_seq,
                   CASE WHEN streams.name = %(heartbeat)s THEN last_seq - 1
                        ELSE coalesce(published.seq, last_seq - %(tail)s) END AS known
              FROM streams
              LEFT JOIN unnest(%(streams)s::text[], %(seqs)s::bigint[]) AS published(name, seq) USING (name)
             WHERE coalesce(published.seq, 0) < last_seq) AS behind
      LEFT JOIN LATERAL (
           SELECT seq, kind, payload, extract(epoch FROM created_at)::float8 AS at FROM outbox
            WHERE outbox.stream = behind.name AND outbox.seq > behind.known
            ORDER BY outbox.seq LIMIT %(limit)s) AS found ON true
     ORDER BY behind.name, found.seq LIMIT %(limit)s"""


@dataclass(frozen=True)
class Unpublished:
    """Entries to publish, and the heartbeat if it is one of them. Of `trimmed` streams the database has the
    last number but no entry after what is published. `is_all`: there was nothing else."""

    records: Sequence[Record]
    beats: Sequence[Record]
    trimmed: Mapping[str, int]
    is_all: bool


def look(database: Database, term: Term, published: Mapping[str, int], limit: int) -> Unpublished:
    """Up to about `limit` entries. Raises Deposed when there are some and the term has ended; Unavailable."""
    if database.is_sqlite:
        return database.run(lambda tx: _look_in_steps(tx, term, published, limit))
    asked = {
        "role": ROLE, "epoch": term.epoch, "node": term.node, "heartbeat": HEARTBEAT_STREAM, "tail": TAIL,
        "streams": list(published), "seqs": list(published.values()), "limit": limit,
    }  # fmt: skip
    with database.read() as connection:
        rows = connection.exec_driver_sql(UNPUBLISHED, asked).all()
    if rows and not rows[0].is_current:
        raise Deposed(f"epoch {term.epoch} of {term.node} has ended")
    found = [
        Record(row.name, row.seq, row.kind, orjson.loads(row.payload), row.at)
        for row in rows
        if row.seq is not None
    ]
    trimmed = {row.name: row.last_seq for row in rows if row.seq is None}
    return _sorted_out(found, trimmed, is_all=len(rows) < limit)


def lagging(heads: Mapping[str, int], published: Mapping[str, int]) -> dict[str, int]:
    """The streams whose head Redis does not have, and after which number to go on."""
    return {
        stream: published.get(stream, max(0, head - TAIL))
        for stream, head in heads.items()
        if published.get(stream, 0) < head
    }


def _look_in_steps(tx: Connection, term: Term, published: Mapping[str, int], limit: int) -> Unpublished:
    require_term(tx, term)
    heads = outbox.heads(tx)
    behind = lagging(heads, published)
    if HEARTBEAT_STREAM in behind:
        behind[HEARTBEAT_STREAM] = heads[HEARTBEAT_STREAM] - 1
    found = outbox.records_after(tx, behind, limit)
    is_all = len(found) < limit
    reached = {record.stream for record in found}
    trimmed = {stream: heads[stream] for stream in behind if stream not in reached} if is_all else {}
    return _sorted_out(found, trimmed, is_all=is_all)


def _sorted_out(found: Sequence[Record], trimmed: Mapping[str, int], *, is_all: bool) -> Unpublished:
    records = [record for record in found if record.stream != HEARTBEAT_STREAM]
    beats = [record for record in found if record.stream == HEARTBEAT_STREAM]
    return Unpublished(records, beats, {s: n for s, n in trimmed.items() if s != HEARTBEAT_STREAM}, is_all)
