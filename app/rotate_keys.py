"""`python -m app.rotate_keys`: seal everything with DATA_KEY, so that earlier keys may be thrown away.

It goes in small transactions beside the running product, may be stopped at any time and goes on where it was:
what is sealed with an earlier key says so itself."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    Connection,
    String,
    Table,
    Text,
    cast,
    delete,
    false,
    or_,
    select,
    type_coerce,
    update,
)
from sqlalchemy.exc import DBAPIError

from app.config import Config, ConfigError
from app.database import Database
from app.errors import Unavailable
from app.key_check import require_keys
from app.sealed_columns import Sealed, SealedAnswer, keyring_of
from app.sealing import PREFIX, Keyring
from app.tables import metadata
from app.tables.sealing import SealingKey

AT_ONCE = 200


@dataclass(frozen=True)
class Place:
    """A table with sealed columns, and the marks beside them: which mark is of which column."""

    table: Table
    marks: Mapping[str, str] = field(default_factory=dict)

    @property
    def sealed(self) -> list[Column[Any]]:
        return [column for column in self.table.columns if isinstance(column.type, Sealed | SealedAnswer)]


MARKS = {
    "users": {"email_mark": "email"},
    "patients": {"email_mark": "email", "phone_mark": "phone"},
    "waitlist": {"email_mark": "patient_email"},
}


def places() -> list[Place]:
    """Every table that has a sealed column, as the tables themselves declare it."""
    found = [Place(table, MARKS.get(table.name, {})) for table in metadata.sorted_tables]
    return [place for place in found if place.sealed]


def rotate(database: Database, at_once: int = AT_ONCE) -> dict[str, int]:
    """How many rows of each table were sealed anew. Raises KeyLost, Unavailable."""
    keyring = keyring_of(database.engine.dialect)
    done = {place.table.name: _rotate_table(database, keyring, place, at_once) for place in places()}
    database.run(lambda tx: tx.execute(delete(SealingKey).where(SealingKey.id != keyring.newest_id)))
    return done


def _rotate_table(database: Database, keyring: Keyring, place: Place, at_once: int) -> int:
    total = 0
    while some := database.run(lambda tx: _rotate_some(tx, keyring, place, at_once)):
        total += some
    return total


def _rotate_some(tx: Connection, keyring: Keyring, place: Place, at_once: int) -> int:
    """One batch. Whoever changes one of these rows now is waited for: what they write is newer."""
    key = list(place.table.primary_key)
    query = select(*key, *place.sealed).where(or_(*(_is_of_an_earlier(keyring, c) for c in place.sealed)))
    rows = tx.execute(query.order_by(*key).limit(at_once).with_for_update()).all()
    for row in rows:
        values: dict[str, Any] = {column.name: getattr(row, column.name) for column in place.sealed}
        for mark, of in place.marks.items():
            values[mark] = keyring.mark(_purpose(place.table.columns[of]), values[of])
        if "updated_at" in place.table.columns:  # nothing changed that anybody can see
            values["updated_at"] = place.table.columns["updated_at"]
        which = [column == getattr(row, column.name) for column in key]
        tx.execute(update(place.table).where(*which).values(values))
    return len(rows)


def _purpose(column: Column[Any]) -> str:
    if not isinstance(column.type, Sealed):
        raise AssertionError("marks are of sealed columns")
    return column.type.purpose


def _is_of_an_earlier(keyring: Keyring, column: Column[Any]) -> Any:
    if isinstance(column.type, Sealed):
        stored: Any = type_coerce(column, Text())
        return stored.not_like(f"{PREFIX}{keyring.newest_id}.%")
    stored = cast(type_coerce(column, JSON()), String)
    return or_(
        false(), *(stored.contains(f'"{PREFIX}{key_id}.') for key_id in keyring.ids - {keyring.newest_id})
    )


def main() -> None:
    try:
        config = Config.from_env(os.environ)
        database = Database(config.database_url, 2, config.keyring)
        require_keys(database)
        done = rotate(database)
    except (ConfigError, Unavailable) as error:
        sys.exit(f"rotate_keys: {error}")
    except DBAPIError as error:
        sys.exit(f"rotate_keys: {error.orig}; did you run python -m app.migrate?")
    said = ", ".join(f"{count} in {table}" for table, count in done.items() if count) or "nothing was left"
    print(f"rotate_keys: sealed anew with key {config.keyring.newest_id}: {said}")


if __name__ == "__main__":
    main()
