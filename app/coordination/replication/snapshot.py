"""Whole streams as the database has them at one moment: for new nodes, gaps and doubts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from app.algorithms.change_log import Change
from app.algorithms.logical_clocks import VersionVector
from app.coordination.replication.heartbeat import horizon
from app.coordination.replication.rows import change_of_row
from app.database import Database, db_now
from app.tables.booking import Slot
from app.tables.directory import Doctor
from app.tables.journal import Stream

STREAMS_AT_ONCE = 20
SLOT_COLUMNS = (
    Slot.id, Slot.doctor_id, Slot.starts_at, Slot.ends_at, Slot.state, Slot.hold_until, Slot.is_interval,
    Slot.version,
)  # fmt: skip
DOCTOR_COLUMNS = (Doctor.id, Doctor.name, Doctor.specialization, Doctor.timezone, Doctor.version)


@dataclass(frozen=True)
class Snapshot:
    """These streams up to these numbers, and every row that they left."""

    upto: VersionVector
    rows: tuple[Change, ...]


def take_snapshot(database: Database, streams: Sequence[str], since: datetime | None = None) -> Snapshot:
    """At most STREAMS_AT_ONCE streams, with the slots that start at or after `since`."""
    with database.snapshot() as connection:
        heads = _heads(connection, streams)
        since = since or horizon(connection.execute(select(db_now())).scalar_one())
        rows = tuple(_rows(connection, heads, since))
    return Snapshot(VersionVector(heads), rows)


def _heads(connection: Connection, streams: Iterable[str]) -> dict[str, int]:
    query = select(Stream.name, Stream.last_seq).where(Stream.name.in_(list(streams)))
    return {row.name: row.last_seq for row in connection.execute(query)}


def _rows(connection: Connection, heads: dict[str, int], since: datetime) -> Iterable[Change]:
    streams = {int(name.removeprefix("doctor:")): name for name in heads if name.startswith("doctor:")}
    doctors = select(*DOCTOR_COLUMNS).where(Doctor.id.in_(streams), Doctor.deleted_at.is_(None))
    for row in connection.execute(doctors):
        stream = streams[row.id]
        yield change_of_row(stream, heads[stream], "doctor", row._asdict())
    slots = select(*SLOT_COLUMNS).where(Slot.doctor_id.in_(streams), Slot.starts_at >= since)
    for row in connection.execute(slots):
        stream = streams[row.doctor_id]
        yield change_of_row(stream, heads[stream], "slot", row._asdict())
