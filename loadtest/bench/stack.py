"""The product's own stack for the length of a run, with state and ports of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loadtest.bench.processes import Processes

ROOT = Path(__file__).resolve().parents[2]
_START_SECONDS, _STOP_SECONDS = 300.0, 60.0
#: As in production: JSON lines, no demo data, no second factor for the run's own admin.
ENVIRONMENT = {
    "PORTS": "free",
    "APP_ENV": "production",
    "REQUIRE_SECOND_FACTOR": "false",
    "RQ_WORKERS": "1",
}
_LIMIT, _NO_LIMIT = "zone=machine:1m rate=3000r/s", "zone=machine:1m rate=1000000r/s"
_NOT_INHERITED = (
    "DATABASE_URL", "REDIS_URL", "SMTP_URL", "BASE_URL", "API_URL", "PORT", "SECRET_KEY", "DATA_KEY",
)  # fmt: skip


class StackFailed(Exception):
    """The stack did not start."""


@dataclass(frozen=True)
class RunningStack:
    """Where it is and what it consists of."""

    facts: Mapping[str, Any]

    @property
    def url(self) -> str:
        return str(self.facts["base_url"])

    @property
    def database_url(self) -> str:
        return str(self.facts["database_url"])

    @property
    def node_urls(self) -> list[str]:
        return [str(node["url"]) for node in self.facts["nodes"]]

    @property
    def pids(self) -> dict[str, int]:
        return dict(self.facts["pids"])

    @property
    def processes(self) -> Processes:
        return Processes(self.pids)

    @property
    def nginx_folder(self) -> Path:
        return Path(self.facts["var"]) / "run" / "nginx"


@contextmanager
def running_stack(var: Path, nodes: int, **settings: str) -> Iterator[RunningStack]:
    """Start it, wait until it is up, and stop it whatever happens."""
    var.mkdir(parents=True, exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if name not in _NOT_INHERITED}
    environment = {**kept, **ENVIRONMENT, "ONESLOT_VAR": str(var), "NODES": str(nodes), **settings}
    file, log = var / "run" / "stack.json", var / "stack.log"
    with log.open("w") as out:
        child = subprocess.Popen(
            [sys.executable, "-m", "worker.stack"], cwd=ROOT, env=environment, stdout=out, stderr=out
        )
    try:
        stack = RunningStack(_wait(child, file, log))
        _lift_limit(stack)
        yield stack
    finally:
        child.send_signal(signal.SIGTERM)
        try:
            child.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _lift_limit(stack: RunningStack) -> None:
    """This machine may ask more than the balancer lets one machine ask: it stands for all visitors."""
    configuration = stack.nginx_folder / "nginx.conf"
    text = configuration.read_text()
    if _LIMIT not in text:
        raise StackFailed(f"{configuration} does not limit this machine by {_LIMIT!r}")
    configuration.write_text(text.replace(_LIMIT, _NO_LIMIT))
    os.kill(stack.pids["nginx"], signal.SIGHUP)


def _wait(child: subprocess.Popen[bytes], file: Path, log: Path) -> dict[str, Any]:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and child.poll() is None:
        facts = _read(file)
        if facts.get("pid") == child.pid and "base_url" in facts:
            return facts
        time.sleep(0.2)
    raise StackFailed(f"the stack did not start:\n{log.read_text()[-2000:]}")


def _read(file: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    return found
