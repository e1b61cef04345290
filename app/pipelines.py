"""Transactions of very few round trips (see round_trips.py), over connections that nothing else uses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import LiteralString

import psycopg
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError, OperationalError

from app.database_errors import may_have_committed, sqlstate, translated
from app.errors import OutcomeUnknown
from app.round_trips import COMMIT, Line, Rows, Said, limit

BEGIN: Said = ("BEGIN ISOLATION LEVEL READ COMMITTED", {})


class Pipelines:
    """One per process; dispose() after a fork."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def ask(self, statement: LiteralString, values: Mapping[str, str]) -> Rows:
        """The rows of a statement that is a transaction by itself.

        Raises Unavailable, or DBAPIError with what the server said; whether it was done is not known then."""
        with self._line() as line:
            (rows,) = line.exchange([(statement, values)])
            return rows

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """One READ COMMITTED transaction; undone at the end of the block unless it was committed.

        Raises Unavailable, TransientFailure, and what else the server said as DBAPIError."""
        with self._line() as line:
            yield Transaction(line)

    def dispose(self) -> None:
        self._engine.dispose()

    @contextmanager
    def _line(self) -> Iterator[Line]:
        """A connection at rest, which is not used again unless it is at rest afterwards."""
        with translated(), _as_sqlalchemy_has_them():
            borrowed = self._engine.raw_connection()
            line: Line = borrowed.info.get("line") or Line(_driver(borrowed.driver_connection))
            borrowed.info["line"] = line
            try:
                yield line
            finally:
                if line.is_idle:
                    borrowed.close()
                else:
                    borrowed.invalidate()


class Transaction:
    """A round trip for each ask() and one for commit()."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._before = [BEGIN, *([limit()] if line.sends_together else [])]

    def ask(self, *said: Said) -> Rows:
        """The rows of the last statement. BEGIN goes with the first."""
        before, self._before = self._before, []
        return self._line.exchange([*before, *said])[-1]

    def commit(self, *said: Said) -> Rows:
        """The rows of the last statement, with which the COMMIT goes: whoever waits for what it writes waits
        for the server alone, and not for us.

        Raises OutcomeUnknown when the reply to COMMIT was lost."""
        try:
            with _as_sqlalchemy_has_them():
                *rows, _ = self._line.exchange([*said, COMMIT])
        except OperationalError as error:
            if may_have_committed(sqlstate(error)):
                raise OutcomeUnknown("The connection to the database broke while saving.") from error
            raise
        return rows[-1] if rows else []


def _driver(connection: object) -> psycopg.Connection:
    if not isinstance(connection, psycopg.Connection):
        raise AssertionError("only PostgreSQL is told by libpq")
    return connection


@contextmanager
def _as_sqlalchemy_has_them() -> Iterator[None]:
    """The driver's errors."""
    try:
        yield
    except psycopg.Error as error:
        raise DBAPIError.instance(None, None, error, psycopg.Error) from error
