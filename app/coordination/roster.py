"""The cluster as the database knows it: every node seen lately, and which one leads."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from app.coordination import membership
from app.coordination.leadership import ROLE
from app.database import db_now
from app.tables.leadership import LeaderState

DOWN = "down"
Document = dict[str, Any]


def read_roster(connection: Connection) -> list[Document]:
    """One document per node; a leader whose lease has run out leads no more."""
    leader = connection.execute(
        select(LeaderState.node, LeaderState.epoch).where(
            LeaderState.role == ROLE, LeaderState.lease_until > db_now()
        )
    ).first()
    epochs = {leader.node: leader.epoch} if leader else {}
    return [_document(node, epochs) for node in membership.nodes(connection)]


def _document(node: Any, epochs: dict[str, int]) -> Document:
    is_lost = node.is_silent and node.status != membership.LEFT
    return {
        "id": node.id,
        "name": node.id,
        "address": node.address,
        "connections": node.connections,
        "load": node.load,
        "is_leader": node.id in epochs,
        "epoch": epochs.get(node.id),
        "status": DOWN if is_lost else node.status,
        "started_at": _instant(node.started_at),
        "last_heartbeat": _instant(node.last_heartbeat),
    }


def _instant(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
