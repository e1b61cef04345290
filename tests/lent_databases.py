"""Migrated PostgreSQL databases for tests, emptied and lent again: copying one costs fifty times more."""

from __future__ import annotations

import itertools

import psycopg
from psycopg.conninfo import make_conninfo

from worker.stack.postgres import PostgresServer

# Anything created since has a higher number, anything dropped is missing.
FINGERPRINT = " UNION ALL ".join(
    f"SELECT count(*), max(oid) FROM {catalog}"
    for catalog in ("pg_class", "pg_proc", "pg_trigger", "pg_constraint", "pg_attrdef")
)
OTHERS = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
EMPTY = """
DO $$
DECLARE name text;
BEGIN
  SET LOCAL session_replication_role = replica;  -- no foreign key asks in which order we delete
  FOR name IN
    SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'
  LOOP
    EXECUTE format('DELETE FROM %I', name);
  END LOOP;
  PERFORM setval(format('%I', sequencename)::regclass, 1, false)
  FROM pg_sequences WHERE schemaname = 'public';
END $$
"""
Fingerprint = list[tuple[int, int]]


class LentDatabases:
    """Lends each database to one test at a time."""

    def __init__(self, server: PostgresServer, template: str) -> None:
        self._server = server
        self._template = template
        self._numbers = itertools.count(1)
        self._fingerprints: dict[str, Fingerprint] = {}
        self._free: list[str] = []

    def lend(self) -> str:
        """The name of a migrated database without rows."""
        if self._free:
            return self._free.pop()
        name = f"test_{next(self._numbers)}"
        self._server.create_database(name, template=self._template)
        with self._connect(name) as connection:
            self._fingerprints[name] = connection.execute(FINGERPRINT).fetchall()
        return name

    def take_back(self, name: str) -> None:
        """Empty it, whoever is still connected; one whose tables were changed is thrown away."""
        with self._connect(name) as connection:
            # Again and again: a thread that the test left behind may connect once more.
            while connection.execute(f"SELECT pg_terminate_backend(pid) {OTHERS}").fetchone():
                connection.execute("SELECT pg_sleep(0.005)")
            is_as_it_was = connection.execute(FINGERPRINT).fetchall() == self._fingerprints[name]
            if is_as_it_was:
                connection.execute(EMPTY)
        if is_as_it_was:
            self._free.append(name)
        else:
            self._server.drop_database(name)

    def _connect(self, name: str) -> psycopg.Connection:
        return psycopg.connect(make_conninfo(self._server.superuser_url, dbname=name), autocommit=True)
