"""The nodes of the cluster for people: what SQL knows of their past, what a coordinator knows of their
present."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Connection, select

from app.coordination import membership
from app.coordination.leadership import ROLE
from app.database import db_now
from app.tables.leadership import LeaderState

DOWN, SUSPECT = "down", "suspect"
#: The failure detector's words, where people say something else.
_WORDS = {"dead": DOWN}
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


def merge_roster(rows: Sequence[Document], state: Document, now: datetime) -> list[Document]:
    """The coordinator's view over SQL's rows; either may be missing. Who leads is SQL's word while it is
    there."""
    servers = {row["id"]: row for row in rows}
    election = state.get("election", {})
    for seen in state.get("membership", {}).get("nodes", []):
        row = servers.get(seen["id"], {})
        present = {key: value for key, value in _present(seen, now).items() if value is not None}
        leads = {} if rows else _leadership(seen["id"], election)
        servers[seen["id"]] = {**_blank(seen["id"]), **row, **present, **leads}
    return sorted(servers.values(), key=lambda server: str(server["id"]))


def _present(seen: Document, now: datetime) -> Document:
    """What the failure detector and the node's last heartbeat say; None where they say nothing."""
    is_known = bool(seen["incarnation"])
    status = seen["status"]
    return {
        "address": seen["address"] or None,
        "port": _port(seen["address"]),
        "status": _WORDS.get(status, status),
        "connections": seen["connections"] if is_known else None,
        "load": seen["load"] if is_known else None,
        "weight": seen["weight"] if is_known else None,
        "requests": seen.get("requests") if is_known else None,
        "p95_ms": seen.get("p95_ms") if is_known else None,
        "version": seen.get("version") or None,
        "clock": seen["clock"] if is_known else None,
        "started_at": seen["started_at"] or None,
        "last_heartbeat": _instant(now - timedelta(seconds=seen["last_heard_seconds"])),
    }


def _leadership(node: str, election: Document) -> Document:
    is_leader = election.get("leader") == node
    return {"is_leader": is_leader, "epoch": election.get("epoch") if is_leader else None}


def _blank(node: str) -> Document:
    return {
        "id": node,
        "name": node,
        "address": "",
        "port": None,
        "connections": 0,
        "load": 0.0,
        "weight": 1,
        "requests": None,
        "p95_ms": None,
        "version": None,
        "is_leader": False,
        "epoch": None,
        "status": DOWN,
        "clock": "unknown",
        "started_at": None,
        "last_heartbeat": None,
    }


def _document(node: Any, epochs: dict[str, int]) -> Document:
    is_lost = node.is_silent and node.status != membership.LEFT
    return {
        **_blank(node.id),
        "address": node.address,
        "port": _port(node.address),
        "connections": node.connections,
        "load": node.load,
        "weight": node.weight,
        "is_leader": node.id in epochs,
        "epoch": epochs.get(node.id),
        "status": DOWN if is_lost else node.status,
        "started_at": _instant(node.started_at),
        "last_heartbeat": _instant(node.last_heartbeat),
    }


def _port(address: str) -> int | None:
    try:
        return urlsplit(address).port
    except ValueError:
        return None


def _instant(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
