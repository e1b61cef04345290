"""The connection to the truth: PostgreSQL, or SQLite as the last embedded fallback.

Statements are SQLAlchemy Core over the declarative tables, so both databases run the same text;
db_now() is the one clock that decides holds."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, Connection, DateTime, Dialect, Integer
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.schema import MetaData
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator

from app.commits import Last, Result, commit, commit_with
from app.database_errors import TransientFailure as TransientFailure
from app.database_errors import translated
from app.engines import postgres_engine, sqlite_engine
from app.errors import Unavailable
from app.fair_semaphore import FairSemaphore
from app.pipelines import Pipelines
from app.sealing import Keyring

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
MOST_ATTEMPTS = 8
#: Of a process' connections: the others are for reads, which hold one for a round trip.
WRITERS_SHARE = 0.7
LONGEST_WAIT_TO_WRITE_SECONDS = 5.0
#: Connections for pipelines, which batches use: one at a time for each kind of them.
LINES = 4


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)


BigId = BigInteger().with_variant(Integer, "sqlite")


class UtcDateTime(TypeDecorator[datetime]):
    """An instant: timestamptz in PostgreSQL, sortable UTC text in SQLite; aware UTC in Python."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime is not an instant")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class db_now(FunctionElement[datetime]):  # noqa: N801 - reads as the SQL function it is
    """The database's clock at this moment, plus optional seconds.

    Not now(), which is the transaction's start: a transaction that waited for a lock would see
    a lapsed hold as live."""

    type = UtcDateTime()
    name = "db_now"
    inherit_cache = True


@compiles(db_now, "postgresql")
def _postgres_now(element: db_now, compiler: Any, **kw: Any) -> str:
    if not len(element.clauses):
        return "clock_timestamp()"
    return f"(clock_timestamp() + make_interval(secs => {compiler.process(element.clauses, **kw)}))"


@compiles(db_now, "sqlite")
def _sqlite_now(element: db_now, compiler: Any, **kw: Any) -> str:
    if not len(element.clauses):
        return "strftime('%Y-%m-%d %H:%M:%f000', 'now')"
    # In brackets: SQLite's || binds closer than an operator between the numbers.
    seconds = compiler.process(element.clauses, **kw)
    return f"strftime('%Y-%m-%d %H:%M:%f000', 'now', ({seconds}) || ' seconds')"


class Database:
    """Opens transactions. One per process; dispose() after a fork."""

    def __init__(self, url: str, pool_size: int = 20, keyring: Keyring | None = None) -> None:
        self.url = url
        self.is_sqlite = url.startswith("sqlite")
        # SQLite has one writer; waiting for it inside the driver would stop every greenlet of the process.
        writers = 1 if self.is_sqlite else max(int(pool_size * WRITERS_SHARE), 2)
        self._writers = FairSemaphore(writers)
        self.engine = sqlite_engine(url) if self.is_sqlite else postgres_engine(url, pool_size)
        self._pipelines = None if self.is_sqlite else Pipelines(postgres_engine(url, LINES))
        # Sealed columns find their keys here: one process may have several databases open.
        self.engine.dialect.keyring = keyring  # type: ignore[attr-defined]

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection for reading; each statement sees what is committed when it starts."""
        with translated(), self.engine.connect() as connection:
            if not self.is_sqlite:
                connection = connection.execution_options(isolation_level="AUTOCOMMIT")
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """A connection for reading whose statements all see the same moment."""
        with translated(), self.engine.connect() as connection:
            if self.is_sqlite:
                connection.exec_driver_sql("BEGIN")
            else:
                connection = connection.execution_options(isolation_level="REPEATABLE READ")
            try:
                yield connection
            finally:
                connection.rollback()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One READ COMMITTED transaction (BEGIN IMMEDIATE in SQLite), committed at the end of the block.

        Raises Unavailable when the database cannot be reached, OutcomeUnknown when the reply to
        COMMIT was lost."""
        with self._open() as connection:
            yield connection
            commit(connection)

    @contextmanager
    def _open(self) -> Iterator[Connection]:
        """A transaction for somebody who commits it."""
        with translated(), self._turn_to_write(), self.engine.connect() as connection:
            if self.is_sqlite:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.rollback()
                raise

    @contextmanager
    def _turn_to_write(self) -> Iterator[None]:
        if not self._writers.acquire(timeout=LONGEST_WAIT_TO_WRITE_SECONDS):
            raise Unavailable("Too many requests want to save something at once.")
        try:
            yield
        finally:
            self._writers.release()

    def run(
        self,
        work: Callable[[Connection], Result],
        last: Last[Result] | None = None,
        attempts: int = MOST_ATTEMPTS,
    ) -> Result:
        """work in a transaction, all of it again after a serialization failure or a deadlock.

        What `last` writes goes to the server together with the COMMIT, so that whoever waits for it waits for
        the server alone and not for us. It reads nothing; what it returns is called after the commit.

        Raises Unavailable after so many attempts; nothing was changed then."""
        for attempt in range(attempts):
            try:
                with self._open() as tx:
                    result = work(tx)
                    if last is None:
                        commit(tx)
                    else:
                        commit_with(tx, result, last)
                    return result
            except TransientFailure:
                if attempt + 1 < attempts:
                    time.sleep(random.uniform(0.005, 0.02 * 2**attempt))  # noqa: S311 - jitter, no secret
        raise Unavailable("Too many requests changed the same record. Please try again.")

    @property
    def pipelines(self) -> Pipelines:
        """For those who can_share()."""
        if self._pipelines is None:
            raise AssertionError("SQLite has no pipelines")
        return self._pipelines

    def dispose(self) -> None:
        self.engine.dispose()
        if self._pipelines:
            self._pipelines.dispose()


def can_share(database: Database) -> bool:
    """Whether several requests can share a transaction: they can on PostgreSQL."""
    return not database.is_sqlite
