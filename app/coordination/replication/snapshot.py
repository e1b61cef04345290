"""Whole streams as the database has them at one moment: for new nodes, gaps and doubts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, or_, select

from app.algorithms.change_log import Change
from app.algorithms.logical_clocks import VersionVector
from app.coordination import outbox
from app.coordination.replication.heartbeat import horizon
from app.coordination.replication.rows import change_of_row, owners_in
from app.database import Database, db_now
from app.tables.booking import Slot
from app.tables.directory import Doctor

STREAMS_AT_ONCE = 20
SLOT_COLUMNS = (
    Slot.id, Slot.doctor_id, Slot.showtime_id, Slot.starts_at, Slot.ends_at, Slot.state, Slot.hold_until,
    Slot.is_interval, Slot.version,
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
        heads = outbox.heads_of(connection, streams)
        since = since or horizon(connection.execute(select(db_now())).scalar_one())
        rows = tuple(_rows(connection, heads, since))
    return Snapshot(VersionVector(heads), rows)


def _rows(connection: Connection, heads: dict[str, int], since: datetime) -> Iterable[Change]:
    doctor_ids, showtime_ids = owners_in(heads, "doctor_id"), owners_in(heads, "showtime_id")
    doctors = select(*DOCTOR_COLUMNS).where(Doctor.id.in_(doctor_ids), Doctor.deleted_at.is_(None))
    for doctor in connection.execute(doctors):
        stream = outbox.doctor_stream(doctor.id)
        yield change_of_row(stream, heads[stream], "doctor", doctor._asdict())
    of_these = or_(Slot.doctor_id.in_(doctor_ids), Slot.showtime_id.in_(showtime_ids))
    for slot in connection.execute(select(*SLOT_COLUMNS).where(of_these, Slot.starts_at >= since)):
        stream = outbox.stream_of(slot.doctor_id, slot.showtime_id)
        yield change_of_row(stream, heads[stream], "slot", slot._asdict())
