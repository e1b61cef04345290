"""Fixtures: real servers, started once per test process, fresh data for every test.

postgres_url, sqlite_url   a migrated database of the test's own; database_url runs a test on both
empty_postgres_url, ...    the same without tables, for tests of migrations
redis_url                  an emptied Valkey; own_redis is one that a test may kill or freeze
smtp_sink                  a mail server whose messages the test can read
"""

import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.lent_databases import LentDatabases
from tests.scheduling import Scheduling
from tests.servers import (
    RunningRedis,
    SmtpSink,
    run_python_module,
    running_postgres,
    running_redis,
    running_smtp_sink,
)
from worker.stack.postgres import PostgresServer

_TEMPLATE = "migrated"
_numbers = itertools.count(1)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduling:
    return Scheduling(config, log)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def _migrated_postgres(postgres_server: PostgresServer) -> PostgresServer:
    """Migrations run once; each test's database began as a copy of the result."""
    run_python_module("app.migrate", DATABASE_URL=postgres_server.create_database(_TEMPLATE))
    return postgres_server


@pytest.fixture(scope="session")
def _lent_databases(_migrated_postgres: PostgresServer) -> LentDatabases:
    return LentDatabases(_migrated_postgres, _TEMPLATE)


@pytest.fixture(scope="session")
def _migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("sqlite") / "migrated.sqlite3"
    run_python_module("app.migrate", DATABASE_URL=f"sqlite:///{file}")
    return file


@pytest.fixture
def empty_postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    name = f"empty_{next(_numbers)}"
    yield postgres_server.create_database(name)
    postgres_server.drop_database(name)


@pytest.fixture
def postgres_url(postgres_server: PostgresServer, _lent_databases: LentDatabases) -> Iterator[str]:
    name = _lent_databases.lend()
    yield postgres_server.url(name)
    _lent_databases.take_back(name)


@pytest.fixture
def empty_sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/empty.sqlite3"


@pytest.fixture
def sqlite_url(_migrated_sqlite: Path, tmp_path: Path) -> str:
    file = tmp_path / "oneslot.sqlite3"
    shutil.copy(_migrated_sqlite, file)
    return f"sqlite:///{file}"


@pytest.fixture(params=["postgresql", "sqlite"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The test runs once on each database."""
    return request.getfixturevalue("postgres_url" if request.param == "postgresql" else "sqlite_url")


@pytest.fixture(params=["postgresql", "sqlite"])
def empty_database_url(request: pytest.FixtureRequest) -> str:
    return request.getfixturevalue(
        "empty_postgres_url" if request.param == "postgresql" else "empty_sqlite_url"
    )


@pytest.fixture(scope="session")
def _redis_server() -> Iterator[RunningRedis]:
    with running_redis() as running:
        yield running


@pytest.fixture
def redis_url(_redis_server: RunningRedis) -> str:
    with redis.Redis.from_url(_redis_server.url) as client:
        client.flushall()
    return _redis_server.url


@pytest.fixture
def own_redis() -> Iterator[RunningRedis]:
    with running_redis() as running:
        yield running


@pytest.fixture
def smtp_sink() -> Iterator[SmtpSink]:
    with running_smtp_sink() as sink:
        yield sink
