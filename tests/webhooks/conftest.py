from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from app.web.parts import EXTENSION
from tests.web.conftest import make_app
from tests.webhooks.office import Office


@pytest.fixture
def office(database_url: str) -> Iterator[Office]:
    """A product on each database whose leader works when the test says so."""
    with _open(database_url) as office:
        yield office


@pytest.fixture
def postgres_office(postgres_url: str) -> Iterator[Office]:
    with _open(postgres_url) as office:
        yield office


@contextmanager
def _open(url: str) -> Iterator[Office]:
    app = make_app(url, OUTGOING_ALLOWED="127.0.0.1", OUTGOING_HTTP="true")
    with ExitStack() as doors:
        yield Office.of(app, doors)
    app.extensions[EXTENSION].database.dispose()
