"""The load command as a whole, against the control."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from loadtest.control.scratch import control_server

pytestmark = pytest.mark.system

ROOT = Path(__file__).resolve().parents[2]


def load(tmp_path, *flags, **environment):
    command = [
        sys.executable,
        "-m",
        "loadtest",
        "--seconds",
        "6",
        "--users",
        "16",
        "--directory",
        str(tmp_path),
    ]
    return subprocess.run(
        [*command, *flags],
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
        cwd=ROOT,
        env={**os.environ, **environment},
    )


def test_load_on_a_guarded_system_passes_and_tells_what_the_losers_were_told(tmp_path):
    with control_server(is_guarded=True) as target:
        stack = {"base_url": target.base_url, "nodes": [], "database_url": target.database_url}
        (tmp_path / "stack.json").write_text(json.dumps(stack))
        done = load(tmp_path, "--stack-file", str(tmp_path / "stack.json"), BASE_URL="")

    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert "bookings/s" in done.stdout
    assert "p99 ms" in done.stdout
    assert "SLOT_TAKEN reads: 'This time is gone.'" in done.stdout
    assert "11 of 11 invariants hold" in done.stdout
    assert done.stdout.endswith("PASSED\n")


def test_the_negative_control_shows_that_the_check_can_fail(tmp_path):
    done = load(tmp_path, "--negative-control", "--profile", "rush")

    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert "The negative control worked" in done.stdout


def test_without_a_stack_the_command_says_so_in_one_line(tmp_path):
    done = load(tmp_path, "--stack-file", str(tmp_path / "missing.json"), BASE_URL="")

    assert done.returncode == 2
    assert done.stderr.startswith("No stack is running here")
