"""Strikes one node of the running stack: makes it slow, hangs it, or kills it whenever it comes back."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from loadtest.cluster_view import nodes_in

NODE_FAULTS = ("none", "slow", "stop", "kill")
#: Half of the time it stands still.
_DUTY_SECONDS = 0.2
_WATCH_SECONDS = 0.05


@contextmanager
def node_fault(name: str, node: str, stack_file: Path) -> Iterator[None]:
    """Keeps the fault up for the length of the block; afterwards the node may go on."""
    if name == "none":
        yield
        return
    over = threading.Event()
    strike = {"slow": _slow, "stop": _stop, "kill": _kill}[name]
    striker = threading.Thread(target=strike, args=(node, stack_file, over), daemon=True)
    striker.start()
    try:
        yield
    finally:
        over.set()
        striker.join()


def _slow(node: str, stack_file: Path, over: threading.Event) -> None:
    while not over.is_set():
        _signal(node, stack_file, signal.SIGSTOP)
        over.wait(_DUTY_SECONDS)
        _signal(node, stack_file, signal.SIGCONT)
        over.wait(_DUTY_SECONDS)


def _stop(node: str, stack_file: Path, over: threading.Event) -> None:
    _signal(node, stack_file, signal.SIGSTOP)
    over.wait()
    _signal(node, stack_file, signal.SIGCONT)


def _kill(node: str, stack_file: Path, over: threading.Event) -> None:
    """The stack starts it again; then it is killed again."""
    struck = None
    while not over.is_set():
        if (pid := _pid(node, stack_file)) != struck:
            _signal(node, stack_file, signal.SIGKILL)
            struck = pid
        over.wait(_WATCH_SECONDS)


def _signal(node: str, stack_file: Path, blow: signal.Signals) -> None:
    try:
        os.killpg(_pid(node, stack_file), blow)
    except ProcessLookupError:
        return  # it has just ended, and will be another process when it is back


def _pid(node: str, stack_file: Path) -> int:
    return next(each.pid for each in nodes_in(stack_file) if each.id == node)
