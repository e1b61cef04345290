"""Which nodes are there, as SQL knows: each writes when it was last alive, by the database's clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, case, select, update
from sqlalchemy.dialects import postgresql, sqlite

from app.coordination.cards import Card
from app.coordination.stamps import Stamp
from app.database import db_now
from app.tables.leadership import Node

#: A node that has not been heard for this long is shown as down.
SILENT_SECONDS = 5.0
FORGOTTEN_SECONDS = 86_400
UP, DRAINING, LEFT = "up", "draining", "left"


@dataclass(frozen=True)
class Joined:
    """This life's number, and the last logical times of the life before."""

    incarnation: int
    lamport: int
    hybrid: int


@dataclass(frozen=True)
class Wishes:
    """What the operator has set for this node."""

    is_draining: bool


def join(tx: Connection, node_id: str, address: str, incarnation: int) -> Joined:
    """A node has started. Its incarnation is this one, or higher: higher than in any former life."""
    higher = case((Node.incarnation >= incarnation, Node.incarnation + 1), else_=incarnation)
    values: dict[str, Any] = {"address": address, "status": UP, "started_at": db_now()}
    upsert = (postgresql if tx.dialect.name == "postgresql" else sqlite).insert(Node)
    row = tx.execute(
        upsert.values(id=node_id, incarnation=incarnation, last_heartbeat=db_now(), **values)
        .on_conflict_do_update(
            index_elements=["id"], set_={**values, "incarnation": higher, "last_heartbeat": db_now()}
        )
        .returning(Node.incarnation, Node.lamport_last, Node.hybrid_last)
    ).one()
    return Joined(row.incarnation, row.lamport_last, row.hybrid_last)


def beat(tx: Connection, card: Card, stamp: Stamp) -> Wishes:
    """This node is alive now, says this of itself and has given this stamp; what the operator wants of it."""
    values: dict[str, Any] = {
        "last_heartbeat": db_now(),
        "status": card.status,
        "address": card.address,
        "incarnation": card.incarnation,
        "connections": card.connections,
        "load": card.load,
        "rpc_address": card.rpc_url,
        "machine": card.machine,
        "weight": card.weight,
        "lamport_last": stamp.lamport,
        "hybrid_last": stamp.hybrid.packed,
    }
    upsert = (postgresql if tx.dialect.name == "postgresql" else sqlite).insert(Node)
    row = tx.execute(
        upsert.values(id=card.node, **values)
        .on_conflict_do_update(index_elements=["id"], set_=values)
        .returning(Node.draining)
    )
    return Wishes(bool(row.scalar_one()))


def wish_drained(tx: Connection, node_id: str, is_draining: bool) -> bool:
    """Ask a node to take no new visitors and not to lead, or to do so again; False for an unknown node."""
    row = tx.execute(
        update(Node)
        .where(Node.id == node_id, Node.incarnation > 0)
        .values(draining=is_draining)
        .returning(Node.id)
    )
    return row.first() is not None


def nodes(connection: Connection) -> list[Row[*tuple[Any, ...]]]:
    """Every node seen in the last day, with `is_silent`: not heard for five seconds, and `now`.

    A row without incarnation is of a process that only stamps, such as the one that seeds: no node."""
    return list(
        connection.execute(
            select(
                *Node.__table__.columns,
                (Node.last_heartbeat < db_now(-SILENT_SECONDS)).label("is_silent"),
                db_now().label("now"),
            )
            .where(Node.last_heartbeat > db_now(-FORGOTTEN_SECONDS), Node.incarnation > 0)
            .order_by(Node.id)
        )
    )
