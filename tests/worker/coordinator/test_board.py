"""The status board on several nodes: acknowledged, handed on, merged, nothing lost silently (K11, K14)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from app.algorithms import registers
from app.algorithms.registers import BoardKind
from app.coordination.rpc.errors import CallRefused
from app.coordination.rpc.messages import Caller
from app.status_board.board_file import BoardFile
from app.status_board.deltas import read_message
from tests.worker.coordinator.lab import Lab, Node
from worker.coordinator.board import Board
from worker.coordinator.gossip import Gossiping, Topic

HOUR = 3600.0


class Boards:
    """A lab whose nodes each keep a board on a disk of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.duties: dict[str, Board] = {}
        self.ill: dict[str, str] = {}
        self.lab = Lab(3, more_duties=self._duties)
        self.lab.advance(3)

    def _duties(self, node: Node) -> list[Any]:
        file = BoardFile(self.folder / f"{node.name}.sqlite3", node.name)
        board = Board(node.frame, node.members, file, lambda: self.ill.get(node.name))
        self.duties[node.name] = board
        topic = Topic("board", board.board, read_message, board.merge, pytest.fail)
        return [board, Gossiping(node.frame, node.members, topic)]

    def call(self, node: str, method: str, payload: Any, by: str | None = None) -> dict[str, Any]:
        """As one of the node's own web workers."""
        asked = Caller(by or node, f"test-{self.lab.counts.total()}", self.lab.clock.elapsed() + 5)
        self.lab.counts["test"] += 1
        return self.lab.nodes[node].methods.run(method, payload, asked, 5.0)

    def write(self, node: str, notice: str = "n1", kind: str | None = None, **values: str | None) -> Any:
        edit = {"notice": notice, "values": values, "author": f"Desk at {node}", "kind": kind}
        answer = self.call(node, "board.edit", edit)
        self.lab.settle()
        return answer

    def texts(self, node: str) -> list[str]:
        return [notice["text"] for notice in self.duties[node].board.notices()]

    def part(self, *names: str) -> None:
        """Cut these nodes off from the others."""
        others = set(self.lab.names) - set(names)
        self.lab.cuts |= {(one, other) for one in names for other in others}

    def conflicts(self, node: str) -> list[dict[str, Any]]:
        return self.duties[node].board.conflicts()


@pytest.fixture
def boards(tmp_path: Path) -> Boards:
    return Boards(tmp_path)


def announce(boards: Boards, node: str = "node-1", text: str = "Dr Ada runs 20 minutes late") -> Any:
    return boards.write(node, kind=BoardKind.DOCTOR_DELAY, text=text, severity="warning")


def test_a_notice_is_on_every_node_when_a_majority_has_acknowledged_it(boards: Boards) -> None:
    done = announce(boards)

    assert (done["is_safe"], done["acknowledged"], done["nodes"], done["pending"]) == (True, 3, 3, [])
    assert [boards.texts(name) for name in boards.lab.names] == [["Dr Ada runs 20 minutes late"]] * 3


def test_two_of_three_are_enough_and_the_third_is_told_when_it_is_back(boards: Boards) -> None:
    boards.part("node-3")

    done = announce(boards)
    before = boards.texts("node-3")
    boards.lab.cuts.clear()
    boards.lab.until(lambda: boards.duties["node-1"].document(0.0)["pending"] == [], 15)

    assert (done["is_safe"], done["pending"]) == (True, ["node-3"])
    assert before == []
    assert boards.texts("node-3") == ["Dr Ada runs 20 minutes late"]


def test_alone_a_node_keeps_the_notice_and_says_honestly_that_nobody_else_has_it(boards: Boards) -> None:
    boards.part("node-1")

    done = announce(boards)

    assert (done["is_safe"], done["acknowledged"], done["pending"]) == (False, 1, ["node-2", "node-3"])
    assert boards.texts("node-1") == ["Dr Ada runs 20 minutes late"]


def edit_apart(boards: Boards) -> None:
    """Two nodes change the text of one notice while they cannot hear each other."""
    announce(boards)
    boards.lab.advance(1)
    boards.part("node-1")
    boards.write("node-1", text="Dr Ada runs 30 minutes late")
    boards.lab.advance(0.2)
    boards.write("node-2", text="Dr Ada is away today")


def come_together(boards: Boards) -> None:
    boards.lab.cuts.clear()
    boards.lab.until(
        lambda: len({duty.board.vector for duty in boards.duties.values()}) == 1 and _settled(boards), 40
    )


def _settled(boards: Boards) -> bool:
    return len({duty.board.digests.groups for duty in boards.duties.values()}) == 1


def test_edits_made_apart_converge_and_the_loser_is_in_the_conflict_log(boards: Boards) -> None:
    edit_apart(boards)
    come_together(boards)

    for name in boards.lab.names:
        (conflict,) = boards.conflicts(name)
        assert boards.texts(name) == ["Dr Ada is away today"]
        assert conflict["field"] == "text"
        assert conflict["lost"]["value"] == "Dr Ada runs 30 minutes late"
        assert conflict["lost"]["author"] == "Desk at node-1"
        assert conflict["won"]["node"] == "node-2"


def test_what_lost_can_be_restored_as_a_new_change(boards: Boards) -> None:
    edit_apart(boards)
    come_together(boards)
    (conflict,) = boards.conflicts("node-3")

    done = boards.call("node-3", "board.restore", {"conflict": conflict["id"], "author": "Desk"})

    assert done["is_safe"]
    assert {tuple(boards.texts(name)) for name in boards.lab.names} == {("Dr Ada runs 30 minutes late",)}
    assert len(boards.conflicts("node-1")) == 1  # the log keeps what happened


def edit_in_the_same_millisecond(boards: Boards) -> None:
    announce(boards)
    boards.lab.advance(1)
    boards.part("node-1")
    boards.write("node-1", text="from node-1")
    boards.write("node-2", text="from node-2")


def test_of_two_edits_in_the_same_millisecond_the_nodes_names_decide_alike_everywhere(boards: Boards) -> None:
    edit_in_the_same_millisecond(boards)
    come_together(boards)

    assert {tuple(boards.texts(name)) for name in boards.lab.names} == {("from node-2",)}


def test_without_the_tie_break_nodes_would_show_different_texts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registers, "rank", lambda write: (write.stamp.wall_ms, write.stamp.counter))
    boards = Boards(tmp_path)

    with pytest.raises(AssertionError):
        test_of_two_edits_in_the_same_millisecond_the_nodes_names_decide_alike_everywhere(boards)


def test_another_field_of_the_same_notice_is_no_conflict(boards: Boards) -> None:
    announce(boards)
    boards.lab.advance(1)
    boards.part("node-1")
    boards.write("node-1", severity="urgent")
    boards.write("node-2", text="Dr Ada is away today")
    come_together(boards)

    (notice,) = boards.duties["node-3"].board.notices()
    assert (notice["text"], notice["severity"]) == ("Dr Ada is away today", "urgent")
    assert boards.conflicts("node-3") == []


def test_a_node_keeps_its_board_and_its_promises_over_a_restart(boards: Boards) -> None:
    boards.part("node-3")
    announce(boards)
    boards.lab.kill("node-1")
    boards.lab.advance(1)

    boards.lab.start("node-1")
    boards.lab.advance(1)
    restarted = boards.duties["node-1"]
    boards.lab.cuts.clear()
    boards.lab.until(lambda: boards.texts("node-3"), 40)

    assert boards.texts("node-1") == ["Dr Ada runs 20 minutes late"]
    assert boards.texts("node-3") == ["Dr Ada runs 20 minutes late"]
    boards.lab.until(lambda: restarted.document(0.0)["pending"] == [], 20)


def test_a_node_that_lost_its_disk_learns_everything_from_the_others(boards: Boards) -> None:
    announce(boards)
    boards.lab.kill("node-1")
    for file in boards.folder.glob("node-1.sqlite3*"):
        file.unlink()

    boards.lab.start("node-1")
    boards.lab.until(lambda: boards.texts("node-1"), 40)
    boards.write("node-1", notice="n2", kind=BoardKind.ROOM_MOVE, text="Room 4 today")
    come_together(boards)

    assert sorted(boards.texts("node-3")) == ["Dr Ada runs 20 minutes late", "Room 4 today"]
    assert boards.conflicts("node-3") == []


def test_a_stamp_of_the_future_is_refused_and_the_sender_stays_honest(boards: Boards) -> None:
    boards.lab.nodes["node-1"].clock.skew = timedelta(seconds=5)

    done = announce(boards)
    boards.lab.advance(1)

    assert (done["is_safe"], done["acknowledged"]) == (False, 1)
    assert boards.texts("node-2") == []
    assert boards.duties["node-2"].document(0.0)["refused_stamps"] >= 1


def test_a_node_whose_clock_is_ill_does_not_stamp(boards: Boards) -> None:
    boards.ill["node-1"] = "the clock is at least 2.00 s from the database's"

    with pytest.raises(CallRefused, match="may not stamp"):
        announce(boards)


@pytest.mark.parametrize("kind", ["slot", "booking", "hold", "user", "slots"])
def test_slots_and_bookings_are_nothing_a_board_knows(boards: Boards, kind: str) -> None:
    edit = {"notice": "7", "values": {"state": "BOOKED"}, "author": "x", "kind": kind}

    with pytest.raises(CallRefused, match="INVALID"):
        boards.call("node-1", "board.edit", edit)

    assert kind.upper() not in BoardKind.__members__


def test_a_field_that_is_no_notices_is_not_written(boards: Boards) -> None:
    announce(boards)

    boards.write("node-1", text="x", state="BOOKED", booking_id="1")

    assert {field.name for field in boards.duties["node-2"].board.core.fields()} == {"text", "severity"}


def test_only_the_nodes_own_workers_edit_its_board(boards: Boards) -> None:
    edit = {"notice": "n1", "values": {"text": "x"}, "author": "x", "kind": "announcement"}

    with pytest.raises(CallRefused, match="REFUSED"):
        boards.call("node-1", "board.edit", edit, by="node-2")


def test_a_notice_that_does_not_exist_cannot_be_changed_nor_a_conflict_restored(boards: Boards) -> None:
    with pytest.raises(CallRefused, match="NOT_FOUND"):
        boards.write("node-1", notice="unknown", text="x")
    for conflict in ("node-1.5", "nonsense", ".", "node-1.x"):
        with pytest.raises(CallRefused, match="NOT_FOUND"):
            boards.call("node-1", "board.restore", {"conflict": conflict, "author": "x"})


def test_a_letter_that_is_no_delta_changes_nothing(boards: Boards) -> None:
    announce(boards)

    for letter in ("", "nonsense", "eJwDAAAAAAE="):
        with pytest.raises(CallRefused, match="INVALID"):
            boards.call("node-1", "board.take", letter, by="node-2")

    assert boards.texts("node-1") == ["Dr Ada runs 20 minutes late"]
