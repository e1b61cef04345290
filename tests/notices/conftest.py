from collections.abc import Iterator

import pytest

from app.config import Config
from app.database import Database
from tests.notices.clinic import Clinic


@pytest.fixture
def clinic(database_url: str) -> Iterator[Clinic]:
    """A clinic on each database."""
    database = _open(database_url)
    yield Clinic(database)
    database.dispose()


@pytest.fixture
def postgres_clinic(postgres_url: str) -> Iterator[Clinic]:
    database = _open(postgres_url)
    yield Clinic(database)
    database.dispose()


def _open(url: str) -> Database:
    config = Config.from_env({"APP_ENV": "test", "DATABASE_URL": url})
    return Database(config.database_url, 8, config.keyring)
