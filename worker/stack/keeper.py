"""Keeps a program running: when it ends it is started again, later each time that it ended soon."""

import time
from collections.abc import Callable

from worker.stack.errors import ProcessFailedError
from worker.stack.process import Child, Program, describe_exit

_STEADY_SECONDS = 10.0  # who ran that long is given a fresh start


def seconds_before_restart(quick_ends: int) -> float:
    """A quarter of a second at first, doubled for each quick end, half a minute at most."""
    return float(min(0.25 * 2**quick_ends, 30.0))


class Keeper:
    """One program and the child that runs it now."""

    def __init__(self, program: Program, say: Callable[[str], None]) -> None:
        self.program = program
        self.child = Child(program)
        self._say = say
        self._quick_ends = 0
        self._restart_at: float | None = None

    def check(self) -> bool:
        """Start the program again if it ended and its time has come; True when it did."""
        now = time.monotonic()
        if self._restart_at is None and not self.child.is_alive:
            self._plan_restart(now)
        if self._restart_at is None or now < self._restart_at:
            return False
        self._restart_at = None
        return self._start_again()

    def _plan_restart(self, now: float) -> None:
        self.child.sweep_group()
        is_steady = now - self.child.started_at > _STEADY_SECONDS
        self._quick_ends = 0 if is_steady else self._quick_ends + 1
        delay = seconds_before_restart(self._quick_ends - 1 if self._quick_ends else 0)
        self._restart_at = now + delay
        log = f"; its log: {self.program.log}" if self.program.log else ""
        self._say(
            f"{self.program.name} {describe_exit(self.child.exit_code)}, starts again in {delay:g} s{log}"
        )

    def _start_again(self) -> bool:
        try:
            self.child = Child(self.program)
        except ProcessFailedError as problem:
            self._say(str(problem))
            self._restart_at = time.monotonic() + seconds_before_restart(self._quick_ends)
            self._quick_ends += 1
            return False
        self._say(f"{self.program.name} runs again (pid {self.child.pid})")
        return True
