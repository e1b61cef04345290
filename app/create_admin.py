"""`python -m app.create_admin EMAIL`: make the first admin; asks for the password or takes ADMIN_PASSWORD."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Mapping

from app.accounts.actions import NewAccount, make_admin
from app.accounts.addresses import normal_address
from app.accounts.passwords import LONGEST_PASSWORD, SHORTEST_PASSWORD, Passwords
from app.accounts.principals import Role
from app.config import Config
from app.database import Database
from app.errors import Unavailable


def create_admin(config: Config, email: str, password: str) -> bool:
    """Whether the account is new. Raises ValueError saying what is wrong with address or password."""
    address = normal_address(email)
    password = password.strip()
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise ValueError(f"the password must have {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters")
    hashed = Passwords(cheap=config.app_env == "test").hash(password)
    database = Database(config.database_url, 1, config.keyring)
    try:
        name = address.partition("@")[0]
        return make_admin(database, NewAccount(address, name, hashed, Role.ADMIN, all_doctors=True))
    finally:
        database.dispose()


def main(arguments: list[str], environ: Mapping[str, str]) -> None:
    if len(arguments) != 1:
        sys.exit("usage: python -m app.create_admin EMAIL")
    password = environ.get("ADMIN_PASSWORD") or getpass.getpass("Password of the admin: ")
    try:
        is_new = create_admin(Config.from_env(environ), arguments[0], password)
    except ValueError as error:
        sys.exit(f"create_admin: {error}")
    except Unavailable as error:
        sys.exit(f"create_admin: {error.detail}")
    print(f"{arguments[0]} {'is now an admin' if is_new else 'had an account and is now an admin'}.")


if __name__ == "__main__":
    main(sys.argv[1:], os.environ)
