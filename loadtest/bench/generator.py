"""Makes the load: wrk when it is on PATH, else a small asyncio client of ours in a process of its own."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPMessage
from pathlib import Path
from urllib.parse import urlsplit

SCRIPT = Path(__file__).parent / "wrk.lua"
_GRACE_SECONDS = 30.0


class GeneratorFailed(Exception):
    """The generator did not run to its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """What is asked again and again: a GET, bookings of many slots (a file of ids), or of the same one."""

    url: str
    path: str
    what: str = "get"
    given: str = "-"
    #: Makes the Idempotency-Keys of this run different from those of all others.
    run: str = "-"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sample:
    """What the generator saw; times in milliseconds."""

    requests: int
    seconds: float
    broken: int
    p50: float
    p90: float
    p99: float
    statuses: Mapping[str, int]

    @property
    def rate(self) -> float:
        return self.requests / self.seconds

    def count(self, status: int) -> int:
        return self.statuses.get(str(status), 0)

    def others_than(self, *expected: int) -> int:
        """Answers that are none of these, and requests that got no answer."""
        return self.broken + sum(n for code, n in self.statuses.items() if int(code) not in expected)


def fire(shot: Shot, connections: int, seconds: float) -> Sample:
    """Ask for so long over so many connections at once, each as fast as it is answered."""
    wrk = shutil.which("wrk")
    command = _wrk(wrk, shot, connections, seconds) if wrk else _own(shot, connections, seconds)
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + _GRACE_SECONDS)
    lines = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    if done.returncode or not lines:
        raise GeneratorFailed(f"{command[0]} ended with {done.returncode}: {done.stdout}{done.stderr}")
    return Sample(**json.loads(lines[0].removeprefix("RESULT ")))


def get(url: str, path: str, headers: Mapping[str, str]) -> tuple[HTTPMessage, bytes]:
    """The headers and the body, as it went over the wire, of one answer."""
    connection = HTTPConnection(urlsplit(url).netloc, timeout=10)
    try:
        connection.request("GET", path, headers=dict(headers))
        answer = connection.getresponse()
        return answer.headers, answer.read()
    finally:
        connection.close()


def name_of_generator() -> str:
    return "wrk" if shutil.which("wrk") else "asyncio client"


def _wrk(program: str, shot: Shot, connections: int, seconds: float) -> Sequence[str]:
    headers = [f"{name}: {value}" for name, value in shot.headers.items()]
    return [
        program, "-t1", f"-c{connections}", f"-d{max(round(seconds), 1)}s", "--timeout", "10s", "--latency",
        "-s", str(SCRIPT), shot.url, "--", shot.what, shot.path, shot.given, shot.run, *headers,
    ]  # fmt: skip


def _own(shot: Shot, connections: int, seconds: float) -> Sequence[str]:
    order = {
        "url": shot.url,
        "path": shot.path,
        "what": shot.what,
        "given": shot.given,
        "run": shot.run,
        "headers": dict(shot.headers),
        "connections": connections,
        "seconds": seconds,
    }
    return [sys.executable, "-m", "loadtest.bench.own_generator", json.dumps(order)]
