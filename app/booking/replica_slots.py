"""One slot and one doctor as a replica holds them: what is free, what is wanted, how it is shown. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from app.algorithms.change_log import Change
from app.algorithms.replica import Replica
from app.booking.availability import SlotFilter
from app.coordination.replication.rows import doctor_key, micros, moment
from app.directory.documents import Document, ShownSlot, slot_document
from app.directory.spans import Span
from app.directory.wall_time import day_bounds
from app.tables.booking import SlotState

FOREVER = 1 << 62


@dataclass(frozen=True, slots=True)
class ReplicaEntry:
    """A slot in order of time."""

    starts: int
    id: int
    change: Change

    @property
    def key(self) -> tuple[int, int]:
        return self.starts, self.id

    def field(self, name: str) -> Any:
        return (self.change.fields or {})[name]


@dataclass(frozen=True, slots=True)
class ReplicaDoctor:
    id: int
    stream: str
    name: str
    specialization: str
    zone: ZoneInfo

    @classmethod
    def of(cls, core: Replica, stream: str) -> ReplicaDoctor | None:
        """None for a doctor who is not there, or not any more."""
        doctor_id = int(stream.removeprefix("doctor:"))
        row = core.get(stream, doctor_key(doctor_id))
        if row is None or row.fields is None:
            return None
        fields = {name: str(value) for name, value in row.fields.items()}
        return cls(doctor_id, stream, fields["name"], fields["specialization"], ZoneInfo(fields["timezone"]))


def in_order(rows: Iterable[Change]) -> list[ReplicaEntry]:
    slots = (row for row in rows if row.key.startswith("slot:") and row.fields)
    entries = [
        ReplicaEntry(int(str((row.fields or {})["starts_at"])), int(row.key.removeprefix("slot:")), row)
        for row in slots
    ]
    return sorted(entries, key=lambda entry: entry.key)


def bounds_of(wanted: SlotFilter, zone: ZoneInfo, now: datetime) -> tuple[int, int]:
    """From (included) and to (not included), as availability decides it."""
    begins, ends = [], [FOREVER]
    if wanted.first_day is not None:
        begins.append(micros(day_bounds(wanted.first_day, zone)[0]))
    if wanted.starts_from is not None:
        begins.append(micros(wanted.starts_from))
    if not begins:
        begins.append(micros(now) + 1)
    if wanted.last_day is not None:
        ends.append(micros(day_bounds(wanted.last_day, zone)[1]))
    if wanted.starts_before is not None:
        ends.append(micros(wanted.starts_before))
    return max(begins), min(ends)


def is_wanted(entry: ReplicaEntry, state: SlotState | None, now: datetime) -> bool:
    stored = entry.field("state")
    match state:
        case None:
            return bool(stored != SlotState.BLOCKED and not entry.field("is_interval"))
        case SlotState.OPEN:
            return is_free(entry, now)
        case SlotState.HELD:
            return bool(stored == SlotState.HELD and entry.field("hold_until") > micros(now))
        case _:
            return bool(stored == state)


def is_free(entry: ReplicaEntry, now: datetime) -> bool:
    """Open, or under a hold whose deadline has come."""
    if entry.field("state") == SlotState.HELD:
        return bool(entry.field("hold_until") <= micros(now))
    return bool(entry.field("state") == SlotState.OPEN)


def is_taken(entry: ReplicaEntry, now: datetime) -> bool:
    return entry.field("state") != SlotState.BLOCKED and not is_free(entry, now)


def span_of(entry: ReplicaEntry) -> Span:
    return Span(moment(entry.starts), moment(entry.field("ends_at")))


def document_of(entry: ReplicaEntry, doctor: ReplicaDoctor, now: datetime) -> Document:
    held_until = entry.field("hold_until")
    return slot_document(
        ShownSlot(
            id=entry.id,
            doctor_id=doctor.id,
            starts_at=moment(entry.starts),
            ends_at=moment(entry.field("ends_at")),
            state=SlotState(entry.field("state")),
            hold_until=None if held_until is None else moment(held_until),
            version=entry.change.version,
            doctor_name=doctor.name,
            specialization=doctor.specialization,
            timezone=doctor.zone.key,
            now=now,
        )
    )
