"""What a change of the directory needs, and the one way it runs: one transaction, then the announcement."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row

from app.audit import journal
from app.coordination import outbox
from app.coordination.stamps import Stamp, Stamper
from app.database import Database
from app.directory.documents import Document, instant
from app.idempotency import Answer, RequestKey, once

SLOTS_PER_CHANGE = 500


@dataclass(frozen=True)
class Directory:
    """Everything directory actions stand on. Built once per process."""

    database: Database
    stamper: Stamper
    node_id: str
    #: Tells other screens that a slot changed; may be lost.
    publish: Callable[[Document], None]
    #: Told after commit under which numbers of which streams the change is.
    note_positions: Callable[[Mapping[str, int]], object] = lambda positions: None
    #: From where the one who acts at this moment does: a keyed digest of the network address.
    origin: Callable[[], str | None] = lambda: None

    def perform(self, actor: str, request: RequestKey | None, work: Callable[[Act], Document]) -> Answer:
        """Run work in one transaction, once per key; announce only what was committed now."""
        stamp = self.stamper.stamp()
        acts: list[Act] = []

        def attempt(tx: Connection) -> Document:
            acts.append(Act(tx, actor, self.node_id, stamp, self.origin()))
            return work(acts[-1])

        answer = once(self.database, request, attempt)
        if acts and not answer.replayed:
            self.note_positions(acts[-1].positions)
            for change in acts[-1].changes:
                self.publish(change)
        return answer


@dataclass
class Act:
    """One attempt of one action: its transaction, who acts, and what to announce after commit."""

    tx: Connection
    actor: str
    node_id: str
    stamp: Stamp
    origin: str | None = None
    changes: list[Document] = field(default_factory=list)
    positions: dict[str, int] = field(default_factory=dict)

    def slot_changed(self, slot: Row[Any], **more: Any) -> None:
        """One slot: written to its stream, and announced after commit."""
        owner = (slot.doctor_id, slot.showtime_id)
        change = {"type": "slot", **outbox.owner_fields(*owner), **_slot(slot), **self._origin(), **more}
        self._append(outbox.stream_of(*owner), "slot", change)
        self.changes.append(change)

    def slots_changed(
        self, slots: Sequence[Row[Any]], *, doctor_id: int | None = None, showtime_id: int | None = None
    ) -> None:
        """Many slots of one doctor or showtime: a few entries in the stream, no announcement of each."""
        stream = outbox.stream_of(doctor_id, showtime_id)
        for first in range(0, len(slots), SLOTS_PER_CHANGE):
            chunk = [_slot(slot) for slot in slots[first : first + SLOTS_PER_CHANGE]]
            whose = outbox.owner_fields(doctor_id, showtime_id)
            change = {"type": "slots", **whose, "slots": chunk, **self._origin()}
            self._append(stream, "slots", change)

    def doctor_changed(self, doctor: Row[Any], **more: Any) -> None:
        """What times are shown with: nothing of how to reach the doctor."""
        shown = {name: getattr(doctor, name) for name in ("name", "specialization", "timezone", "version")}
        change = {"type": "doctor", "id": str(doctor.id), **shown, **self._origin(), **more}
        self._append(outbox.doctor_stream(doctor.id), "doctor", change)

    def audit(self, action: str, slot_id: int | None = None, **detail: Any) -> None:
        journal.record(
            self.tx,
            node=self.node_id,
            actor=self.actor,
            action=action,
            stamp=self.stamp,
            slot_id=slot_id,
            detail=detail,
            origin=self.origin,
        )

    def _append(self, stream: str, kind: str, change: Document) -> None:
        self.positions[stream] = outbox.append(self.tx, stream, kind, change)

    def _origin(self) -> Document:
        return {**self.stamp.document(), "node": self.node_id}


def _slot(slot: Row[Any]) -> Document:
    return {
        "id": str(slot.id),
        "starts_at": instant(slot.starts_at),
        "ends_at": instant(slot.ends_at),
        "state": str(slot.state),
        "hold_until": instant(slot.hold_until),
        "is_interval": slot.is_interval,
        "version": slot.version,
    }
