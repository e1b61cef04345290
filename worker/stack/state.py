"""What runs now, for tools and for the next start; and the lock that keeps a second stack out."""

import fcntl
import json
import os
import signal
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from worker.stack.errors import StackError
from worker.stack.private_file import write_private

_LEFTOVER_SECONDS = 10.0


class StackState:
    """The folder var/run of one stack; hold() it while running."""

    def __init__(self, var: Path) -> None:
        self.folder = var / "run"
        self._file = self.folder / "stack.json"
        self._lock: int | None = None

    def __enter__(self) -> Self:
        """Raises StackError when another stack uses the same folder."""
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(self.folder / "stack.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as taken:
            os.close(lock)
            other = self.read()
            who = f"pid {other.get('pid', '?')}, {other.get('base_url', 'still starting')}"
            raise StackError(
                f"a stack runs here already ({who}); stop it first, "
                f"or keep this one's state elsewhere: ONESLOT_VAR=<folder> PORTS=free"
            ) from taken
        self._lock = lock
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.unlink(missing_ok=True)
        if self._lock is not None:
            os.close(self._lock)

    def read(self) -> dict[str, Any]:
        """What was written last; empty when nothing was, or not by us."""
        try:
            state = json.loads(self._file.read_text())
        except (OSError, ValueError):
            return {}
        return state if isinstance(state, dict) else {}

    def write(self, facts: dict[str, Any], pids: dict[str, int]) -> None:
        """`facts` stay empty until all is up. Only the owner may read them: the URLs hold passwords."""
        born = {str(pid): birth_of(pid) for pid in pids.values()}
        text = json.dumps({**facts, "pid": os.getpid(), "pids": pids, "born": born}, indent=2)
        write_private(self._file, text + "\n")

    def end_leftovers(self) -> None:
        """End what a stack that was killed left behind. Its children end by themselves, but need a moment."""
        born = self.read().get("born", {})
        left = [int(pid) for pid, birth in born.items() if birth is not None and birth_of(int(pid)) == birth]
        _signal_all(left, signal.SIGINT)
        deadline = time.monotonic() + _LEFTOVER_SECONDS
        while left and time.monotonic() < deadline:
            time.sleep(0.05)
            left = [pid for pid in left if birth_of(pid) == born[str(pid)]]
        _signal_all(left, signal.SIGKILL)


def birth_of(pid: int) -> str | None:
    """When the process began, in the kernel's own count: tells it from a later one with the same number."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except OSError:
        return None
    is_dead = fields[0] == "Z"
    return None if is_dead else fields[19]  # field 22 of proc(5); the first two went with the name


def _signal_all(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except (ProcessLookupError, PermissionError):
            continue
