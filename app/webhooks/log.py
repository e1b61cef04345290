"""What endpoints were sent, and how each try went."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, select, tuple_

from app.errors import NotFound
from app.tables.webhooks import WebhookAttempt, WebhookDelivery

Document = dict[str, Any]
#: As the log shows the states of its rows.
STATES = {"QUEUED": "waiting", "DELIVERED": "delivered", "DEAD": "dead"}
ROW_OF_STATE = {state: row for row, state in STATES.items()}
Place = tuple[datetime, uuid.UUID]


def list_deliveries(
    connection: Connection,
    endpoint_id: uuid.UUID,
    state: str | None = None,
    before: Place | None = None,
    limit: int = 50,
) -> list[Document]:
    """The newest first, each with its tries."""
    query = select(WebhookDelivery.__table__).where(WebhookDelivery.endpoint_id == endpoint_id)
    if state is not None:
        query = query.where(WebhookDelivery.status == ROW_OF_STATE[state])
    if before is not None:
        query = query.where(tuple_(WebhookDelivery.created_at, WebhookDelivery.id) < tuple_(*before))
    order = (WebhookDelivery.created_at.desc(), WebhookDelivery.id.desc())
    rows = connection.execute(query.order_by(*order).limit(limit)).all()
    return _documents(connection, rows)


def read_delivery(connection: Connection, delivery_id: uuid.UUID) -> Document:
    """Raises NotFound."""
    query = select(WebhookDelivery.__table__).where(WebhookDelivery.id == delivery_id)
    rows = connection.execute(query).all()
    if not rows:
        raise NotFound("There is no such delivery.")
    return _documents(connection, rows)[0]


def counts(connection: Connection, endpoint_id: uuid.UUID) -> dict[str, int]:
    """How many deliveries are in each state."""
    rows = connection.execute(
        select(WebhookDelivery.status, func.count())
        .where(WebhookDelivery.endpoint_id == endpoint_id)
        .group_by(WebhookDelivery.status)
    )
    found = {STATES[status]: count for status, count in rows}
    return {state: found.get(state, 0) for state in STATES.values()}


def _documents(connection: Connection, rows: Sequence[Row[Any]]) -> list[Document]:
    tries: dict[uuid.UUID, list[Document]] = {}
    query = select(WebhookAttempt.__table__).where(WebhookAttempt.delivery_id.in_([row.id for row in rows]))
    for row in connection.execute(query.order_by(WebhookAttempt.number)):
        tries.setdefault(row.delivery_id, []).append(_try(row))
    return [
        {
            "id": str(row.id),
            "webhook_id": str(row.endpoint_id),
            "type": row.kind,
            "booking_id": str(row.booking_id) if row.booking_id else None,
            "state": STATES[row.status],
            "attempts": tries.get(row.id, []),
            "next_attempt_at": _instant(row.next_attempt_at) if row.status == "QUEUED" else None,
            "delivered_at": _instant(row.delivered_at),
            "created_at": _instant(row.created_at),
            "body": row.body,
        }
        for row in rows
    ]


def _try(row: Row[Any]) -> Document:
    return {
        "number": row.number,
        "at": _instant(row.at),
        "response_code": row.status_code,
        "error": row.error,
        "milliseconds": row.milliseconds,
    }


def _instant(moment: Any) -> str | None:
    return None if moment is None else moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
