"""One reader's share of the changes: a queue to read from, or a connection that is written to.

A reader who does not keep up loses the queue, or the connection, and is asked to look again."""

from __future__ import annotations

import queue

from app.coordination.changes import Change, Missed
from app.web.event_text import COMMENT, text_of
from app.web.event_wire import Wire

MOST_WAITING = 100
#: What a stream listens to that asked for no doctor and no showtime.
EVERYTHING = ""


class Ended:
    """The node stops; the reader should connect to another one."""


Message = Change | Ended | Missed


class Stream:
    """The changes one reader asked for: waiting to be read, or written to its connection at once."""

    def __init__(self, topics: frozenset[str]) -> None:
        self.topics = topics or frozenset({EVERYTHING})
        self._waiting: queue.Queue[Message] | None = queue.Queue(MOST_WAITING)
        self._wire: Wire | None = None

    @property
    def is_wired(self) -> bool:
        return self._wire is not None

    def offer(self, message: Change | Missed) -> bool:
        """False when the reader has gone."""
        if self._wire is not None:
            return self._wire.send(text_of(message))
        if self._waiting is not None:
            try:
                self._waiting.put_nowait(message)
            except queue.Full:
                self._take_all()
                self._waiting.put_nowait(Missed())
        return True

    def connect(self, wire: Wire) -> bool:
        """From now on everything is written there, first what waits. False when the reader has gone."""
        waiting, self._wire, self._waiting = self._take_all(), wire, None
        return all(self.offer(message) for message in waiting if not isinstance(message, Ended))

    def comment(self) -> bool:
        """Balancers close what is silent for long, and only a write finds out that a reader has gone."""
        return self._wire is None or self._wire.send(COMMENT)

    def end(self) -> None:
        self._take_all()
        if self._wire is not None:
            self._wire.end()
        elif self._waiting is not None:
            self._waiting.put_nowait(Ended())

    def next(self, seconds: float) -> Message | None:
        """The next message, or None when there was none for so long."""
        if self._waiting is None:
            raise AssertionError("what is connected is not read from")
        try:
            return self._waiting.get(timeout=seconds)
        except queue.Empty:
            return None

    def _take_all(self) -> list[Message]:
        taken: list[Message] = []
        while self._waiting is not None:
            try:
                taken.append(self._waiting.get_nowait())
            except queue.Empty:
                break
        return taken
