"""Statements that go to PostgreSQL past SQLAlchemy, for the few asked thousands of times a second."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, LiteralString

import psycopg
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError


def ask_first(tx: Connection, statement: LiteralString, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """The rows of the first statement of a transaction, whose BEGIN goes with it in one round trip."""
    driver = tx.connection.driver_connection
    if not isinstance(driver, psycopg.Connection):
        raise AssertionError("only PostgreSQL is asked directly")
    tx.begin()
    try:
        with driver.pipeline():
            return driver.execute(statement, values).fetchall()
    except psycopg.Error as error:
        raise DBAPIError.instance(statement, None, error, psycopg.Error) from error
