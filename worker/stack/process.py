"""One child process: started so that it cannot outlive us, stopped politely, then firmly."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from worker.lifeline import end_with_parent
from worker.stack.accounts import Account
from worker.stack.errors import ProcessFailedError

_LOG_LIMIT_BYTES = 5_000_000
_POLL_SECONDS = 0.02


@dataclass(frozen=True)
class Program:
    """What to run, as whom, where its words go, and how it wants to be asked to stop."""

    name: str
    argv: tuple[str, ...]
    log: Path | None  # None: it shares our own output
    cwd: Path
    env: Mapping[str, str] | None = None
    account: Account | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    orphan_signal: signal.Signals = signal.SIGTERM  # what the kernel sends it when we are gone
    stop_seconds: float = 10.0
    owns_group: bool = True  # False: it lives and is stopped or frozen together with our own group


class Child:
    """A started Program."""

    def __init__(self, program: Program) -> None:
        """Start it; raises ProcessFailedError when the system refuses."""
        self.program = program
        self.started_at = time.monotonic()
        self._process = _spawn(program)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative when a signal ended it."""
        return self._process.poll()

    @property
    def is_alive(self) -> bool:
        return self.exit_code is None

    def ask_to_stop(self) -> None:
        if self.is_alive:
            self._process.send_signal(self.program.stop_signal)

    def wait(self, seconds: float) -> bool:
        """True when it has ended within `seconds`."""
        try:
            self._process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def kill(self) -> None:
        """End it at once with everything it started in its own group."""
        if self.program.owns_group:
            self.sweep_group()
        if self.is_alive:
            self._process.kill()
        self._process.wait()

    def sweep_group(self) -> None:
        """End what a dead child left in its group, such as nginx workers after kill -9 of their master."""
        if self.program.owns_group:
            try:
                os.killpg(self.pid, signal.SIGKILL)
            except ProcessLookupError:
                return

    def stop(self) -> None:
        """Ask, wait for the time this program is allowed, then kill; harmless twice."""
        self.ask_to_stop()
        self.wait(self.program.stop_seconds)
        self.kill()

    def last_words(self, lines: int = 5) -> str:
        """The end of its log, for a person who wants to know why it died."""
        if self.program.log is None or not self.program.log.exists():
            return ""
        text = self.program.log.read_text(errors="replace")
        return "\n".join(text.splitlines()[-lines:])


def wait_until(
    is_ready: Callable[[], bool],
    child: Child,
    seconds: float,
    pause: Callable[[float], None] = time.sleep,
    poll_seconds: float = _POLL_SECONDS,
) -> None:
    """Return when `is_ready`; raises ProcessFailedError when the child ends first or the time is over."""
    deadline = time.monotonic() + seconds
    while not is_ready():
        if not child.is_alive and not is_ready():  # it may have become ready by ending just now
            raise ProcessFailedError(
                f"{child.program.name} {describe_exit(child.exit_code)}{_log_hint(child)}"
            )
        if time.monotonic() > deadline:
            raise ProcessFailedError(
                f"{child.program.name} was not ready after {seconds:.0f} s{_log_hint(child)}"
            )
        pause(poll_seconds)


def run_to_end(program: Program, seconds: float, pause: Callable[[float], None] = time.sleep) -> None:
    """Run a program that ends by itself; raises ProcessFailedError unless it ends well and in time."""
    wait_for_end(Child(program), seconds, pause)


def wait_for_end(child: Child, seconds: float, pause: Callable[[float], None] = time.sleep) -> None:
    """Like run_to_end, for one that was started before."""
    try:
        wait_until(lambda: not child.is_alive, child, seconds, pause)
        if child.exit_code != 0:
            raise ProcessFailedError(
                f"{child.program.name} {describe_exit(child.exit_code)}{_log_hint(child)}"
            )
    finally:
        child.kill()


def stop_together(
    children: Sequence[Child], rest: Callable[[float], None], is_urgent: Callable[[], bool]
) -> None:
    """Ask all to stop at once, give each the time it is allowed, then kill what is left."""
    for child in children:
        child.ask_to_stop()
    started = time.monotonic()
    waiting = list(children)
    while waiting and not is_urgent():
        patience = time.monotonic() - started
        waiting = [c for c in waiting if c.is_alive and patience < c.program.stop_seconds]
        if waiting:
            rest(_POLL_SECONDS)
    for child in children:
        child.kill()


def describe_exit(code: int | None) -> str:
    if code is None:
        return "is running"
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"


def _log_hint(child: Child) -> str:
    words = child.last_words()
    return f" (see {child.program.log})" + (f":\n{words}" if words else "") if child.program.log else ""


def _spawn(program: Program) -> subprocess.Popen[bytes]:
    log = _open_log(program.log)
    account = program.account
    try:
        return subprocess.Popen(
            program.argv,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT if log else None,
            cwd=program.cwd,
            env=program.env,
            process_group=0 if program.owns_group else None,
            # Runs after the change of user, which would make the kernel forget it.
            preexec_fn=partial(end_with_parent, os.getpid(), program.orphan_signal),
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )
    except OSError as problem:
        raise ProcessFailedError(
            f"cannot start {program.name} ({program.argv[0]}): {problem.strerror}"
        ) from problem
    finally:
        if log is not None:
            os.close(log)


def _open_log(path: Path | None) -> int | None:
    if path is None:
        return None
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > _LOG_LIMIT_BYTES:
        path.replace(path.with_suffix(".log.1"))
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
