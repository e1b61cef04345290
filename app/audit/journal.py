"""Writes who did what, in the transaction that does it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert

from app.coordination.stamps import Stamp, Stamper
from app.tables.journal import AuditEntry

LONGEST_PURPOSE = 200


@dataclass(frozen=True)
class Witness:
    """Who acts, and from where: a keyed digest of the network address."""

    actor: str
    origin: str | None = None


@dataclass(frozen=True)
class Scribe:
    """Writes for one node."""

    node: str
    stamper: Stamper

    def pen(self) -> Pen:
        """For one action. Taken before its transaction: drawing a stamp may need one of its own."""
        return Pen(self.node, self.stamper.stamp())


@dataclass(frozen=True)
class Pen:
    """Writes what one action did, under its stamp."""

    node: str
    stamp: Stamp

    def note(
        self, tx: Connection, who: Witness, action: str, purpose: str | None = None, **detail: Any
    ) -> None:
        """Append one entry that is about no booking; detail holds no contact data."""
        record(
            tx,
            node=self.node,
            actor=who.actor,
            action=action,
            stamp=self.stamp,
            detail=detail,
            origin=who.origin,
            purpose=purpose,
        )


def record(tx: Connection, **entry: Any) -> None:
    """Append one entry, of what entry_of() takes."""
    record_all(tx, [entry_of(**entry)])


def record_all(tx: Connection, entries: Sequence[Mapping[str, Any]]) -> None:
    """Append these entries in one flight."""
    if entries:
        tx.execute(insert(AuditEntry), entries)


def entry_of(
    *,
    node: str,
    actor: str,
    action: str,
    stamp: Stamp,
    booking_id: uuid.UUID | None = None,
    slot_id: int | None = None,
    fence: int | None = None,
    detail: dict[str, Any] | None = None,
    entry_id: uuid.UUID | None = None,
    origin: str | None = None,
    purpose: str | None = None,
) -> dict[str, Any]:
    """One entry; detail holds no contact data."""
    return {
        "id": entry_id or uuid.uuid4(),
        "node": node,
        "actor": actor,
        "action": action,
        "lamport": stamp.lamport,
        "vector_clock": dict(stamp.vector),
        "hybrid_clock": stamp.hybrid.packed,
        "booking_id": booking_id,
        "slot_id": slot_id,
        "fence": fence,
        "detail": detail or {},
        "origin": origin,
        "purpose": purpose[:LONGEST_PURPOSE] if purpose else None,
    }
