"""Notices as rows: written with the change that causes them, claimed by one sender at a time."""

from __future__ import annotations

import uuid

from sqlalchemy import Connection, insert

from app.tables.journal import Notice


def add(tx: Connection, booking_id: uuid.UUID, kind: str, sequence: int) -> uuid.UUID:
    """Queue a notice in the booking's own transaction; its id."""
    notice_id = uuid.uuid4()
    tx.execute(insert(Notice).values(id=notice_id, booking_id=booking_id, kind=kind, sequence=sequence))
    return notice_id
