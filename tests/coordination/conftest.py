"""Databases and Redis clients for the tests of coordination, closed afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from redis import Redis

from app.clock import ManualClock
from app.coordination.connection import connect_redis
from app.database import Database
from tests.keys import KEYRING


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2030, 1, 7, 9, tzinfo=UTC))


@pytest.fixture
def connect() -> Iterator[Callable[[str], Redis]]:
    """Clients as the product makes them."""
    clients: list[Redis] = []

    def open_client(url: str) -> Redis:
        clients.append(connect_redis(url))
        return clients[-1]

    yield open_client
    for client in clients:
        client.close()


@pytest.fixture
def open_database() -> Iterator[Callable[[str], Database]]:
    databases: list[Database] = []

    def open_one(url: str) -> Database:
        databases.append(Database(url, keyring=KEYRING))
        return databases[-1]

    yield open_one
    for database in databases:
        database.dispose()


@pytest.fixture
def database(open_database: Callable[[str], Database], database_url: str) -> Database:
    return open_database(database_url)
