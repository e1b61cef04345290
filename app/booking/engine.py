"""What an action needs, and the one way an action runs: one transaction, then the announcements."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from sqlalchemy import Connection

from app.audit import journal
from app.batches import Batches, BatchesByOwner
from app.booking.batch_claims import Fate, Wish
from app.booking.budgets import Budgets
from app.booking.glance import Glance
from app.booking.local_queue import LocalQueue
from app.booking.refusal_batches import Refused
from app.booking.rules import Actor
from app.booking.seat_batches import Seating
from app.booking.seat_changes import as_told, kind_of
from app.booking.seat_choices import GroupWish
from app.booking.seat_plan import SeatPlans
from app.booking.statements import SlotRow
from app.coordination import outbox
from app.coordination.locks import SlotLocks
from app.coordination.stamps import Stamp, Stamper
from app.database import Database
from app.idempotency import Answer, Document, RequestKey, once
from app.notices import queue as notices


@dataclass(frozen=True)
class Engine:
    """Everything booking actions stand on. Built once per process."""

    database: Database
    locks: SlotLocks
    glance: Glance
    stamper: Stamper
    node_id: str
    hold_seconds: float
    #: Tells other screens that a slot changed; may be lost.
    publish: Callable[[Document], None]
    #: Hands a notice to the workers; the sweep finds what this loses.
    enqueue: Callable[[str, str], object]
    #: Told after commit under which numbers of which streams the change is.
    note_positions: Callable[[Mapping[str, int]], object] = lambda positions: None
    #: What this process knows of halls; never of who has which seat.
    plans: SeatPlans = field(default_factory=SeatPlans)
    local_queue: LocalQueue = field(default_factory=LocalQueue)
    batches: Batches[Wish, Fate] = field(default_factory=Batches)
    hall_batches: BatchesByOwner[GroupWish, Seating] = field(default_factory=BatchesByOwner)
    refusals: Batches[Refused, bool] = field(default_factory=Batches)
    budgets: Budgets = field(default_factory=Budgets)

    def perform(self, actor: Actor, request: RequestKey | None, work: Callable[[Act], Document]) -> Answer:
        """Run work in one transaction, once per key; announce only what was committed now."""
        stamp = self.stamper.stamp()
        acts: list[Act] = []

        def attempt(tx: Connection) -> Document:
            acts.append(Act(self, tx, actor, stamp))
            return work(acts[-1])

        answer = once(self.database, request, attempt, lambda _tx: acts[-1].write_changes())
        if acts and not answer.replayed:
            act = acts[-1]
            self.announce(act.positions, act.changes, act.notice_ids)
        return answer

    def change_of(self, row: Any, stamp: Stamp) -> Document:
        """A slot as others hear of it."""
        return {
            "type": "slot",
            "id": str(row.id),
            **outbox.owner_fields(row.doctor_id, row.showtime_id),
            "starts_at": row.starts_at.isoformat(),
            "ends_at": row.ends_at.isoformat(),
            "state": str(row.state),
            "hold_until": row.hold_until.isoformat() if row.hold_until else None,
            "is_interval": row.is_interval,
            "version": row.version,
            **stamp.document(),
            "node": self.node_id,
        }

    def announce(
        self, positions: Mapping[str, int], changes: Iterable[Document], notice_ids: Iterable[uuid.UUID]
    ) -> None:
        """Tell whoever should know at once. All of it may be lost: what was committed tells it too."""
        self.note_positions(positions)
        for change in changes:
            self.publish(change)
        for notice_id in notice_ids:
            self.enqueue("worker.jobs.send_notice", str(notice_id))


@dataclass
class Act:
    """One attempt of one action: its transaction, who acts, and what to announce after commit."""

    engine: Engine
    tx: Connection
    actor: Actor
    stamp: Stamp
    changes: list[Document] = field(default_factory=list)
    positions: dict[str, int] = field(default_factory=dict)
    notice_ids: list[uuid.UUID] = field(default_factory=list)
    _changed: list[SlotRow] = field(default_factory=list)

    def slots_changed(self, rows: list[SlotRow]) -> None:
        """Remember the change of each slot, to be written to its stream and announced."""
        self._changed += rows

    def write_changes(self) -> Callable[[], object]:
        """Write the changes to their streams: last, because everybody else at the same doctor or showtime
        waits for the stream from here to the commit. What is returned learns the numbers afterwards.

        Streams in one order, so that two moves between the same doctors do not deadlock."""
        in_order = sorted(self._changed, key=lambda row: (_stream_of(row), row.id))
        numbers: dict[str, Callable[[], int]] = {}
        for stream, of_stream in groupby(in_order, key=_stream_of):
            changes = as_told([self.engine.change_of(row, self.stamp) for row in of_stream])
            numbers[stream] = outbox.append_last(self.tx, stream, kind_of(changes[0]), changes)
            self.changes += changes
        return lambda: self.positions.update({stream: number() for stream, number in numbers.items()})

    def audit(self, action: str, booking_id: uuid.UUID, rows: list[SlotRow], **detail: Any) -> None:
        """One entry per slot: who did what under which fence."""
        entries = [
            journal.entry_of(
                node=self.engine.node_id,
                actor=self.actor.label,
                action=action,
                stamp=self.stamp,
                booking_id=booking_id,
                slot_id=row.id,
                fence=row.fence,
                detail=detail,
                origin=self.actor.origin,
            )
            for row in rows
        ]
        journal.record_all(self.tx, entries)

    def note(self, action: str, **detail: Any) -> None:
        """One entry about no booking in particular."""
        journal.record(
            self.tx,
            node=self.engine.node_id,
            actor=self.actor.label,
            action=action,
            stamp=self.stamp,
            detail=detail,
        )

    def audit_expired(self, owners: Mapping[int, uuid.UUID], noticed_by: str) -> None:
        """The holds that had lapsed on these slots, and what noticed it."""
        for slot_id, booking_id in sorted(owners.items()):
            journal.record(
                self.tx,
                node=self.engine.node_id,
                actor="system",
                action="expire",
                stamp=self.stamp,
                booking_id=booking_id,
                slot_id=slot_id,
                detail={"noticed_by": noticed_by},
            )

    def notify(
        self, booking_id: uuid.UUID, kind: str, sequence: int, about: Sequence[uuid.UUID] | None = None
    ) -> None:
        """Queue a mail with this change, about several bookings if so; a worker gets it after commit."""
        self.notice_ids.append(notices.add(self.tx, booking_id, kind, sequence, about))


def _stream_of(row: SlotRow) -> str:
    return outbox.stream_of(row.doctor_id, row.showtime_id)
