"""From the audit to the queue of deliveries: every event once for every endpoint that wants it.

The audit is written in the transaction of the change itself, and its chain numbers the entries of each node
without gaps once they are committed. So a cursor over the chain misses nothing, whoever dies when; the cursor
moves in the transaction that writes the deliveries, and their ids refuse a second relay."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from app.tables.journal import AuditEntry, AuditLink
from app.tables.webhooks import WebhookCursor, WebhookDelivery, WebhookEndpoint
from app.webhooks.events import Event, bookings_told, delivery_id, events_of

READ_AT_ONCE = 300


def relay(tx: Connection) -> list[uuid.UUID]:
    """Queue what happened since the last call; the deliveries that are new. One leader at a time."""
    endpoints = tx.execute(
        select(WebhookEndpoint.id, WebhookEndpoint.events, WebhookEndpoint.created_at).where(
            WebhookEndpoint.deleted_at.is_(None)
        )
    ).all()
    if not endpoints:
        return []
    cursors = {row.node: row.seq for row in tx.execute(select(WebhookCursor.node, WebhookCursor.seq))}
    added: list[uuid.UUID] = []
    for node in _nodes(tx):
        entries = _entries_after(tx, node, cursors.get(node, 0))
        if entries:
            added += _queue(tx, events_of(entries), endpoints)
            _move(tx, node, entries[-1].seq)
    return added


def begin_at_the_end(tx: Connection) -> None:
    """With the first endpoint: what happened before there was one is nobody's business."""
    for node in _nodes(tx):
        last = select(AuditLink.seq).where(AuditLink.node == node).order_by(AuditLink.seq.desc()).limit(1)
        _move(tx, node, tx.execute(last).scalar_one())


def _nodes(connection: Connection) -> Iterator[str]:
    """Whoever has a chain, by one short look into the index for each."""
    node = ""
    while True:
        following = select(AuditLink.node).where(AuditLink.node > node).order_by(AuditLink.node).limit(1)
        found = connection.execute(following).scalar()
        if found is None:
            return
        yield (node := found)


def _entries_after(connection: Connection, node: str, seq: int) -> Sequence[Any]:
    return connection.execute(
        select(
            AuditLink.seq,
            AuditEntry.at,
            AuditEntry.node,
            AuditEntry.action,
            AuditEntry.booking_id,
            AuditEntry.lamport,
            AuditEntry.hybrid_clock,
        )
        .join(AuditEntry, AuditEntry.id == AuditLink.entry_id)
        .where(AuditLink.node == node, AuditLink.seq > seq)
        .order_by(AuditLink.seq)
        .limit(READ_AT_ONCE)
    ).all()


def _queue(tx: Connection, events: list[Event], endpoints: Sequence[Any]) -> list[uuid.UUID]:
    bookings = bookings_told(tx, {event.booking_id for event in events})
    rows = [
        {
            "id": delivery_id(endpoint.id, event.id),
            "endpoint_id": endpoint.id,
            "kind": event.kind,
            "booking_id": event.booking_id,
            "body": event.body(bookings[event.booking_id]),
        }
        for event in events
        for endpoint in endpoints
        if event.kind in endpoint.events and event.at >= endpoint.created_at and event.booking_id in bookings
    ]
    if not rows:
        return []
    insert = (postgresql if tx.dialect.name == "postgresql" else sqlite).insert(WebhookDelivery)
    statement = insert.on_conflict_do_nothing(index_elements=["id"]).returning(WebhookDelivery.id)
    return list(tx.execute(statement, rows).scalars())


def _move(tx: Connection, node: str, seq: int) -> None:
    """Only forward."""
    insert = (postgresql if tx.dialect.name == "postgresql" else sqlite).insert(WebhookCursor)
    tx.execute(
        insert.values(node=node, seq=seq).on_conflict_do_update(
            index_elements=["node"], set_={"seq": seq}, where=WebhookCursor.seq < seq
        )
    )
