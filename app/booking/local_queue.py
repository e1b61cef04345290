"""One at a time for each doctor or slot, inside this process, before anybody queues in the database.

Those who wait here hold no connection, and whoever comes to the front looks before they ask for the row."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from app.errors import Unavailable

STRIPES = 256
LONGEST_WAIT_SECONDS = 5.0


class LocalQueue:
    """Two ids may share a stripe; they only wait for each other a little."""

    def __init__(self, seconds: float = LONGEST_WAIT_SECONDS) -> None:
        self._seconds = seconds
        self._stripes = tuple(threading.Lock() for _ in range(STRIPES))

    @contextmanager
    def turn(self, wanted_id: int) -> Iterator[None]:
        """Raises Unavailable for whoever would have to wait too long. Nobody takes two turns at once."""
        stripe = self._stripes[wanted_id % STRIPES]
        if not stripe.acquire(timeout=self._seconds):
            raise Unavailable("Too many people want the same. Please try again.")
        try:
            yield
        finally:
            stripe.release()
