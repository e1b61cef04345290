"""Statements that go to PostgreSQL past SQLAlchemy, for the few asked thousands of times a second."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, LiteralString

import psycopg
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from app.engines import sent_together

Said = tuple[LiteralString, Mapping[str, Any]]


def ask_first(
    tx: Connection, statement: LiteralString, values: Mapping[str, Any], before: Sequence[Said] = ()
) -> list[tuple[Any, ...]]:
    """The rows of the first statement of a transaction, whose BEGIN, and what is said before it, go with it
    in one round trip."""
    driver = tx.connection.driver_connection
    if not isinstance(driver, psycopg.Connection):
        raise AssertionError("only PostgreSQL is asked directly")
    tx.begin()
    try:
        with sent_together(driver):
            for said, its_values in before:
                driver.execute(said, its_values)
            return driver.execute(statement, values).fetchall()
    except psycopg.Error as error:
        raise DBAPIError.instance(statement, None, error, psycopg.Error) from error


def ask(tx: Connection, statement: LiteralString, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """The rows of a later statement of a transaction."""
    driver = tx.connection.driver_connection
    if not isinstance(driver, psycopg.Connection):
        raise AssertionError("only PostgreSQL is asked directly")
    try:
        return driver.execute(statement, values).fetchall()
    except psycopg.Error as error:
        raise DBAPIError.instance(statement, None, error, psycopg.Error) from error
