"""What a person sees while the stack starts, runs and stops."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


class Progress:
    """One line per step, with the time it took; on a terminal the line shows while the step runs."""

    def __init__(self) -> None:
        self._out = sys.stdout
        self._is_terminal = self._out.isatty()
        self.started_at = time.monotonic()

    def say(self, line: str) -> None:
        print(line, file=self._out, flush=True)

    def note(self, line: str) -> None:
        """Something that happened while the stack ran."""
        self.say(f"{time.strftime('%H:%M:%S')}  {line}")

    @contextmanager
    def step(self, title: str) -> Iterator["Step"]:
        """Nothing is printed for a step that fails: the error line says it."""
        step = Step(title)
        began = time.monotonic()
        self._show(f"  ...    {title}")
        try:
            yield step
        finally:
            self._show(" " * (len(title) + 9))
        self.say(f"{time.monotonic() - began:5.1f} s  {step.title}")

    def _show(self, text: str) -> None:
        """Write over the current line; what follows writes over it in turn."""
        if self._is_terminal:
            print(text, end="\r", file=self._out, flush=True)


@dataclass
class Step:
    """What is being done; who does it may find a better title on the way."""

    title: str
