"""Slots as this node's replica has them, in the same documents as from the database.

For showing only: whoever decides about a booking asks the database, and import-linter sees to it."""

from __future__ import annotations

import heapq
import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from itertools import islice
from zoneinfo import ZoneInfo

from app.algorithms.replica import Replica
from app.booking.availability import (
    MOST_SLOTS_PER_DAY,
    OpeningHours,
    SlotFilter,
    day_document,
    opening_span,
)
from app.booking.ready_days import KeptDays, ReadyDay
from app.booking.replica_slots import (
    FOREVER,
    ReplicaDoctor,
    ReplicaEntry,
    bounds_of,
    document_of,
    in_order,
    is_free,
    is_taken,
    is_wanted,
    span_of,
)
from app.booking.seating import State
from app.coordination.outbox import doctor_stream, showtime_stream
from app.coordination.replication.node_replica import NodeReplica
from app.coordination.replication.rows import micros, moment
from app.directory.documents import Document
from app.directory.spans import Span
from app.directory.wall_time import day_bounds, local_day
from app.tables.booking import SlotState


class NotHere(Exception):
    """The replica does not hold what was asked for: times long past, or a doctor it has not heard of."""


class ReplicatedSlots:
    """Looks at one replica. Every method raises NotHere for what only the database can tell."""

    def __init__(self, replica: NodeReplica) -> None:
        self._replica = replica
        self._lock = threading.Lock()
        self._sorted: dict[str, tuple[int, list[ReplicaEntry]]] = {}
        self._days = KeptDays()

    def list_slots(
        self, wanted: SlotFilter, after: tuple[datetime, int] | None = None, limit: int = 100
    ) -> list[Document]:
        """As availability.list_slots()."""
        now = self._replica.time.now()
        with self._replica.unchanging() as core:
            streams = self._streams(core, wanted.doctor_id)
            places = [ReplicaDoctor.of(core, stream) for stream in streams]
            found = [self._matching(core, doctor, wanted, after, now) for doctor in places if doctor]
            merged = heapq.merge(*found, key=lambda pair: pair[0].key)
            return [document_of(entry, doctor, now) for entry, doctor in islice(merged, limit)]

    def day_availability(self, doctor_id: int, day: date, hours: OpeningHours) -> Document:
        """As availability.day_availability()."""
        now = self._replica.time.now()
        with self._replica.unchanging() as core:
            doctor = self._doctor(core, doctor_id)
            opening = opening_span(day, hours, doctor.zone)
            ahead = Span(max(opening.starts_at, now), opening.ends_at)
            self._require(opening.starts_at)
            entries = self._entries(core, doctor.stream)
            taken = [
                span for entry in entries if is_taken(entry, now) and (span := span_of(entry)).overlaps(ahead)
            ]
        wanted = SlotFilter(doctor_id, day, day, state=SlotState.OPEN)
        slots = self.list_slots(wanted, limit=MOST_SLOTS_PER_DAY)
        shown = {"id": str(doctor.id), "name": doctor.name, "timezone": doctor.zone.key}
        return day_document(shown, day, opening, ahead, taken, slots)

    def ready_day(self, doctor_id: int, day: date, hours: OpeningHours) -> ReadyDay:
        """The same as bytes. Before the day begins, time changes nothing in it but by holds that lapse."""
        key, stream = (doctor_id, day, hours), doctor_stream(doctor_id)
        with self._replica.unchanging() as core:
            now, edition = micros(self._replica.time.now()), core.summary(stream).edition
            kept = self._days.find(key, edition, now)
            if kept is not None:
                return kept
            until = self._until(core, self._doctor(core, doctor_id), day, now)
            return self._days.write(key, edition, until, lambda: self.day_availability(doctor_id, day, hours))

    def _until(self, core: Replica, doctor: ReplicaDoctor, day: date, now: int) -> int:
        """When the document of a day to come changes although nobody changes anything."""
        lapses = [entry.field("hold_until") or FOREVER for entry in self._entries(core, doctor.stream)]
        return min([micros(day_bounds(day, doctor.zone)[0]), *(each for each in lapses if each > now)])

    def next_free(self, doctor_ids: Sequence[int], after: datetime | None = None) -> dict[int, Document]:
        """As free_slots.next_free()."""
        now = self._replica.time.now()
        found: dict[int, Document] = {}
        with self._replica.unchanging() as core:
            for doctor_id in doctor_ids:
                doctor = self._doctor(core, doctor_id)
                first = next(self._free(core, doctor, max(after or now, now), now), None)
                if first is not None:
                    found[doctor_id] = document_of(first, doctor, now)
        return found

    def days_with_free(
        self, doctor_id: int, zone: ZoneInfo, first_day: date, last_day: date
    ) -> dict[date, int]:
        """As free_slots.days_with_free()."""
        now = self._replica.time.now()
        begin, end = day_bounds(first_day, zone)[0], day_bounds(last_day, zone)[1]
        with self._replica.unchanging() as core:
            doctor = self._doctor(core, doctor_id)
            free = [moment(entry.starts) for entry in self._free(core, doctor, now, now)]
        return dict(sorted(Counter(local_day(each, zone) for each in free if begin <= each < end).items()))

    def seat_states(self, showtime_id: int) -> dict[int, State]:
        """As seating.seat_states()."""
        now, stream = self._replica.time.now(), showtime_stream(showtime_id)
        with self._replica.unchanging() as core:
            entries = self._entries(core, stream)
            if not entries:
                raise NotHere
            self._require(moment(entries[0].starts))
            return {
                entry.id: (str(entry.field("state")), entry.change.version)
                for entry in entries
                if not is_free(entry, now)
            }

    def _matching(
        self,
        core: Replica,
        doctor: ReplicaDoctor,
        wanted: SlotFilter,
        after: tuple[datetime, int] | None,
        now: datetime,
    ) -> Iterator[tuple[ReplicaEntry, ReplicaDoctor]]:
        begin, end = bounds_of(wanted, doctor.zone, now)
        self._require(moment(begin))
        key = max((begin, 0), (micros(after[0]), after[1] + 1)) if after else (begin, 0)
        entries = self._entries(core, doctor.stream)
        for entry in islice(entries, bisect_left(entries, key, key=lambda each: each.key), None):
            if entry.starts >= end:
                return
            if is_wanted(entry, wanted.state, now):
                yield entry, doctor

    def _free(
        self, core: Replica, doctor: ReplicaDoctor, after: datetime, now: datetime
    ) -> Iterator[ReplicaEntry]:
        entries, key = self._entries(core, doctor.stream), (micros(after) + 1, 0)
        first = bisect_left(entries, key, key=lambda each: each.key)
        return (entry for entry in islice(entries, first, None) if is_free(entry, now))

    def _entries(self, core: Replica, stream: str) -> list[ReplicaEntry]:
        """The slots of a stream in order of time; sorted once per change of the stream."""
        edition = core.summary(stream).edition
        with self._lock:
            known = self._sorted.get(stream)
            if known is None or known[0] != edition:
                known = self._sorted[stream] = edition, in_order(core.rows(stream))
            return known[1]

    def _streams(self, core: Replica, doctor_id: int | None) -> list[str]:
        if doctor_id is not None:
            return [self._doctor(core, doctor_id).stream]
        return [stream for stream in core.vector if stream.startswith("doctor:")]

    def _doctor(self, core: Replica, doctor_id: int) -> ReplicaDoctor:
        doctor = ReplicaDoctor.of(core, doctor_stream(doctor_id))
        if doctor is None:
            raise NotHere(f"doctor {doctor_id}")
        return doctor

    def _require(self, begin: datetime) -> None:
        horizon = self._replica.horizon
        if horizon is None or micros(begin) < horizon:
            raise NotHere("times long past")
