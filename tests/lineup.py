"""Puts actions into one order: each reads what it reads, then waits for the same row (PostgreSQL)."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sqlalchemy import Connection, Select, text

from app.database import Database
from tests.servers import eventually
from tests.together import Outcome, outcome_of

WAITING = text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


def line_up(
    database: Database,
    row: Select[Any],
    *actions: Callable[[], Any],
    before_they_go_on: Callable[[Connection], Any] = lambda tx: None,
) -> list[Outcome]:
    """How each ended; the row is given free when all of them stand in line, in this order."""
    running = []
    with ThreadPoolExecutor(len(actions)) as pool:
        with database.transaction() as tx:
            tx.execute(row.with_for_update()).one()
            for action in actions:
                running.append(pool.submit(outcome_of, action))
                eventually(lambda: _waiting(database) == len(running), 2, f"wait number {len(running)}")
            before_they_go_on(tx)
        return [future.result() for future in running]


def is_waiting(database: Database) -> bool:
    """Whether anybody waits for a lock in this database."""
    return _waiting(database) > 0


def _waiting(database: Database) -> int:
    with database.read() as connection:
        return int(connection.execute(WAITING).scalar_one())
