"""A web node inside the test process, on each database."""

from collections.abc import Callable, Iterator

import pytest
from apiflask import APIFlask
from flask import request, request_started
from flask.testing import FlaskClient

from app import create_app
from app.accounts.actions import NewAccount, add_account
from app.accounts.principals import Role
from app.config import Config
from app.web.parts import EXTENSION
from tests.quick_routes import remember_routes
from tests.web.sample import sample_blueprint

remember_routes()
PASSWORD = "correct horse battery"


def make_app(database_url: str, redis_url: str = "redis://127.0.0.1:1/0", **settings: str) -> APIFlask:
    """A node; by default its Redis does not exist."""
    environment = {"APP_ENV": "test", "NODE_ID": "node-7", "LOG_LEVEL": "error", **settings}
    return create_app(Config.from_env({**environment, "DATABASE_URL": database_url, "REDIS_URL": redis_url}))


@pytest.fixture
def app(database_url: str) -> Iterator[APIFlask]:
    app = make_app(database_url)
    yield app
    app.extensions[EXTENSION].database.dispose()


@pytest.fixture
def client(app: APIFlask) -> FlaskClient:
    return app.test_client()


def log_in_as(app: APIFlask, client: FlaskClient, role: str) -> dict[str, str]:
    """The header of a fresh login with that role."""
    parts = app.extensions[EXTENSION]
    hashed = parts.passwords.hash(PASSWORD)
    account = NewAccount(f"{role}@example.org", role.title(), hashed, Role(role), all_doctors=role == "staff")
    parts.database.run(lambda tx: add_account(tx, account))
    login = client.post("/api/auth/login", json={"email": account.email, "password": PASSWORD})
    return {"Authorization": f"Bearer {login.json['data']['token']}"}


@pytest.fixture
def bearer(app: APIFlask, client: FlaskClient) -> Callable[[str], dict[str, str]]:
    """bearer("admin") gives the header of a fresh login with that role."""
    return lambda role: log_in_as(app, client, role)


@pytest.fixture
def flask_calls(app: APIFlask) -> Iterator[list[str]]:
    """The paths that came through to the application."""
    seen: list[str] = []

    def note(_app: APIFlask, **_told: object) -> None:
        seen.append(request.path)

    request_started.connect(note, app)
    yield seen
    request_started.disconnect(note, app)


@pytest.fixture
def raised() -> list[Exception]:
    """What /api/sample/fail raises."""
    return []


@pytest.fixture
def sample_app(sqlite_url: str, raised: list[Exception]) -> Iterator[APIFlask]:
    """A node with the sample resource; what these tests are about needs no second database."""
    app = make_app(sqlite_url)
    app.register_blueprint(sample_blueprint(raised))
    yield app
    app.extensions[EXTENSION].database.dispose()


@pytest.fixture
def sample(sample_app: APIFlask) -> FlaskClient:
    return sample_app.test_client()
