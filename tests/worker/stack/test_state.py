"""What one start leaves for tools and for the next start."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import ROOT, eventually
from worker.stack.errors import StackError
from worker.stack.state import StackState, birth_of

HOLDER = "import sys, time; from pathlib import Path; from worker.stack.state import StackState\n"


def test_a_second_stack_in_the_same_folder_is_refused_with_the_first_ones_address(tmp_path: Path) -> None:
    with StackState(tmp_path) as first:
        first.write({"base_url": "http://127.0.0.1:8080"}, {})

        with pytest.raises(StackError, match=r"runs here already \(pid \d+, http://127.0.0.1:8080\)"):
            StackState(tmp_path).__enter__()


def test_the_state_is_gone_after_a_clean_stop_and_the_folder_free(tmp_path: Path) -> None:
    with StackState(tmp_path) as first:
        first.write({}, {})

    with StackState(tmp_path) as second:
        assert second.read() == {}


def test_only_the_owner_can_read_the_state(tmp_path: Path) -> None:
    with StackState(tmp_path) as state:
        state.write({"redis_url": "redis://:secret@127.0.0.1:1/0"}, {})

        assert (tmp_path / "run" / "stack.json").stat().st_mode & 0o077 == 0


def test_what_a_killed_stack_left_running_is_ended(tmp_path: Path) -> None:
    orphan = subprocess.Popen(["sleep", "600"])
    StackState(tmp_path).write({}, {"redis": orphan.pid})

    with StackState(tmp_path) as state:
        state.end_leftovers()

    assert orphan.wait(timeout=5) != 0


def test_a_stranger_with_the_number_of_a_former_child_is_left_alone(tmp_path: Path) -> None:
    stranger = subprocess.Popen(["sleep", "600"])
    state = StackState(tmp_path)
    state.write({}, {"redis": stranger.pid})
    file = tmp_path / "run" / "stack.json"
    file.write_text(file.read_text().replace(f'"{birth_of(stranger.pid)}"', '"1"'))

    state.end_leftovers()

    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


def test_a_folder_is_free_again_when_its_stack_was_killed(tmp_path: Path) -> None:
    script = f"{HOLDER}with StackState(Path({str(tmp_path)!r})): print('held', flush=True); time.sleep(600)"
    holder = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE)
    assert holder.stdout
    assert holder.stdout.readline() == b"held\n"

    holder.kill()
    holder.wait()
    holder.stdout.close()

    with StackState(tmp_path) as state:
        assert eventually(lambda: state.folder.exists())
