"""Signals as the stack and the nodes use them: a wish to stop, noticed while waiting, never in the middle."""

import os
import select
import signal
from types import FrameType

from worker.stack.errors import StopRequested

_STOP = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopSignals:
    """Remembers stop signals and wakes whoever waits; build one per process, in its main thread."""

    def __init__(self) -> None:
        self._count = 0
        self._wakeups, writing = os.pipe()
        os.set_blocking(self._wakeups, False)
        os.set_blocking(writing, False)
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        for number in _STOP:
            signal.signal(number, self._note)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # only to be woken when a child ends

    @property
    def is_requested(self) -> bool:
        return self._count > 0

    @property
    def is_urgent(self) -> bool:
        """A second signal means: do not wait for anybody."""
        return self._count > 1

    def rest(self, seconds: float) -> None:
        """Sleep, but no longer than until the next signal or the end of a child."""
        if select.select([self._wakeups], [], [], seconds)[0]:
            os.read(self._wakeups, 4096)

    def pause(self, seconds: float) -> None:
        """Like rest; raises StopRequested once somebody asked to stop."""
        if not self.is_requested:
            self.rest(seconds)
        if self.is_requested:
            raise StopRequested

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._count += 1
