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
