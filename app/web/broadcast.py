"""One feed of changes per process, fanned out to every open stream of this node.

Works with greenlets and with threads. A slow reader loses its queue or its connection, not others' time."""

from __future__ import annotations

import atexit
import signal
import threading
import time
from collections import deque
from collections.abc import Callable
from types import FrameType

import structlog

from app.coordination.changes import Change, ChangeFeed, Missed
from app.errors import Unavailable
from app.web.event_stream import EVERYTHING, MOST_WAITING, Stream
from app.web.event_text import COMMENT_SECONDS
from app.web.event_wire import Wire

#: A node must carry a thousand; more wait for another one.
MOST_STREAMS = 1500
ROUND_SECONDS = 0.5
log = structlog.get_logger("events")


class Broadcaster:
    """Opens streams and feeds them from one thread that lives while any stream is open."""

    def __init__(self, make_feed: Callable[[], ChangeFeed], most_streams: int = MOST_STREAMS) -> None:
        self._make_feed = make_feed
        self._most_streams = most_streams
        self._lock = threading.Lock()
        self._streams: set[Stream] = set()
        #: The same by what they listen to, so that a change looks at those alone who hear it.
        self._listening: dict[str, set[Stream]] = {}
        #: Told to every new stream, so that nothing between a page and its stream is lost.
        self._latest: deque[Change] = deque(maxlen=MOST_WAITING // 2)
        self._commented_at = time.monotonic()
        self._is_feeding = False
        self._is_stopping = False

    def open(self, topics: frozenset[str] = frozenset()) -> Stream:
        """A stream of the changes of these doctors and showtimes ("doctor:3", "showtime:7"), or of all.

        Call close() with it afterwards, or hand it over.

        Raises Unavailable when this node stops or has as many streams as it can serve."""
        with self._lock:
            if self._is_stopping or len(self._streams) >= self._most_streams:
                raise Unavailable("This node cannot serve another event stream now.", retry_after_seconds=5)
            stream = Stream(topics)
            for change in self._latest:
                if not topics or change.topic in topics:
                    stream.offer(change)
            self._streams.add(stream)
            for topic in stream.topics:
                self._listening.setdefault(topic, set()).add(stream)
            if not self._is_feeding:
                self._is_feeding = True
                threading.Thread(target=self._feed, name="events", daemon=True).start()
            return stream

    def hand_over(self, stream: Stream, wire: Wire) -> None:
        """Write to the reader from here until it has gone; nobody has to wait for the stream any more."""
        with self._lock:
            if stream not in self._streams:
                wire.end()
            elif not stream.connect(wire):
                self._drop(stream)

    def close(self, stream: Stream) -> None:
        with self._lock:
            self._drop(stream)

    @property
    def wired(self) -> int:
        """How many streams were handed over and are open."""
        with self._lock:
            return sum(stream.is_wired for stream in self._streams)

    @property
    def is_stopping(self) -> bool:
        """For streams that have no queue here."""
        return self._is_stopping

    def stop(self) -> None:
        """End every stream within half a second. Only sets a flag: a signal handler may call it."""
        self._is_stopping = True

    def stop_on_sigterm(self) -> None:
        """A server that is told to end would wait for its open streams, but not for those it let go of: they
        end with the process. Call it in the main thread."""
        atexit.register(self._end_streams)
        earlier = signal.getsignal(signal.SIGTERM)

        def stop(number: int, frame: FrameType | None) -> None:
            self.stop()
            if callable(earlier):
                earlier(number, frame)
            elif earlier is signal.SIG_DFL:
                raise SystemExit(128 + number)

        signal.signal(signal.SIGTERM, stop)

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
            for message in messages:
                self._drop_all([stream for stream in self._hearing(message) if not stream.offer(message)])
            if time.monotonic() - self._commented_at > COMMENT_SECONDS:
                self._commented_at = time.monotonic()
                self._drop_all([stream for stream in self._streams if not stream.comment()])

    def _hearing(self, message: Change | Missed) -> list[Stream]:
        if isinstance(message, Missed):
            return list(self._streams)
        return [*self._listening.get(message.topic, ()), *self._listening.get(EVERYTHING, ())]

    def _drop_all(self, gone: list[Stream]) -> None:
        for stream in gone:
            self._drop(stream)

    def _drop(self, stream: Stream) -> None:
        if stream not in self._streams:
            return
        self._streams.remove(stream)
        for topic in stream.topics:
            self._listening[topic].discard(stream)
            if not self._listening[topic]:
                del self._listening[topic]

    def _is_wanted(self) -> bool:
        with self._lock:
            if not self._is_stopping:
                self._is_feeding = bool(self._streams)
                return self._is_feeding
        self._end_streams()
        return False

    def _end_streams(self) -> None:
        with self._lock:
            self._is_stopping, self._is_feeding = True, False
            for stream in list(self._streams):
                stream.end()
                self._drop(stream)
