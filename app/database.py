"""The connection to the truth: PostgreSQL, or SQLite as the last embedded fallback.

Statements are SQLAlchemy Core over the declarative tables, so both databases run the same text;
db_now() is the one clock that decides holds."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any, LiteralString, TypeVar

import psycopg
from psycopg import Cursor
from psycopg.pq import PipelineStatus
from sqlalchemy import BigInteger, Connection, DateTime, Dialect, Integer
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.schema import MetaData
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator

from app.engines import postgres_engine, sqlite_engine
from app.errors import OutcomeUnknown, Unavailable
from app.sealing import Keyring

Result = TypeVar("Result")
Last = Callable[[Connection, Result], Callable[[], object]]

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
SERIALIZATION_FAILURE, DEADLOCK, LOCK_TIMEOUT = "40001", "40P01", "55P03"
EXCLUSION_VIOLATION, UNIQUE_VIOLATION = "23P01", "23505"
TRANSIENT = {SERIALIZATION_FAILURE, DEADLOCK}
# The session ended or the server was going down: at COMMIT this leaves open whether it was done.
CONNECTION_LOST = ("08", "57P")
SQLITE_BUSY = ("SQLITE_BUSY", "SQLITE_LOCKED")
SQLITE_OUTAGES = ("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_CANTOPEN", "SQLITE_READONLY")
MOST_ATTEMPTS = 8
#: More transactions of one process at once would only wait for each other's rows, each with a connection.
WRITERS_SHARE = 0.4
LONGEST_WAIT_TO_WRITE_SECONDS = 5.0


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


def sqlstate(error: BaseException) -> str | None:
    """The five-character SQLSTATE of a PostgreSQL error, if it has one."""
    return getattr(getattr(error, "orig", None), "sqlstate", None)


class Database:
    """Opens transactions. One per process; dispose() after a fork."""

    def __init__(self, url: str, pool_size: int = 20, keyring: Keyring | None = None) -> None:
        self.url = url
        self.is_sqlite = url.startswith("sqlite")
        # SQLite has one writer; waiting for it inside the driver would stop every greenlet of the process.
        writers = 1 if self.is_sqlite else max(int(pool_size * WRITERS_SHARE), 2)
        self._writers = threading.BoundedSemaphore(writers)
        self.engine = sqlite_engine(url) if self.is_sqlite else postgres_engine(url, pool_size)
        # Sealed columns find their keys here: one process may have several databases open.
        self.engine.dialect.keyring = keyring  # type: ignore[attr-defined]

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection for reading; each statement sees what is committed when it starts."""
        with _translated(), self.engine.connect() as connection:
            if not self.is_sqlite:
                connection = connection.execution_options(isolation_level="AUTOCOMMIT")
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """A connection for reading whose statements all see the same moment."""
        with _translated(), self.engine.connect() as connection:
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
            _commit(connection)

    @contextmanager
    def _open(self) -> Iterator[Connection]:
        """A transaction for somebody who commits it."""
        with _translated(), self._turn_to_write(), self.engine.connect() as connection:
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
                        _commit(tx)
                    else:
                        _commit_with(tx, result, last)
                    return result
            except TransientFailure:
                if attempt + 1 < attempts:
                    time.sleep(random.uniform(0.005, 0.02 * 2**attempt))  # noqa: S311 - jitter, no secret
        raise Unavailable("Too many requests changed the same record. Please try again.")

    def dispose(self) -> None:
        self.engine.dispose()


def can_share(database: Database) -> bool:
    """Whether several requests can share a transaction: statements can be sent together, to PostgreSQL."""
    return not database.is_sqlite and psycopg.Pipeline.is_supported()


class TransientFailure(Exception):
    """A serialization failure, a deadlock, or a record that changed between our look and our write:
    the whole transaction may be tried again."""


def _commit(connection: Connection) -> None:
    try:
        connection.commit()
    except OperationalError as error:
        if not _is_sqlite_error(error) and _may_have_committed(sqlstate(error)):
            raise OutcomeUnknown("The connection to the database broke while saving.") from error
        raise


def _commit_with(tx: Connection, result: Result, last: Last[Result]) -> None:
    driver = tx.connection.driver_connection
    if not isinstance(driver, psycopg.Connection) or not psycopg.Pipeline.is_supported():
        landed = last(tx, result)
        _commit(tx)
    else:
        try:
            with driver.pipeline():
                landed = last(tx, result)
                _commit(tx)
        except BaseException:
            # A failed COMMIT is the end of the transaction to SQLAlchemy, but not to the server.
            with suppress(psycopg.Error):
                driver.rollback()
            raise
    landed()


def send_ahead(tx: Connection, statement: LiteralString, values: Mapping[str, Any]) -> Cursor[Any] | None:
    """Send a statement without waiting for its answer, which is in the cursor after the commit; None where
    the connection waits for every answer. For `last` of Database.run()."""
    driver = tx.connection.driver_connection
    if not isinstance(driver, psycopg.Connection) or driver.pgconn.pipeline_status == PipelineStatus.OFF:
        return None
    try:
        return driver.execute(statement, values)
    except psycopg.Error as error:  # the answer to an earlier statement, or a broken connection
        raise DBAPIError.instance(statement, None, error, psycopg.Error) from error


def _may_have_committed(state: str | None) -> bool:
    """Whether the session ended before the server's answer to COMMIT, or with it."""
    return state is None or state.startswith(CONNECTION_LOST)


@contextmanager
def _translated() -> Iterator[None]:
    """The driver's errors, once, at the border where they enter."""
    try:
        yield
    except PoolTimeout as error:
        raise Unavailable("All database connections are busy.") from error
    except DBAPIError as error:
        state = sqlstate(error)
        if state in TRANSIENT:
            raise TransientFailure from error
        if state == LOCK_TIMEOUT or _is_sqlite_busy(error):
            raise Unavailable("Another request holds this record. Please try again.") from error
        if error.connection_invalidated or _is_outage(error, state):
            raise Unavailable("The database does not answer.", retry_after_seconds=5) from error
        raise


def _is_outage(error: DBAPIError, state: str | None) -> bool:
    """Classes 08 connection, 53 disk or memory full, 57 shutdown or cancelled; 25P03 idle too long."""
    if _is_sqlite_error(error):
        return _sqlite_code(error).startswith(SQLITE_OUTAGES)
    if state is None:
        return isinstance(error, OperationalError)
    return state.startswith(("08", "53", "57", "25P03"))


def _is_sqlite_error(error: DBAPIError) -> bool:
    return type(error.orig).__module__.startswith("sqlite3")


def _is_sqlite_busy(error: DBAPIError) -> bool:
    return _sqlite_code(error).startswith(SQLITE_BUSY)


def _sqlite_code(error: DBAPIError) -> str:
    """Such as SQLITE_IOERR_WRITE; empty for other databases."""
    return str(getattr(error.orig, "sqlite_errorname", ""))
