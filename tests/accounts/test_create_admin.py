"""The first admin is made by a command."""

import pytest
from sqlalchemy import select

from app.accounts.actions import Accounts, Credentials, Door, NewAccount, add_account, log_in
from app.accounts.addresses import has_address
from app.accounts.passwords import Passwords
from app.accounts.principals import find_principal
from app.audit.journal import Scribe
from app.clock import SystemClock
from app.config import Config
from app.coordination.stamps import Stamper
from app.create_admin import create_admin, main
from app.database import Database
from app.tables import User
from tests.keys import KEYRING

PASSWORD = "correct horse battery"


@pytest.fixture
def config(database_url):
    return Config.from_env({"APP_ENV": "test", "DATABASE_URL": database_url})


@pytest.fixture
def database(database_url):
    database = Database(database_url, keyring=KEYRING)
    yield database
    database.dispose()


@pytest.fixture
def enter(database):
    accounts = Accounts(
        database,
        Passwords(cheap=True),
        Scribe("node-1", Stamper(database, "node-1", "http://127.0.0.1:1", SystemClock())),
    )
    return lambda email, password: log_in(accounts, Credentials(email, password, "a digest"), Door("here"))


def role_of(database, email):
    with database.read() as connection:
        return connection.execute(select(User.role).where(has_address(connection, email))).scalar()


def test_a_new_address_becomes_an_admin_who_can_log_in(config, enter):
    is_new = create_admin(config, "Boss@Example.org", PASSWORD)

    assert is_new
    login = enter("boss@example.org", PASSWORD)
    assert login.user["role"] == "admin"


def test_an_account_becomes_an_admin_and_its_sessions_end(config, database, enter):
    passwords = Passwords(cheap=True)
    account = NewAccount("ann@example.org", "Ann", passwords.hash("another password"))
    database.run(lambda tx: add_account(tx, account))
    earlier = enter("ann@example.org", "another password")

    is_new = create_admin(config, "ann@example.org", PASSWORD)

    assert not is_new
    assert role_of(database, "ann@example.org") == "admin"
    with database.read() as connection:
        assert find_principal(connection, earlier.opened.id) is None


@pytest.mark.parametrize(
    ("email", "password", "reason"),
    [("boss@example.org", "short", "10 to 128"), ("no address", PASSWORD, "e-mail address")],
)
def test_the_command_says_what_is_wrong_and_changes_nothing(config, database, email, password, reason):
    environ = {"APP_ENV": "test", "DATABASE_URL": config.database_url, "ADMIN_PASSWORD": password}

    with pytest.raises(SystemExit, match=reason):
        main([email], environ)

    assert role_of(database, email) is None


def test_the_command_takes_the_password_from_the_environment(config, database, capsys):
    main(
        ["boss@example.org"],
        {"APP_ENV": "test", "DATABASE_URL": config.database_url, "ADMIN_PASSWORD": PASSWORD},
    )

    assert "is now an admin" in capsys.readouterr().out
    assert role_of(database, "boss@example.org") == "admin"
