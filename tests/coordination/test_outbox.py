"""The order of a stream is the order of commits, without gaps."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import select

from app.coordination import outbox
from app.database import Database
from app.tables import OutboxEntry
from tests.lineup import is_waiting
from tests.servers import eventually
from tests.together import together


def append(database: Database, stream: str, kind: str) -> int:
    return database.run(lambda tx: outbox.append(tx, stream, kind, {}))


def entries(database: Database, stream: str) -> list[tuple[int, str]]:
    with database.read() as connection:
        query = select(OutboxEntry.seq, OutboxEntry.kind).where(OutboxEntry.stream == stream)
        return [tuple(row) for row in connection.execute(query.order_by(OutboxEntry.seq))]


def test_each_stream_counts_from_one(database: Database) -> None:
    numbers = [append(database, stream, "slot") for stream in ("doctor:1", "doctor:2", "doctor:1")]

    assert numbers == [1, 1, 2]


def test_an_undone_change_leaves_no_gap(database: Database) -> None:
    append(database, "doctor:1", "first")
    with database.transaction() as tx:
        outbox.append(tx, "doctor:1", "undone", {})
        tx.rollback()

    append(database, "doctor:1", "second")

    assert entries(database, "doctor:1") == [(1, "first"), (2, "second")]


def test_changes_made_at_once_leave_no_gap(database: Database) -> None:
    numbers = together([lambda n=n: append(database, "doctor:1", f"change {n}") for n in range(12)])

    assert sorted(numbers) == list(range(1, 13))
    assert [seq for seq, _ in entries(database, "doctor:1")] == list(range(1, 13))


def test_a_later_number_is_not_seen_before_an_earlier_one(
    open_database: Callable[[str], Database], postgres_url: str
) -> None:
    database = open_database(postgres_url)
    with ThreadPoolExecutor(1) as pool:
        with database.transaction() as tx:
            outbox.append(tx, "doctor:1", "slow", {})
            later = pool.submit(append, database, "doctor:1", "quick")
            eventually(lambda: is_waiting(database), 2, "the quick one waits")
            seen_meanwhile = entries(database, "doctor:1")
        number = later.result()

    assert seen_meanwhile == []
    assert number == 2
    assert entries(database, "doctor:1") == [(1, "slow"), (2, "quick")]
