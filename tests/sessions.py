"""Sessions of PostgreSQL, ended as an operator or a restart ends them."""

from __future__ import annotations

import psycopg

from tests.servers import eventually


def end_sessions_of(postgres_url: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        ended = connection.execute(
            "SELECT pid, pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ).fetchall()
        pids = [pid for pid, _ in ended]
        query = "SELECT count(*) FROM pg_stat_activity WHERE pid = ANY(%s)"
        eventually(lambda: connection.execute(query, [pids]).fetchone() == (0,), 2, "the sessions end")
