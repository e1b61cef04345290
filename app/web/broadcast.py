"""One feed of changes per process, fanned out to every open stream of this node.

Works with greenlets and with threads. A slow reader loses its queue, not the others' time."""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Callable

import structlog

from app.coordination.changes import Change, ChangeFeed, Missed
from app.errors import Unavailable

#: A node must carry a thousand; more wait for another one.
MOST_STREAMS = 1500
MOST_WAITING = 100
ROUND_SECONDS = 0.5
log = structlog.get_logger("events")


class Ended:
    """The node stops; the reader should connect to another one."""


Message = Change | Ended | Missed


class Stream:
    """The changes one reader asked for, waiting to be read."""

    def __init__(self, topics: frozenset[str]) -> None:
        self._topics = topics
        self._waiting: queue.Queue[Message] = queue.Queue(MOST_WAITING)

    def offer(self, message: Change | Missed) -> None:
        if isinstance(message, Change) and self._topics and message.topic not in self._topics:
            return
        try:
            self._waiting.put_nowait(message)
        except queue.Full:
            self._drop_all()
            self._waiting.put_nowait(Missed())

    def end(self) -> None:
        self._drop_all()
        self._waiting.put_nowait(Ended())

    def next(self, seconds: float) -> Message | None:
        """The next message, or None when there was none for so long."""
        try:
            return self._waiting.get(timeout=seconds)
        except queue.Empty:
            return None

    def _drop_all(self) -> None:
        while True:
            try:
                self._waiting.get_nowait()
            except queue.Empty:
                return


class Broadcaster:
    """Opens streams and feeds them from one thread that lives while any stream is open."""

    def __init__(self, make_feed: Callable[[], ChangeFeed], most_streams: int = MOST_STREAMS) -> None:
        self._make_feed = make_feed
        self._most_streams = most_streams
        self._lock = threading.Lock()
        self._streams: set[Stream] = set()
        #: Told to every new stream, so that nothing between a page and its stream is lost.
        self._latest: deque[Change] = deque(maxlen=MOST_WAITING // 2)
        self._is_feeding = False
        self._is_stopping = False

    def open(self, topics: frozenset[str] = frozenset()) -> Stream:
        """A stream of the changes of these doctors and showtimes ("doctor:3", "showtime:7"), or of all.

        Call close() with it afterwards.

        Raises Unavailable when this node stops or has as many streams as it can serve."""
        with self._lock:
            if self._is_stopping or len(self._streams) >= self._most_streams:
                raise Unavailable("This node cannot serve another event stream now.", retry_after_seconds=5)
            stream = Stream(topics)
            for change in self._latest:
                stream.offer(change)
            self._streams.add(stream)
            if not self._is_feeding:
                self._is_feeding = True
                threading.Thread(target=self._feed, name="events", daemon=True).start()
            return stream

    def close(self, stream: Stream) -> None:
        with self._lock:
            self._streams.discard(stream)

    @property
    def is_stopping(self) -> bool:
        """For streams that have no queue here."""
        return self._is_stopping

    def stop(self) -> None:
        """End every stream within half a second. Only sets a flag: a signal handler may call it."""
        self._is_stopping = True

    def _feed(self) -> None:
        feed = self._make_feed()
        while self._is_wanted():
            try:
                self._tell(feed.wait(ROUND_SECONDS))
            except Exception:
                log.exception("A round of the event feed failed.")
                time.sleep(ROUND_SECONDS)
        feed.close()

    def _tell(self, messages: list[Change | Missed]) -> None:
        with self._lock:  # a stream opened meanwhile finds each change either in its queue or in _latest
            self._latest.extend(message for message in messages if isinstance(message, Change))
            for stream in self._streams:
                for message in messages:
                    stream.offer(message)

    def _is_wanted(self) -> bool:
        with self._lock:
            if self._is_stopping:
                for stream in self._streams:
                    stream.end()
                self._streams.clear()
            self._is_feeding = bool(self._streams)
            return self._is_feeding
