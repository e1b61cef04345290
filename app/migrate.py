"""`python -m app.migrate [revision]`: bring the database to a revision; safe when several start at once."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from alembic import command
from alembic.config import Config as AlembicConfig
from sqlalchemy.exc import OperationalError

from app.config import Config, ConfigError
from app.sealing import KeyLost, Keyring


def alembic_config(database_url: str, keyring: Keyring | None) -> AlembicConfig:
    config = AlembicConfig()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["database_url"] = database_url
    config.attributes["keyring"] = keyring
    return config


def migrate(database_url: str, revision: str = "head", keyring: Keyring | None = None) -> None:
    """Upgrade to revision, or downgrade when it starts with '-' or is 'base'.

    Contact data that is there needs the keys: it is sealed on the way up and opened on the way down."""
    move = command.downgrade if revision.startswith("-") or revision == "base" else command.upgrade
    move(alembic_config(database_url, keyring), revision)


def main() -> None:
    try:
        config = Config.from_env(os.environ)
        migrate(config.database_url, sys.argv[1] if len(sys.argv) > 1 else "head", config.keyring)
    except ConfigError as error:
        sys.exit(f"migrate: {error}")
    except OperationalError as error:
        sys.exit(f"migrate: the database cannot be used: {' '.join(str(error.orig).split())}")
    except KeyLost as error:
        sys.exit(f"migrate: {error}")


if __name__ == "__main__":
    main()
