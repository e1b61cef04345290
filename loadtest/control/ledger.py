"""Check, then write: right in one exclusive transaction, wrong without it. That transaction is the guard."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent

#: What lies between a check and its write anywhere but in one process: a round trip to a database.
ROUND_TRIP_SECONDS = 0.005


class Refused(Exception):
    """The action does not apply; carries the answer."""

    def __init__(self, status: int, code: str, detail: str, **extras: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.answer = {"code": code, "detail": detail, **extras}


class Ledger:
    """A scratch SQLite database, with or without its guard."""

    def __init__(self, path: Path, *, is_guarded: bool) -> None:
        self._path = path
        self.is_guarded = is_guarded
        self._local = threading.local()
        self._opened: list[sqlite3.Connection] = []
        with self.connection() as db:
            db.executescript((HERE / "schema.sql").read_text(encoding="utf-8"))
            if is_guarded:
                db.executescript((HERE / "guard.sql").read_text(encoding="utf-8"))

    def connection(self) -> sqlite3.Connection:
        """This thread's connection."""
        if not hasattr(self._local, "db"):
            db = sqlite3.connect(self._path, timeout=15, isolation_level=None, check_same_thread=False)
            db.row_factory = sqlite3.Row
            db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;")
            self._local.db = db
            self._opened.append(db)
        connection: sqlite3.Connection = self._local.db
        return connection

    def close(self) -> None:
        """Closes every thread's connection; call it when no request is running."""
        for db in self._opened:
            db.close()

    @contextmanager
    def action(self) -> Iterator[sqlite3.Connection]:
        """One exclusive transaction; without the guard every statement stands alone."""
        db = self.connection()
        if not self.is_guarded:
            yield db
            return
        db.execute("BEGIN IMMEDIATE")
        try:
            yield db
        except BaseException:
            db.execute("ROLLBACK")
            raise
        db.execute("COMMIT")

    def between_check_and_write(self) -> None:
        """Inside the transaction nobody can come between; without it this is where they do."""
        if not self.is_guarded:
            time.sleep(ROUND_TRIP_SECONDS)

    def once(
        self, key: str | None, request: str, act: Callable[[sqlite3.Connection], Any]
    ) -> tuple[int, Any, bool]:
        """Acts once per key: status, answer, and whether it is a replay."""
        with self.action() as db:
            stored = db.execute("SELECT * FROM idempotency WHERE key = ?", (key,)).fetchone()
            if stored is not None:
                return _replay(stored, request)
            self.between_check_and_write()
            status, answer = _settle(act, db)
            if key is not None:
                db.execute(
                    "INSERT INTO idempotency VALUES (?, ?, ?, ?)", (key, request, status, json.dumps(answer))
                )
            return status, answer, False


def _settle(act: Callable[[sqlite3.Connection], Any], db: sqlite3.Connection) -> tuple[int, Any]:
    try:
        return 201, act(db)
    except Refused as refused:
        return refused.status, refused.answer


def _replay(stored: sqlite3.Row, request: str) -> tuple[int, Any, bool]:
    if stored["request"] != request:
        return (
            422,
            {"code": "IDEMPOTENCY_KEY_REUSED", "detail": "This key belongs to another request."},
            False,
        )
    return stored["status"], json.loads(stored["answer"]), True
