"""The leader's rounds for notices, in a thread of their own: a slow mail server must not delay the lease."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import structlog

from app.errors import Unavailable
from app.notices.reconciler import Round, deliver_due
from app.notices.sender import Sender

#: So long a job takes to reach the queue, at most, when nothing is wrong.
FRESH_SECONDS = 1.0
log = structlog.get_logger("postman")


class Postman:
    """start_round() returns at once; a round that still runs is not joined by a second."""

    def __init__(self, sender: Sender, enqueue: Callable[[str, str], bool]) -> None:
        self._sender = sender
        self._enqueue = enqueue
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="postman")
        self._round: Future[Round] | None = None
        self._before = Round()

    def start_round(self) -> None:
        if self._round is None or self._round.done():
            self._round = self._thread.submit(self._walk)

    def _walk(self) -> Round:
        try:
            self._before = deliver_due(self._sender, self._enqueue, self._before, FRESH_SECONDS)
            return self._before
        except Unavailable as error:
            log.warning("The round waits for the database.", detail=error.detail)
        except Exception:
            log.exception("A round failed; the next one starts anew.")
        return Round()
