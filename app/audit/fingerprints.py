"""One number for all that the audit says of a booking: whoever kept it sees if anything was changed since."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass

import orjson
from sqlalchemy import Connection, select

from app.tables.journal import AuditEntry

COLUMNS = tuple(AuditEntry.__table__.columns)


@dataclass(frozen=True)
class Fingerprint:
    entries: int
    sha256: str


def of_booking(connection: Connection, booking_id: uuid.UUID) -> Fingerprint:
    """Of every entry about the booking, each with all of its fields."""
    query = select(*COLUMNS).where(AuditEntry.booking_id == booking_id)
    rows = connection.execute(query.order_by(AuditEntry.at, AuditEntry.id)).all()
    told = orjson.dumps([row._asdict() for row in rows], option=orjson.OPT_SORT_KEYS)
    return Fingerprint(len(rows), hashlib.sha256(told).hexdigest())
