"""Whole streams as the database has them at one moment: for new nodes, gaps and doubts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Numeric, Text, cast, func, or_, select

from app.algorithms.change_log import Change
from app.algorithms.logical_clocks import VersionVector
from app.coordination import outbox
from app.coordination.replication.heartbeat import horizon
from app.coordination.replication.rows import change_of_row, changes_of_slots, owners_in
from app.database import Database, db_now
from app.tables.booking import Slot
from app.tables.directory import Doctor

STREAMS_AT_ONCE = 20
SLOT_COLUMNS = (
    Slot.id, Slot.doctor_id, Slot.showtime_id, Slot.starts_at, Slot.ends_at, Slot.state, Slot.hold_until,
    Slot.is_interval, Slot.version,
)  # fmt: skip
#: The same columns as replicas hold them: whole copies are read this way, again and again.
SLOTS = """
    SELECT id, doctor_id, showtime_id, (extract(epoch FROM starts_at) * 1000000)::bigint,
           (extract(epoch FROM ends_at) * 1000000)::bigint, state,
           (extract(epoch FROM hold_until) * 1000000)::bigint, is_interval, version
      FROM slots
     WHERE (doctor_id = ANY(%(doctors)s::bigint[]) OR showtime_id = ANY(%(showtimes)s::bigint[]))
       AND starts_at >= %(since)s"""
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


@dataclass(frozen=True)
class Differing:
    """What became of streams since they were last read: the rows of those that are not as they were then."""

    snapshot: Snapshot
    #: Of each stream, to be compared with later; empty where the database cannot make them.
    marks: Mapping[str, str]
    unchanged: frozenset[str]


def take_differing(
    database: Database, streams: Sequence[str], since: datetime, known: Mapping[str, tuple[int, str]]
) -> Differing:
    """Like take_snapshot, but a stream with the number and the mark that are known is not read again."""
    with database.snapshot() as connection:
        heads = outbox.heads_of(connection, streams)
        marks = {} if database.is_sqlite else _marks(connection, heads, since)
        unchanged = frozenset(s for s in marks if known.get(s) == (heads[s], marks[s]))
        differing = {stream: head for stream, head in heads.items() if stream not in unchanged}
        rows = tuple(_rows(connection, differing, since))
    return Differing(Snapshot(VersionVector(differing), rows), marks, unchanged)


def _marks(connection: Connection, heads: Mapping[str, int], since: datetime) -> dict[str, str]:
    """Equal as long as a stream's rows are: PostgreSQL's own hash of each whole row, added up."""
    doctor_ids, showtime_ids = owners_in(heads, "doctor_id"), owners_in(heads, "showtime_id")
    sums: dict[str, list[str]] = {stream: [] for stream in heads}
    doctors = select(Doctor.id, _hash(DOCTOR_COLUMNS)).where(
        Doctor.id.in_(doctor_ids), Doctor.deleted_at.is_(None)
    )
    for doctor_id, mark in connection.execute(doctors.group_by(Doctor.id)):
        sums[outbox.doctor_stream(doctor_id)].append(f"doctor {mark}")
    slots = select(Slot.doctor_id, Slot.showtime_id, func.count(), _hash(SLOT_COLUMNS)).where(
        or_(Slot.doctor_id.in_(doctor_ids), Slot.showtime_id.in_(showtime_ids)), Slot.starts_at >= since
    )
    for doctor_id, showtime_id, count, mark in connection.execute(
        slots.group_by(Slot.doctor_id, Slot.showtime_id)
    ):
        sums[outbox.stream_of(doctor_id, showtime_id)].append(f"{count} slots {mark}")
    return {stream: ", ".join(found) for stream, found in sums.items()}


def _hash(columns: Sequence[Any]) -> ColumnElement[Any]:
    text = cast(func.row(*columns), Text)
    return func.sum(cast(func.hashtextextended(text, 0), Numeric))


def _rows(connection: Connection, heads: Mapping[str, int], since: datetime) -> Iterable[Change]:
    doctor_ids, showtime_ids = owners_in(heads, "doctor_id"), owners_in(heads, "showtime_id")
    doctors = select(*DOCTOR_COLUMNS).where(Doctor.id.in_(doctor_ids), Doctor.deleted_at.is_(None))
    for doctor in connection.execute(doctors):
        stream = outbox.doctor_stream(doctor.id)
        yield change_of_row(stream, heads[stream], "doctor", doctor._asdict())
    if connection.dialect.name == "postgresql":
        asked = {"doctors": list(doctor_ids), "showtimes": list(showtime_ids), "since": since}
        yield from changes_of_slots(connection.exec_driver_sql(SLOTS, asked), heads)
        return
    of_these = or_(Slot.doctor_id.in_(doctor_ids), Slot.showtime_id.in_(showtime_ids))
    for slot in connection.execute(select(*SLOT_COLUMNS).where(of_these, Slot.starts_at >= since)):
        stream = outbox.stream_of(slot.doctor_id, slot.showtime_id)
        yield change_of_row(stream, heads[stream], "slot", slot._asdict())
