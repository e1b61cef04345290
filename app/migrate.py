"""`python -m app.migrate [revision]`: bring the database to a revision; safe when several start at once."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from alembic import command
from alembic.config import Config as AlembicConfig
from sqlalchemy.exc import OperationalError

from app.config import Config, ConfigError


def alembic_config(database_url: str) -> AlembicConfig:
    config = AlembicConfig()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["database_url"] = database_url
    return config


def migrate(database_url: str, revision: str = "head") -> None:
    """Upgrade to revision, or downgrade when it starts with '-' or is 'base'."""
    move = command.downgrade if revision.startswith("-") or revision == "base" else command.upgrade
    move(alembic_config(database_url), revision)


def main() -> None:
    try:
        migrate(Config.from_env(os.environ).database_url, *sys.argv[1:2])
    except ConfigError as error:
        sys.exit(f"migrate: {error}")
    except OperationalError as error:
        sys.exit(f"migrate: the database cannot be used: {' '.join(str(error.orig).split())}")


if __name__ == "__main__":
    main()
