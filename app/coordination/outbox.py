"""Changes others must hear of, written in the transaction that makes them.

The stream's counter row is locked until commit, so sequence order is commit order without gaps
(a plain serial would publish out of order and lose events). Never put patient data here."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, insert
from sqlalchemy.dialects import postgresql, sqlite

from app.tables.journal import OutboxEntry, Stream


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
