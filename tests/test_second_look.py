"""What may be asked again when the machine was full, and what has failed for good."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.second_look import EX_TEMPFAIL, MOST
from tests.servers import ROOT, clean_environment

LATE = """
from tests.moments import no_longer_than

def test_late_{number}():
    with no_longer_than(0):
        pass
"""
STUCK = "import subprocess\ndef test_stuck(): subprocess.run(['sleep', '9'], timeout=0.05)\n"
WRONG = "def test_wrong(): assert 2 == 1, 'two bookings of one slot'\n"
RIGHT = "def test_right(): pass\n"
NEAR = "def test_near():\n    TimeoutError\n    assert 2 == 1\n"


def run(folder: Path, *tests: str, options: tuple[str, ...] = ()) -> tuple[int, str]:
    for number, test in enumerate(tests):
        (folder / f"test_{number}.py").write_text(test.replace("{number}", str(number)))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tests.second_look", *options, str(folder)],
        cwd=folder,
        env=clean_environment(PYTHONPATH=str(ROOT), PYTEST_DISABLE_PLUGIN_AUTOLOAD="1"),
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stdout


@pytest.mark.parametrize(
    ("tests", "code"),
    [
        ((RIGHT,), 0),
        ((RIGHT, LATE, STUCK), EX_TEMPFAIL),
        ((RIGHT, WRONG), 1),
        ((LATE, WRONG), 1),
        ((NEAR,), 1),
        ((LATE,) * MOST, EX_TEMPFAIL),
        ((LATE,) * (MOST + 1), 1),
    ],
)
def test_only_what_came_too_late_is_asked_again(tmp_path, tests, code):
    assert run(tmp_path, *tests)[0] == code


def test_what_is_asked_again_is_named_and_asked_alone(tmp_path):
    first, said = run(tmp_path, RIGHT, LATE, options=("-p", "xdist", "-n", "2"))
    second, again = run(tmp_path, RIGHT, LATE.replace("(0)", "(9)"), options=("--last-failed", "-q"))

    assert first == EX_TEMPFAIL
    assert "asked again alone" in said
    assert "test_1.py::test_late_1" in said.partition("asked again alone")[2]
    assert (second, again.count("passed")) == (0, 1)
