"""Where a doctor has room for slots, and putting them there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, and_, select, text
from sqlalchemy.dialects import postgresql, sqlite

from app.database import db_now
from app.directory.closing import SLOT_COLUMNS
from app.directory.spans import Span
from app.tables.booking import Slot, SlotState

#: No slot is longer: a whole clinic day, even the one on which clocks go back. Lets an index on the
#: start find everything that reaches into a span.
LONGEST_SLOT = timedelta(hours=25)
#: Stepped aside for an appointment: it comes back when that is cancelled, so its time is not free.
STEPPED_ASIDE = "stepped_aside"
#: Spelled as in the partial index, since a bound value would not match it.
NOT_BLOCKED = text("slots.state <> 'BLOCKED'")


def read_now(connection: Connection) -> datetime:
    """The database's clock, the one that decides what is past."""
    now: datetime = connection.execute(select(db_now())).scalar_one()
    return now


def spans_in_the_way(connection: Connection, doctor_id: int, span: Span) -> list[Span]:
    """The slots of the doctor that reach into the span, by start; they need not be disjoint."""
    reaching_in = and_(
        Slot.doctor_id == doctor_id,
        Slot.starts_at > span.starts_at - LONGEST_SLOT,
        Slot.starts_at < span.ends_at,
        Slot.ends_at > span.starts_at,
    )
    offered = select(Slot.starts_at, Slot.ends_at).where(reaching_in, NOT_BLOCKED)
    waiting = select(Slot.starts_at, Slot.ends_at).where(reaching_in, Slot.block_reason == STEPPED_ASIDE)
    return sorted(Span(*row) for row in connection.execute(offered.union_all(waiting)))


def insert_slots(tx: Connection, doctor_id: int, spans: Sequence[Span]) -> Sequence[Row[Any]]:
    """Insert open slots; one that meets another slot is left out, by constraint. What was inserted."""
    if not spans:
        return []
    dialect = postgresql if tx.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(Slot).on_conflict_do_nothing().returning(*SLOT_COLUMNS)
    rows = [
        {"doctor_id": doctor_id, "starts_at": s.starts_at, "ends_at": s.ends_at, "state": SlotState.OPEN}
        for s in spans
    ]
    return tx.execute(statement, rows).all()
