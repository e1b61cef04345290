"""Whether this process has the keys of what is sealed in its database: asked when it starts."""

from __future__ import annotations

import structlog
from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError

from app.config import ConfigError
from app.database import Database
from app.errors import Unavailable
from app.sealed_columns import keyring_of
from app.tables.sealing import SealingKey

log = structlog.get_logger("keys")


def require_keys(database: Database) -> None:
    """Note the key in use as one that something may be sealed with. Raises ConfigError when one is missing.

    A database that cannot be asked does not keep a node from starting: it serves what it can until then."""
    keyring = keyring_of(database.engine.dialect)
    try:
        missing = database.run(lambda tx: _missing(tx, keyring.newest_id, keyring.ids))
    except (Unavailable, DBAPIError) as reason:
        log.warning("The keys could not be compared with the database.", topic="keys", reason=repr(reason))
        return
    if missing:
        raise ConfigError(
            f"DATA_KEY: contact data in this database is sealed with key {', '.join(missing)},"
            " which is neither DATA_KEY nor among DATA_KEY_EARLIER; give it back: nothing else opens it"
        )


def _missing(tx: Connection, newest: str, ours: frozenset[str]) -> list[str]:
    known = set(tx.execute(select(SealingKey.id)).scalars())
    missing = sorted(known - ours)
    if not missing and newest not in known:
        insert = (postgresql if tx.dialect.name == "postgresql" else sqlite).insert(SealingKey)
        tx.execute(insert.values(id=newest).on_conflict_do_nothing())
    return missing
