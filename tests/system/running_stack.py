"""A whole stack on free ports in a folder of its own."""

import json
import os
import signal
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.processes import family_of
from tests.servers import ROOT, clean_environment, eventually
from worker.stack.errors import ProcessFailedError
from worker.stack.process import Child, Program

OUTPUT = "output.log"
START_SECONDS = 180  # of a machine that does other things too


@dataclass
class RunningStack:
    """`make run`, as the process behind it."""

    folder: Path
    child: Child
    seconds_to_start: float

    @property
    def state(self) -> dict[str, Any]:
        """What var/run/stack.json says now."""
        return json.loads((self.folder / "run" / "stack.json").read_text())

    @property
    def output(self) -> str:
        return output_of(self.folder)

    def get(self, path: str) -> dict[str, Any]:
        """A JSON answer through nginx."""
        with urllib.request.urlopen(self.state["base_url"] + path, timeout=10) as response:
            return json.load(response)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int | None:
        """Ask it to stop as a person or a platform would; the answer is its exit code."""
        os.kill(self.child.pid, number)
        assert self.child.wait(30), f"the stack did not stop:\n{self.output}"
        return self.child.exit_code

    def family(self) -> dict[int, str]:
        """All its processes now, each with when it began."""
        return family_of(self.child.pid)


@contextmanager
def running_stack(folder: Path, **settings: str) -> Iterator[RunningStack]:
    began = time.monotonic()
    child = start(folder, **settings)
    state = folder / "run" / "stack.json"
    try:
        eventually(lambda: _is_up(state, child, folder), START_SECONDS, "the start of the stack")
        yield RunningStack(folder, child, time.monotonic() - began)
    finally:
        child.stop()


def post(url: str, body: dict[str, Any], **headers: str) -> dict[str, Any]:
    """The JSON answer of a write."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    sent = {"Content-Type": "application/json", **names}
    request = urllib.request.Request(url, json.dumps(body).encode(), sent)
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.load(response)


def start(folder: Path, output: str = OUTPUT, **settings: str) -> Child:
    """Only start it; its words go to the file `output` in the folder."""
    environment = clean_environment(
        APP_ENV="development", ONESLOT_VAR=str(folder), PORTS="free", PYTHONUNBUFFERED="1"
    )
    environment.update(settings)
    argv = (sys.executable, "-m", "worker.stack")
    return Child(Program("stack", argv, folder / output, ROOT, environment, stop_seconds=30))


def output_of(folder: Path, output: str = OUTPUT) -> str:
    return (folder / output).read_text()


def _is_up(state: Path, child: Child, folder: Path) -> bool:
    if not child.is_alive:
        raise ProcessFailedError(f"the stack did not start:\n{output_of(folder)}")
    return state.exists() and "base_url" in json.loads(state.read_text())
