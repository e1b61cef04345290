"""What the audit can show to anybody: when, where, what kind of thing, which stamps. Never who or whose."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import Connection, select

from app.audit.chain import heads_of
from app.tables.journal import AuditEntry, AuditLink

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


def latest_for_operator(connection: Connection, limit: int, action: str | None = None) -> list[Document]:
    """The newest entries with who acted, from where and why, each with its link; never about whom."""
    query = (
        select(
            AuditEntry.id,
            AuditEntry.at,
            AuditEntry.node,
            AuditEntry.actor,
            AuditEntry.action,
            AuditEntry.purpose,
            AuditEntry.origin,
            AuditEntry.lamport,
            AuditEntry.hybrid_clock,
            AuditLink.seq,
            AuditLink.hash,
        )
        .outerjoin(AuditLink, AuditLink.entry_id == AuditEntry.id)
        .order_by(AuditEntry.at.desc(), AuditEntry.id.desc())
        .limit(limit)
    )
    if action is not None:
        query = query.where(AuditEntry.action == action)
    return [
        {
            **row._mapping,
            "id": str(row.id),
            "at": row.at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        }
        for row in connection.execute(query)
    ]


def chain_state(connection: Connection) -> list[Document]:
    """How far each node's chain goes."""
    heads = sorted(heads_of(connection).values(), key=lambda head: head.node)
    return [{"node": head.node, "entries": head.seq, "hash": head.hash} for head in heads]
