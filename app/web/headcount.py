"""How many nodes share the work, near enough to divide a limit by."""

from __future__ import annotations

import threading

from sqlalchemy import func, select

from app.clock import Clock
from app.database import Database, db_now
from app.errors import Unavailable
from app.tables.leadership import Node

REMEMBERED_SECONDS = 30.0
HEARD_WITHIN_SECONDS = 15


class Headcount:
    """Thread-safe. While the database is away, what was counted last."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._lock = threading.Lock()
        self._counted = 1
        self._look_again = 0.0

    def __call__(self) -> int:
        with self._lock:
            if self._clock.elapsed() < self._look_again:
                return self._counted
            self._look_again = self._clock.elapsed() + REMEMBERED_SECONDS
        try:
            with self._database.read() as connection:
                heard = select(func.count()).where(Node.last_heartbeat > db_now(-HEARD_WITHIN_SECONDS))
                self._counted = max(1, connection.execute(heard).scalar_one())
        except Unavailable:
            pass
        return self._counted
