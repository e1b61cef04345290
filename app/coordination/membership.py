"""Which nodes are there: each writes when it was last alive, by the database's clock."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, select, update
from sqlalchemy.dialects import postgresql, sqlite

from app.database import db_now
from app.tables.leadership import Node

#: A node that has not been heard for this long is shown as down.
SILENT_SECONDS = 5.0
UP, DRAINING, LEFT = "up", "draining", "left"


def join(tx: Connection, node_id: str, address: str, incarnation: int) -> None:
    """A node has started; a higher incarnation replaces what was said about its earlier life."""
    values: dict[str, Any] = {"address": address, "incarnation": incarnation, "status": UP}
    upsert = (postgresql if tx.dialect.name == "postgresql" else sqlite).insert(Node)
    fresh = {**values, "started_at": db_now(), "last_heartbeat": db_now()}
    tx.execute(upsert.values(id=node_id, **fresh).on_conflict_do_update(index_elements=["id"], set_=fresh))


def beat(tx: Connection, node_id: str, status: str = UP) -> None:
    """This node is alive now, with this status."""
    tx.execute(update(Node).where(Node.id == node_id).values(last_heartbeat=db_now(), status=status))


def nodes(connection: Connection) -> list[Row[*tuple[Any, ...]]]:
    """Every node that joined and was seen in the last day, with `is_silent`: not heard for five seconds."""
    return list(
        connection.execute(
            select(
                *Node.__table__.columns,
                (Node.last_heartbeat < db_now(-SILENT_SECONDS)).label("is_silent"),
            )
            .where(Node.last_heartbeat > db_now(-86_400), Node.incarnation > 0)
            .order_by(Node.id)
        )
    )
