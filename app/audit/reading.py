"""What the audit can show to anybody: when, where, what kind of thing, which stamps. Never who or whose."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import Connection, select

from app.tables.journal import AuditEntry

Document = dict[str, Any]


def latest(connection: Connection, limit: int) -> list[Document]:
    """The newest entries, newest first."""
    rows = connection.execute(
        select(
            AuditEntry.at,
            AuditEntry.node,
            AuditEntry.action,
            AuditEntry.lamport,
            AuditEntry.vector_clock,
        )
        .order_by(AuditEntry.at.desc(), AuditEntry.id.desc())
        .limit(limit)
    )
    return [
        {
            "at": row.at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "node": row.node,
            "action": row.action,
            "lamport": row.lamport,
            "vector_clock": row.vector_clock,
        }
        for row in rows
    ]


def detail_of(connection: Connection, entry_id: uuid.UUID, action: str) -> Document | None:
    """What an order of this kind left behind; None when there is no such entry."""
    wanted = select(AuditEntry.detail).where(AuditEntry.id == entry_id, AuditEntry.action == action)
    return connection.execute(wanted).scalar()
