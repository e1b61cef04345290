"""Children: how they start, end and are told apart."""

import os
import signal
import time
from pathlib import Path

import pytest

from tests.moments import no_longer_than
from tests.servers import eventually
from worker.stack.errors import ProcessFailedError
from worker.stack.keeper import Keeper, seconds_before_restart
from worker.stack.process import Child, Program, run_to_end, stop_together, wait_until
from worker.stack.state import birth_of


def shell(script: str, tmp_path: Path, **more: object) -> Program:
    return Program("script", ("sh", "-c", script), log=tmp_path / "script.log", cwd=tmp_path, **more)


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ProcessFailedError, match=r"cannot start ghost .*No such file"):
        Child(Program("ghost", ("/nowhere/ghost",), log=None, cwd=tmp_path))


def test_waiting_for_a_program_that_dies_tells_its_last_words(tmp_path: Path) -> None:
    child = Child(shell("echo no space left; exit 3", tmp_path))

    with pytest.raises(ProcessFailedError, match=r"(?s)ended with exit code 3.*no space left"):
        wait_until(lambda: False, child, 10)


def test_a_program_that_ends_well_between_two_looks_at_it_has_ended_well(tmp_path: Path) -> None:
    child = Child(shell("true", tmp_path))
    child.wait(10)
    looks = iter([False])  # it was still there at the first look

    wait_until(lambda: next(looks, not child.is_alive), child, 10)


def test_waiting_for_a_program_that_never_gets_ready_ends(tmp_path: Path) -> None:
    child = Child(shell("sleep 60", tmp_path))

    with pytest.raises(ProcessFailedError, match="was not ready"):
        wait_until(lambda: False, child, 0.1)

    child.kill()


def test_a_step_that_fails_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(ProcessFailedError, match="exit code 2"):
        run_to_end(shell("exit 2", tmp_path), 10)


def test_who_does_not_stop_when_asked_is_killed_with_all_it_started(tmp_path: Path) -> None:
    child = Child(shell("trap '' TERM; sleep 60 & echo $!; wait; wait", tmp_path, stop_seconds=0.2))
    grandchild = int(eventually(lambda: (tmp_path / "script.log").read_text().strip()))

    child.stop()

    assert child.exit_code == -signal.SIGKILL
    eventually(lambda: birth_of(grandchild) is None, what="the end of the grandchild")


def test_several_stop_in_the_time_of_the_slowest(tmp_path: Path) -> None:
    children = [
        Child(shell("trap 'sleep 0.3; exit 0' TERM; echo up; while :; do sleep 0.05; done", tmp_path))
        for _ in "123"
    ]
    eventually(lambda: (tmp_path / "script.log").read_text().count("up") == 3)

    with no_longer_than(0.8):
        stop_together(children, time.sleep, lambda: False)

    assert [child.exit_code for child in children] == [0, 0, 0]


def test_in_a_hurry_nobody_is_waited_for(tmp_path: Path) -> None:
    child = Child(shell("trap '' TERM; echo up; while :; do sleep 0.05; done", tmp_path))
    eventually(lambda: (tmp_path / "script.log").read_text())

    stop_together([child], time.sleep, lambda: True)

    assert child.exit_code == -signal.SIGKILL


def test_a_killed_program_runs_again(tmp_path: Path) -> None:
    said: list[str] = []
    keeper = Keeper(shell("sleep 60", tmp_path), said.append)
    first = keeper.child.pid

    os.kill(first, signal.SIGKILL)
    eventually(keeper.check, what="the restart")

    assert keeper.child.pid != first
    assert keeper.child.is_alive
    assert "was ended by SIGKILL, starts again in 0.25 s" in said[0]
    keeper.child.kill()


def test_a_program_that_keeps_failing_is_started_ever_later() -> None:
    delays = [seconds_before_restart(ends) for ends in range(10)]

    assert delays[:4] == [0.25, 0.5, 1.0, 2.0]
    assert delays[-1] == 30.0
