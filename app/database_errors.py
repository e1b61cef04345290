"""What the errors of both drivers mean, translated once at the border where they enter."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.errors import Unavailable

SERIALIZATION_FAILURE, DEADLOCK, LOCK_TIMEOUT = "40001", "40P01", "55P03"
EXCLUSION_VIOLATION, UNIQUE_VIOLATION = "23P01", "23505"
TRANSIENT = {SERIALIZATION_FAILURE, DEADLOCK}
# The session ended or the server was going down: at COMMIT this leaves open whether it was done.
CONNECTION_LOST = ("08", "57P")
SQLITE_BUSY = ("SQLITE_BUSY", "SQLITE_LOCKED")
SQLITE_OUTAGES = ("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_CANTOPEN", "SQLITE_READONLY")


class TransientFailure(Exception):
    """A serialization failure, a deadlock, or a record that changed between our look and our write:
    the whole transaction may be tried again."""


def sqlstate(error: BaseException) -> str | None:
    """The five-character SQLSTATE of a PostgreSQL error, if it has one."""
    return getattr(getattr(error, "orig", None), "sqlstate", None)


def may_have_committed(state: str | None) -> bool:
    """Whether the session ended before the server's answer to COMMIT, or with it."""
    return state is None or state.startswith(CONNECTION_LOST)


@contextmanager
def translated() -> Iterator[None]:
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
    """Classes 08 connection, 53 disk or memory full, 57 shutdown or cancelled; 25P03 idle too long, 25P04 a
    transaction that took too long."""
    if is_sqlite_error(error):
        return _sqlite_code(error).startswith(SQLITE_OUTAGES)
    if state is None:
        return isinstance(error, OperationalError)
    return state.startswith(("08", "53", "57", "25P03", "25P04"))


def is_sqlite_error(error: DBAPIError) -> bool:
    return type(error.orig).__module__.startswith("sqlite3")


def _is_sqlite_busy(error: DBAPIError) -> bool:
    return _sqlite_code(error).startswith(SQLITE_BUSY)


def _sqlite_code(error: DBAPIError) -> str:
    """Such as SQLITE_IOERR_WRITE; empty for other databases."""
    return str(getattr(error.orig, "sqlite_errorname", ""))
