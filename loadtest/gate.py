"""Lets many clients go at the same moment."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

Result = TypeVar("Result")

#: Hundreds of threads that only wait for a socket need little stack.
_STACK_BYTES = 512 * 1024
_LONGEST_WAIT_SECONDS = 60.0


def release_together(clients: Sequence[Callable[[Callable[[], None]], Result]]) -> list[Result]:
    """Runs every client in a thread of its own; each gets a function that returns when all have called it.

    A client that raises breaks the gate for all and its error is raised here."""
    gate = threading.Barrier(len(clients), timeout=_LONGEST_WAIT_SECONDS)
    results: list[Result | None] = [None] * len(clients)
    errors: list[Exception] = []

    def run(index: int) -> None:
        try:
            results[index] = clients[index](lambda: _pass(gate))
        except threading.BrokenBarrierError:
            return  # another client broke it and its error is the one to tell
        except Exception as error:
            errors.append(error)
            gate.abort()

    _run_all(run, len(clients))
    if errors:
        raise errors[0]
    if gate.broken:
        raise TimeoutError(f"not all {len(clients)} clients were ready within {_LONGEST_WAIT_SECONDS} s")
    return [result for result in results if result is not None]


def _pass(gate: threading.Barrier) -> None:
    gate.wait()


def _run_all(run: Callable[[int], None], count: int) -> None:
    before = threading.stack_size(_STACK_BYTES)
    try:
        threads = [threading.Thread(target=run, args=(index,), daemon=True) for index in range(count)]
        for thread in threads:
            thread.start()
    finally:
        threading.stack_size(before)
    for thread in threads:
        thread.join()
