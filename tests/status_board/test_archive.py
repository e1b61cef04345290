"""The board's copy in the database is one more member: it takes what it lacks and gives all it has (K11)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.algorithms.logical_clocks import VersionVector
from app.algorithms.registers import BoardField, BoardKind, Merged
from app.clock import ManualClock
from app.database import Database
from app.status_board import archive
from app.status_board.board_file import BoardFile
from app.status_board.node_board import NodeBoard
from tests.keys import KEYRING

TEXT = BoardField(BoardKind.ANNOUNCEMENT, "n1", "text")


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url, keyring=KEYRING)
    yield database
    database.dispose()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2030, 1, 7, 9, tzinfo=UTC))


@pytest.fixture
def board_of(tmp_path: Path, clock: ManualClock):
    def make(node: str) -> NodeBoard:
        return NodeBoard(BoardFile(tmp_path / f"{node}.sqlite3", node), node, clock)

    return make


def hand_over(database: Database, board: NodeBoard) -> None:
    with database.transaction() as tx:
        archive.hand_over(tx, board.delta(archive.lock_vector(tx)))


def take_in(database: Database, board: NodeBoard) -> Merged:
    with database.snapshot() as connection:
        return board.merge(archive.read_archive(connection))


def text_on(board: NodeBoard) -> str | None:
    write = board.core.read(TEXT)
    return write.value if write else None


def test_an_empty_archive_knows_nothing(database: Database) -> None:
    with database.read() as connection:
        assert archive.archived_vector(connection) == VersionVector()


def test_what_one_node_hands_over_another_takes_in(database: Database, board_of) -> None:
    first, second = board_of("node-1"), board_of("node-2")
    first.write({TEXT: "closed today"}, "Desk")

    hand_over(database, first)
    outcome = take_in(database, second)

    assert outcome is Merged.APPLIED
    assert text_on(second) == "closed today"
    assert second.vector == first.vector
    assert second.digests.groups == first.digests.groups


def test_handing_over_twice_and_taking_in_twice_changes_nothing(database: Database, board_of) -> None:
    first, second = board_of("node-1"), board_of("node-2")
    first.write({TEXT: "closed today"}, "Desk")
    hand_over(database, first)
    hand_over(database, first)
    take_in(database, second)

    assert take_in(database, second) is Merged.DUPLICATE
    assert take_in(database, first) is Merged.DUPLICATE


def test_only_the_last_value_of_a_field_is_kept(database: Database, board_of, clock: ManualClock) -> None:
    board = board_of("node-1")
    board.write({TEXT: "closed today"}, "Desk")
    hand_over(database, board)
    clock.advance(1)
    board.write({TEXT: "open again"}, "Desk")
    hand_over(database, board)

    with database.snapshot() as connection:
        (write,) = archive.read_archive(connection).writes

    assert write.value == "open again"


def test_edits_made_apart_meet_in_the_archive_and_the_loser_is_logged(
    database: Database, board_of, clock: ManualClock
) -> None:
    first, second = board_of("node-1"), board_of("node-2")
    first.write({TEXT: "closed today"}, "Ann")
    clock.advance(1)
    second.write({TEXT: "open till noon"}, "Bob")
    hand_over(database, first)
    take_in(database, second)
    hand_over(database, second)
    take_in(database, first)

    with database.snapshot() as connection:
        found = archive.read_archive(connection)

    assert text_on(first) == text_on(second) == "open till noon"
    (conflict,) = found.conflicts
    assert (conflict.loser.value, conflict.loser.author) == ("closed today", "Ann")
    assert first.conflicts() == second.conflicts()
    assert first.digests.groups == second.digests.groups


def test_a_new_disk_is_filled_from_the_archive(database: Database, board_of, tmp_path: Path) -> None:
    first = board_of("node-1")
    first.write({TEXT: "closed today"}, "Desk")
    hand_over(database, first)
    for file in tmp_path.glob("node-1.*"):
        file.unlink()

    again = board_of("node-1")
    take_in(database, again)
    again.write({BoardField(BoardKind.ANNOUNCEMENT, "n2", "text"): "and tomorrow"}, "Desk")

    assert text_on(again) == "closed today"
    assert len(set(again.vector)) == 2  # a lost disk means a new name
