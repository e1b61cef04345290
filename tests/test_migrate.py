"""Migrations go up, down and up again, from several processes at once, to what the code declares."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Engine, create_engine, inspect, text

from app.migrate import migrate
from app.tables import metadata
from tests.servers import ROOT, clean_environment

POSTGRESQL_SCHEMA = (
    """SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity::text
       FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
       WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnum > 0""",
    """SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
       WHERE connamespace = 'public'::regnamespace AND contype <> 'n'""",
    "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
)
SQLITE_SCHEMA = (
    """SELECT m.name, c.name, c.type, c."notnull", c.pk FROM sqlite_master m, pragma_table_xinfo(m.name) c
       WHERE m.type = 'table'""",
    """SELECT m.name, f."from", f."table", f."to", f.on_delete
       FROM sqlite_master m, pragma_foreign_key_list(m.name) f WHERE m.type = 'table'""",
    """SELECT m.name, i."unique", i.origin, group_concat(x.name)
       FROM sqlite_master m, pragma_index_list(m.name) i, pragma_index_info(i.name) x
       WHERE m.type = 'table' AND i.origin <> 'c' GROUP BY m.name, i.name""",
    "SELECT tbl_name, name, sql FROM sqlite_master WHERE type IN ('index', 'trigger') AND sql IS NOT NULL",
)
SQLITE_TABLES = "SELECT name, sql FROM sqlite_master WHERE type = 'table'"
#: Copying a table puts its rules into brackets of SQLite's own.
BLANKS = re.compile(r"[\s()]")
CHECK = re.compile(r"CONSTRAINT (\w+) CHECK (.+?),?$", re.MULTILINE)
#: Declared in words in app.tables, since SQLAlchemy has none for it that both databases know.
ONLY_IN_MIGRATIONS = (
    "no_overlapping_slots",
    "no_overlapping_showtimes",
    "_refuses_",
    "bookings_are_counted_",
    "alembic_version",
)


@pytest.fixture
def engine(empty_database_url: str) -> Iterator[Engine]:
    engine = create_engine(empty_database_url)
    yield engine
    engine.dispose()


def schema(engine: Engine) -> set[tuple[Any, ...]]:
    """Every column, constraint and index, beside the one rule that only migrations know.

    Defaults are left out: the product gives every value itself, they serve rows older than a column."""
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            rows = _rows(connection, SQLITE_SCHEMA)
            for table, statement in connection.execute(text(SQLITE_TABLES)):
                rows += [
                    (table, name, BLANKS.sub("", rule).rstrip(",")) for name, rule in CHECK.findall(statement)
                ]
        else:
            rows = _rows(connection, POSTGRESQL_SCHEMA)
    return {row for row in rows if not any(name in str(row) for name in ONLY_IN_MIGRATIONS)}


def _rows(connection: Connection, queries: Sequence[str]) -> list[tuple[Any, ...]]:
    return [tuple(row) for query in queries for row in connection.execute(text(query))]


def tables(engine: Engine) -> set[str]:
    return set(inspect(engine).get_table_names()) - {"alembic_version"}


def version(engine: Engine) -> str | None:
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def differences(connection: Connection) -> list[Any]:
    return list(compare_metadata(MigrationContext.configure(connection), metadata))


def test_migrations_make_what_the_models_declare(engine: Engine, empty_database_url: str) -> None:
    migrate(empty_database_url)

    with engine.connect() as connection:
        assert differences(connection) == []


def test_constraints_and_indexes_are_the_same_from_migrations_and_from_models(
    engine: Engine, empty_database_url: str
) -> None:
    """Alembic's comparison knows neither CHECKs nor the conditions of partial indexes."""
    migrate(empty_database_url)
    migrated = schema(engine)
    migrate(empty_database_url, "base")

    metadata.create_all(engine)

    declared = schema(engine)
    assert migrated - declared == set()
    assert declared - migrated == set()


def test_migrations_go_up_down_and_up_again(engine: Engine, empty_database_url: str) -> None:
    migrate(empty_database_url)
    first = schema(engine)

    migrate(empty_database_url, "base")
    left = tables(engine)
    migrate(empty_database_url)

    assert left == set()
    assert schema(engine) == first


def test_migrating_twice_changes_nothing(engine: Engine, empty_database_url: str) -> None:
    migrate(empty_database_url)
    before = version(engine)

    migrate(empty_database_url)

    assert version(engine) == before
    assert before is not None


def test_three_processes_may_migrate_at_once(engine: Engine, empty_database_url: str) -> None:
    environment = clean_environment(DATABASE_URL=empty_database_url)
    argv = [sys.executable, "-m", "app.migrate"]

    started = [
        subprocess.Popen(
            argv, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        for _ in range(3)
    ]
    said = [process.communicate(timeout=60)[0] for process in started]

    assert [process.returncode for process in started] == [0, 0, 0], said
    assert tables(engine) == set(metadata.tables)
