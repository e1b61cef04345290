"""A node's board survives its process, stamps rise, and documents say what visitors need."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.algorithms.logical_clocks import Dot, VersionVector
from app.algorithms.registers import BoardField, BoardKind, NothingToRestoreError
from app.clock import ManualClock
from app.status_board.board_file import BoardFile
from app.status_board.node_board import KEPT_CONFLICT_MS, NodeBoard
from app.status_board.notices import dot_in, dot_text, is_over, kind_of, notice_fields

NOW = datetime(2030, 1, 7, 9, tzinfo=UTC)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "node-1.sqlite3"


def board_in(file: Path, clock: ManualClock, node: str = "node-1") -> NodeBoard:
    return NodeBoard(BoardFile(file, node), node, clock)


def announce(board: NodeBoard, notice: str = "n1", **values: str | None) -> None:
    board.write(notice_fields(BoardKind.ANNOUNCEMENT, notice, values), "Desk")


def test_a_board_is_the_same_after_a_restart(file: Path, clock: ManualClock) -> None:
    board = board_in(file, clock)
    announce(board, text="closed today", severity="urgent")

    again = board_in(file, clock)

    assert again.notices() == board.notices()
    assert again.vector == board.vector
    assert again.digests.groups == board.digests.groups


def test_after_a_restart_with_a_clock_that_went_back_stamps_still_rise(
    file: Path, clock: ManualClock
) -> None:
    announce(board_in(file, clock), text="first")
    slow = ManualClock(datetime(2030, 1, 7, 8, tzinfo=UTC))

    again = board_in(file, slow)
    announce(again, text="second")

    assert [notice["text"] for notice in again.notices()] == ["second"]
    assert again.conflicts() == []


def test_hints_are_kept_over_a_restart(file: Path) -> None:
    first = BoardFile(file, "node-1")
    first.keep_hints({"node-2": VersionVector({"node-1~ab": 3})})
    first.keep_hints({"node-3": VersionVector({"node-1~ab": 4})})
    first.close()

    assert BoardFile(file, "node-1").hints() == {"node-3": VersionVector({"node-1~ab": 4})}


def test_a_notice_is_shown_with_what_visitors_need_and_without_its_author(
    file: Path, clock: ManualClock
) -> None:
    board = board_in(file, clock)
    announce(board, text="closed today", doctor_id="7", expires_at="2030-01-07T12:00:00Z")

    (notice,) = board.notices()

    assert notice == {
        "id": "n1",
        "kind": "announcement",
        "text": "closed today",
        "severity": "info",
        "doctor_id": "7",
        "expires_at": "2030-01-07T12:00:00Z",
        "updated_at": "2030-01-07T09:00:00.000Z",
        "node": "node-1",
    }
    assert not is_over(notice, NOW)
    assert is_over(notice, datetime(2030, 1, 7, 12, tzinfo=UTC))


def test_a_notice_without_a_text_has_been_withdrawn(file: Path, clock: ManualClock) -> None:
    board = board_in(file, clock)
    announce(board, text="closed today")
    announce(board, text=None)

    assert board.notices() == []
    assert kind_of(board.core, "n1") is BoardKind.ANNOUNCEMENT


def test_the_last_changed_notice_comes_first(file: Path, clock: ManualClock) -> None:
    board = board_in(file, clock)
    announce(board, "old", text="1")
    clock.advance(1)
    announce(board, "new", text="2")

    assert [notice["id"] for notice in board.notices()] == ["new", "old"]


def test_what_is_on_the_board_beside_notices_is_no_notice(file: Path, clock: ManualClock) -> None:
    board = board_in(file, clock)

    board.write({BoardField(BoardKind.UI_SETTING, "theme", "text"): "dark"}, "Desk")

    assert board.notices() == []


def conflict_on(file: Path, clock: ManualClock) -> NodeBoard:
    here, there = board_in(file, clock), board_in(file.with_name("node-2.sqlite3"), clock, "node-2")
    announce(here, text="closed today")
    clock.advance(1)
    announce(there, text="open till noon")
    here.merge(there.delta(here.vector))
    return here


def test_a_conflict_names_both_sides_and_can_be_restored_once_more(file: Path, clock: ManualClock) -> None:
    board = conflict_on(file, clock)
    (conflict,) = board.conflicts()

    board.restore(dot_in(conflict["id"]), "Desk")

    assert (conflict["lost"]["value"], conflict["won"]["value"]) == ("closed today", "open till noon")
    assert (conflict["notice_id"], conflict["field"]) == ("n1", "text")
    assert [notice["text"] for notice in board.notices()] == ["closed today"]


def test_conflicts_are_forgotten_after_thirty_days(file: Path, clock: ManualClock) -> None:
    board = conflict_on(file, clock)
    (conflict,) = board.conflicts()
    clock.advance(KEPT_CONFLICT_MS / 1000 + 2)

    board.forget_old_conflicts()

    assert board.conflicts() == []
    with pytest.raises(NothingToRestoreError):
        board.restore(dot_in(conflict["id"]), "Desk")


@pytest.mark.parametrize("dot", [Dot("node-1~ab12", 7), Dot("a.b.c~1", 123)])
def test_the_name_of_a_conflict_can_be_read_back(dot: Dot) -> None:
    assert dot_in(dot_text(dot)) == dot
