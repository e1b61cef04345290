"""Migrations go up, down and up again, from several processes at once, to what the code declares."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
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
SQLITE_SCHEMA = ("SELECT tbl_name, name, sql FROM sqlite_master",)
#: Declared in words in app.tables, since SQLAlchemy has none for it that both databases know.
ONLY_IN_MIGRATIONS = ("no_overlapping_slots", "no_overlapping_showtimes", "alembic_version")


@pytest.fixture
def engine(empty_database_url: str) -> Iterator[Engine]:
    engine = create_engine(empty_database_url)
    yield engine
    engine.dispose()


def schema(engine: Engine) -> set[tuple[Any, ...]]:
    """Every column, constraint and index, in the database's own words, beside the one rule of migrations."""
    is_sqlite = engine.dialect.name == "sqlite"
    with engine.connect() as connection:
        rows = [
            row
            for query in (SQLITE_SCHEMA if is_sqlite else POSTGRESQL_SCHEMA)
            for row in connection.execute(text(query))
        ]
    described = {tuple(_one_spelling(value) for value in row) for row in rows}
    return {row for row in described if not any(name in str(row) for name in ONLY_IN_MIGRATIONS)}


def _one_spelling(value: Any) -> Any:
    """SQLite keeps the text of the statement: its lines and the order of its clauses are no difference."""
    if not isinstance(value, str) or not value.startswith("CREATE TABLE"):
        return " ".join(value.split()) if isinstance(value, str) else value
    # A table that took another's place has its name in quotes.
    clauses = (clause.strip().rstrip(",") for clause in value.replace('"', "").splitlines())
    return " | ".join(sorted(clause for clause in clauses if clause))


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
