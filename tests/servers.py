"""Real servers for tests: own ports, own folders, gone when the test process is gone."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default as modern
from pathlib import Path
from typing import Any, TypeVar

from worker.stack.accounts import account_for_servers
from worker.stack.errors import ProcessFailedError
from worker.stack.ports import LOOPBACK, is_answering, pick_free_port
from worker.stack.postgres import PostgresServer
from worker.stack.postgres_programs import find_postgres
from worker.stack.process import Child, Program, wait_until
from worker.stack.redis import RedisServer, find_redis

Started = TypeVar("Started")

ROOT = Path(__file__).resolve().parents[1]
# Settings of whoever runs the tests must not steer the processes that the tests start.
_OURS = (
    "DATABASE_URL",
    "REDIS_URL",
    "SMTP_URL",
    "BASE_URL",
    "APP_ENV",
    "PORT",
    "WEB_CONCURRENCY",
    "NODE_ID",
    "DYNO",
    "DATA_KEY",
    "DATA_KEY_EARLIER",
)


def clean_environment(**settings: str) -> dict[str, str]:
    """The environment for a process under test: the machine's, without our variables, plus `settings`."""
    kept = {name: value for name, value in os.environ.items() if name not in _OURS}
    return {**kept, "APP_ENV": "test", "PYTHONPATH": str(ROOT), **settings}


def run_python_module(module: str, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m module` to its end; raises when it fails, with what it said."""
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        env=clean_environment(**settings),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, (
        f"python -m {module} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
    )
    return done


def eventually(is_so: Callable[[], Any], seconds: float = 10.0, what: str = "it") -> Any:
    """The first true answer of `is_so`; fails when there is none in time. For real processes only."""
    deadline = time.monotonic() + seconds
    while not (answer := is_so()):
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds} s"
        time.sleep(0.02)
    return answer


@contextmanager
def throwaway_folder() -> Iterator[Path]:
    """A folder that root's stand-in account may enter too; pytest's own tmp_path is closed to it."""
    folder = Path(tempfile.mkdtemp(prefix="oneslot-test-"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def running_postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL that writes nothing to the disk in earnest: fast, and gone afterwards."""
    account = account_for_servers()
    programs = find_postgres(account)
    with throwaway_folder() as folder:

        def on_port(port: int) -> tuple[PostgresServer, Child]:
            server = PostgresServer(programs, folder, port, folder / "log", account, is_durable=False)
            server.prepare()
            child = Child(server.program())
            server.wait_ready(child, time.sleep)
            return server, child

        server, child = _started(on_port)
        try:
            yield server
        finally:
            child.stop()
            shutil.rmtree(server.home, ignore_errors=True)


@dataclass
class RunningRedis:
    """A server of one test's own, to kill, freeze and revive."""

    server: RedisServer
    child: Child

    @property
    def url(self) -> str:
        return self.server.url

    def freeze(self) -> None:
        os.kill(self.child.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.child.pid, signal.SIGCONT)

    def kill(self) -> None:
        self.child.kill()

    def restart(self) -> None:
        """Start it again on the same port with the data it had."""
        self.child.kill()
        self.child = Child(self.server.program())
        self.server.wait_ready(self.child, time.sleep)


@contextmanager
def running_redis() -> Iterator[RunningRedis]:
    program = find_redis()
    with throwaway_folder() as folder:

        def on_port(port: int) -> RunningRedis:
            server = RedisServer(program, folder, port, folder / "log")
            child = Child(server.program())
            server.wait_ready(child, time.sleep)
            return RunningRedis(server, child)

        running = _started(on_port)
        try:
            yield running
        finally:
            running.child.kill()


@dataclass
class SmtpSink:
    """The mail sink as a process of its own; stop() and start() keep port and folder."""

    port: int
    folder: Path
    child: Child | None = None

    @property
    def url(self) -> str:
        return f"smtp://{LOOPBACK}:{self.port}"

    def start(self) -> None:
        where = ("--port", str(self.port), "--folder", str(self.folder))
        argv = (sys.executable, "-m", "worker.mailsink", *where)
        self.child = Child(
            Program("mail sink", argv, self.folder.with_suffix(".log"), ROOT, clean_environment())
        )
        wait_until(lambda: is_answering(self.port), self.child, 20)

    def stop(self) -> None:
        if self.child:
            self.child.stop()

    def messages(self) -> list[EmailMessage]:
        """What a person would see: each message once, oldest first."""
        files = sorted(self.folder.glob("*.eml"), key=lambda file: file.stat().st_mtime_ns)
        parser = BytesParser(_class=EmailMessage, policy=modern)
        return [parser.parsebytes(file.read_bytes()) for file in files]

    def deliveries(self) -> int:
        """How often something was delivered, repeats included."""
        log = self.folder / "deliveries.jsonl"
        return len(log.read_text().splitlines()) if log.exists() else 0

    def wait_for(self, count: int, seconds: float = 10.0) -> list[EmailMessage]:
        """At least `count` messages, as soon as they are there."""
        return eventually(
            lambda: found if len(found := self.messages()) >= count else None, seconds, f"{count} mails"
        )


@contextmanager
def running_smtp_sink() -> Iterator[SmtpSink]:
    with throwaway_folder() as folder:

        def on_port(port: int) -> SmtpSink:
            sink = SmtpSink(port, folder / "mail")
            sink.start()
            return sink

        sink = _started(on_port)
        try:
            yield sink
        finally:
            sink.stop()


def _started(on_port: Callable[[int], Started]) -> Started:
    """Start something on a free port; on another one if somebody took that port meanwhile."""
    for _ in range(2):
        try:
            return on_port(pick_free_port())
        except ProcessFailedError as problem:
            if "in use" not in str(problem):
                raise
    return on_port(pick_free_port())


def environment_of(pid: int) -> Mapping[str, str]:
    """The environment a process was started with, as /proc shows it."""
    pairs = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
    return dict(pair.split("=", 1) for pair in pairs if "=" in pair)
