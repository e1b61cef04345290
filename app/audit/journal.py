"""Writes who did what, in the transaction that does it."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import Connection, insert

from app.coordination.stamps import Stamp
from app.tables.journal import AuditEntry


def record(
    tx: Connection,
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
) -> None:
    """Append one entry; detail holds no contact data."""
    tx.execute(
        insert(AuditEntry).values(
            id=entry_id or uuid.uuid4(),
            node=node,
            actor=actor,
            action=action,
            lamport=stamp.lamport,
            vector_clock=dict(stamp.vector),
            hybrid_clock=stamp.hybrid.packed,
            booking_id=booking_id,
            slot_id=slot_id,
            fence=fence,
            detail=detail or {},
        )
    )
