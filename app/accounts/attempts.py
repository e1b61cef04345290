"""Counting tries in the database: right on every node, without Redis, and before the costly work is done."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, case, delete, update
from sqlalchemy.dialects import postgresql, sqlite

from app.database import Database, db_now
from app.errors import TooManyRequests
from app.tables.accounts import Attempt


@dataclass(frozen=True)
class Allowance:
    """So many tries within so many seconds, under a name."""

    name: str
    most: int
    window_seconds: int


def charge(database: Database, allowances: Sequence[Allowance]) -> None:
    """Count one try under each. Raises TooManyRequests, saying when the next one counts."""
    in_order = sorted(allowances, key=lambda allowance: allowance.name)
    waits = database.run(lambda tx: [_charge(tx, allowance) for allowance in in_order])
    if wait := max(waits, default=0):
        raise TooManyRequests.after(wait, "Too many attempts.")


def forgive(tx: Connection, *, wholly: str, once: str) -> None:
    """The try was right: forget those under the first name, take one back under the second."""
    tx.execute(delete(Attempt).where(Attempt.name == wholly))
    tx.execute(update(Attempt).where(Attempt.name == once, Attempt.count > 0).values(count=Attempt.count - 1))


def _charge(tx: Connection, allowance: Allowance) -> int:
    """Seconds to wait; 0 when this try is within what is allowed."""
    is_over = Attempt.since <= db_now(-allowance.window_seconds)
    statement = (postgresql if tx.dialect.name == "postgresql" else sqlite).insert(Attempt)
    row = tx.execute(
        statement.values(name=allowance.name, count=1, since=db_now())
        .on_conflict_do_update(
            index_elements=["name"],
            set_={
                "count": case((is_over, 1), else_=Attempt.count + 1),
                "since": case((is_over, db_now()), else_=Attempt.since),
            },
        )
        .returning(Attempt.count.label("tries"), Attempt.since, db_now().label("now"))
    ).one()
    if row.tries <= allowance.most:
        return 0
    left: float = allowance.window_seconds - (row.now - row.since).total_seconds()
    return max(1, math.ceil(left))
