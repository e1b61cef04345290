"""How a transaction ends: its last statements and the COMMIT go to the server together where that can be.

Whoever waits for what they write waits for the server then, never for a busy node to come back to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, LiteralString, TypeVar

import psycopg
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, OperationalError

from app.database_errors import is_sqlite_error, may_have_committed, sqlstate
from app.engines import sent_together
from app.errors import OutcomeUnknown
from app.round_trips import COMMIT, Line, Rows, Said, limit

Result = TypeVar("Result")
#: What sends ahead, and says what to do after the commit.
Last = Callable[[Connection, Result], Callable[[], object]]
#: Where a transaction keeps what is to go with its COMMIT.
AHEAD = "oneslot.ahead"


@dataclass
class Ahead:
    """A statement that goes with the COMMIT, and its rows afterwards."""

    said: Said
    rows: Rows = field(default_factory=list)


def send_ahead(tx: Connection, statement: LiteralString, values: Mapping[str, str]) -> Ahead | None:
    """Have a statement sent together with the COMMIT; None on SQLite. For `last` of Database.run()."""
    sent: list[Ahead] | None = tx.info.get(AHEAD)
    if sent is None:
        return None
    sent.append(Ahead((statement, values)))
    return sent[-1]


def commit(connection: Connection) -> None:
    """Raises OutcomeUnknown when the reply was lost."""
    try:
        connection.commit()
    except OperationalError as error:
        if not is_sqlite_error(error) and may_have_committed(sqlstate(error)):
            raise OutcomeUnknown("The connection to the database broke while saving.") from error
        raise


def commit_with(tx: Connection, result: Result, last: Last[Result]) -> None:
    """What `last` sends ahead and the COMMIT, together; then what it returned is called."""
    driver = tx.connection.driver_connection
    if not isinstance(driver, psycopg.Connection):
        landed = last(tx, result)
        commit(tx)
    else:
        sent = tx.info[AHEAD] = list[Ahead]()
        try:
            landed = last(tx, result)
        finally:
            del tx.info[AHEAD]
        _commit_together(tx, driver, sent)
    landed()


def _commit_together(tx: Connection, driver: psycopg.Connection[Any], sent: Sequence[Ahead]) -> None:
    """In one write: everybody else at a stream waits from its statement to the COMMIT."""
    line = Line(driver, is_shared=True)
    before = [limit()] if line.sends_together else []
    try:
        rows = line.exchange([*before, *(each.said for each in sent), COMMIT])
    except psycopg.Error as error:
        with suppress(psycopg.Error):
            driver.rollback()
        if not line.is_idle:  # it hangs, or is in the midst of an answer
            tx.invalidate()
        failed = DBAPIError.instance(None, None, error, psycopg.Error)
        if isinstance(failed, OperationalError) and may_have_committed(sqlstate(failed)):
            raise OutcomeUnknown("The connection to the database broke while saving.") from error
        raise failed from error
    for each, its_rows in zip(sent, rows[len(before) : -1], strict=True):
        each.rows = its_rows
    tx.commit()  # there is nothing left to say, which SQLAlchemy cannot know


@contextmanager
def sent_as_one(tx: Connection) -> Iterator[None]:
    """Statements without rows, which go to the server in one round trip where that can be; what it refuses is
    raised at the end of the block. From here on the transaction is limited, see engines.py."""
    driver = tx.connection.driver_connection
    if not isinstance(driver, psycopg.Connection):
        yield
        return
    try:
        with sent_together(driver):
            yield
    except psycopg.Error as error:
        raise DBAPIError.instance(None, None, error, psycopg.Error) from error
