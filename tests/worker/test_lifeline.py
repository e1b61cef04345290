"""No process outlives the one that started it."""

import os
import signal
import subprocess
import sys

from tests.servers import ROOT, eventually
from worker.stack.state import birth_of

# Starts a child as the stack does, says its number, and waits to be killed.
PARENT = """
import sys, time
from pathlib import Path
from worker.stack.process import Child, Program
sleeper = Program("sleeper", ("sleep", "600"), log=None, cwd=Path("/"))
print(Child(sleeper).pid, flush=True)
time.sleep(600)
"""


def test_a_child_ends_with_a_parent_that_was_killed() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout
    child = int(parent.stdout.readline())
    assert birth_of(child)

    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    parent.stdout.close()

    eventually(lambda: birth_of(child) is None, what="the end of the child")
