"""How connections to each database are made and kept."""

from __future__ import annotations

import select
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg.pq import ConnStatus
from sqlalchemy import Engine, create_engine, event

# A node frozen inside its transaction must not keep a slot: the server ends it (reliability F13). When it
# does not read a long answer, the server hangs in writing, which only the kernel's limit interrupts.
SESSION_SETTINGS = (
    "-c timezone=UTC -c lock_timeout=2s -c statement_timeout=5s -c idle_in_transaction_session_timeout=5s"
    " -c tcp_user_timeout=5s"
)

#: Between statements that were sent together the server does not call a frozen session idle, so while they
#: are under way the transaction as a whole is limited; in milliseconds.
TOGETHER_MS = 5000
#: Servers before this one have no limit for a transaction.
LIMITS_TRANSACTIONS = 170_000


@contextmanager
def sent_together(driver: psycopg.Connection[Any]) -> Iterator[None]:
    """Within the block statements go to the server without waiting for the answers to those before, where
    that is safe: a node that froze between two of them would keep its rows for as long as it sleeps."""
    if not psycopg.Pipeline.is_supported() or driver.info.server_version < LIMITS_TRANSACTIONS:
        yield
        return
    with driver.pipeline():
        driver.execute(f"SET LOCAL transaction_timeout = {TOGETHER_MS:d}")
        yield


def postgres_engine(url: str, pool_size: int) -> Engine:
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=3,
        pool_pre_ping=True,
        pool_recycle=1800,
        isolation_level="READ COMMITTED",
        connect_args={
            "options": SESSION_SETTINGS,
            "connect_timeout": 3,
            "tcp_user_timeout": 5000,
            # A server that vanished while it worked on a query sends nothing for us to miss.
            "keepalives_idle": 3,
            "keepalives_interval": 1,
            "keepalives_count": 3,
            "application_name": "oneslot",
        },
    )
    ask = engine.dialect.do_ping
    engine.dialect.do_ping = lambda wire: _is_silent(wire) or ask(wire)  # type: ignore[assignment]
    return engine


def _is_silent(connection: Any) -> bool:
    """Whether the server said nothing since the last answer, so that the connection is open. It is not asked:
    a question would cost as much as most statements, and a server that hangs leaves both unanswered. One that
    speaks unasked has most often said its last words, and its end may still be under way."""
    if connection.pgconn.status != ConnStatus.OK:
        return False
    watch = select.poll()
    watch.register(connection.pgconn.socket, select.POLLIN)
    return not watch.poll(0)


def sqlite_engine(url: str) -> Engine:
    Path(url.removeprefix("sqlite:///")).absolute().parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        url, connect_args={"check_same_thread": False, "timeout": 5}, pool_size=5, max_overflow=20
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we say BEGIN IMMEDIATE ourselves
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=5000"):
            connection.execute(f"PRAGMA {pragma}")
        # SQLite's own knows ASCII alone; a search for "öz" must find "Özlem" there too.
        connection.create_function("lower", 1, _lower, deterministic=True)

    return engine


def _lower(text: str | None) -> str | None:
    return None if text is None else text.lower()
