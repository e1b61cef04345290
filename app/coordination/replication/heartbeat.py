"""A row each second through the whole path: how old a replica is, is measured by it and not assumed.

It is published and applied after everything that was committed before it. So a replica that has the one of
10:00:00 has everything until 10:00:00, in all streams."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from app.coordination import outbox
from app.coordination.leadership import Term, require_term
from app.coordination.outbox import HEARTBEAT_STREAM
from app.database import Database, db_now

#: So that "today" of every time zone is whole, and nothing that still goes on is missing.
KEPT = timedelta(days=2)


def beat(database: Database, term: Term) -> int:
    """Write the next heartbeat; its number. Raises Deposed when the term has ended."""

    def write(tx: Connection) -> int:
        require_term(tx, term)
        now: datetime = tx.execute(select(db_now())).scalar_one()
        content = {"at": now.isoformat(), "horizon": horizon(now).isoformat()}
        return outbox.append(tx, HEARTBEAT_STREAM, "heartbeat", content)

    return database.run(write)


def horizon(now: datetime) -> datetime:
    """Slots that started before it are nobody's choice any more. Moves once a day."""
    return now.replace(hour=0, minute=0, second=0, microsecond=0) - KEPT
