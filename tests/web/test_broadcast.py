"""One feed for all streams of a process; a slow reader harms only itself."""

import queue
import threading

import pytest

from app.coordination.changes import Change, Missed
from app.errors import Unavailable
from app.web.broadcast import Broadcaster
from app.web.event_stream import MOST_WAITING, Ended
from tests.servers import eventually

SECONDS = 5


class FakeFeed:
    """A feed whose changes the test decides."""

    def __init__(self):
        self._rounds = queue.Queue()
        self.is_closed = threading.Event()

    def tell(self, *messages):
        self._rounds.put(list(messages))

    def fail(self):
        self._rounds.put(ZeroDivisionError("a bug"))

    def wait(self, seconds):
        try:
            found = self._rounds.get(timeout=min(seconds, 0.02))
        except queue.Empty:
            return []
        if isinstance(found, Exception):
            raise found
        return found

    def close(self):
        self.is_closed.set()


def change(number=1, doctor="1"):
    return Change(str(number), doctor, "HELD", number)


@pytest.fixture
def feeds():
    return []


@pytest.fixture
def broadcaster(feeds):
    def make_feed():
        feeds.append(FakeFeed())
        return feeds[-1]

    broadcaster = Broadcaster(make_feed, most_streams=3)
    yield broadcaster
    broadcaster.stop()


def the_feed(feeds):
    return eventually(lambda: feeds and feeds[-1], what="the feed")


def test_every_open_stream_gets_every_change(broadcaster, feeds):
    streams = [broadcaster.open(), broadcaster.open()]

    the_feed(feeds).tell(change())

    assert [stream.next(SECONDS) for stream in streams] == [change(), change()]
    assert len(feeds) == 1


def test_a_stream_gets_only_the_doctors_it_asked_for(broadcaster, feeds):
    stream = broadcaster.open(frozenset({"2", "3"}))

    the_feed(feeds).tell(change(1, "1"), change(2, "2"), change(3, "1"), change(4, "3"))

    assert [stream.next(SECONDS).id for _ in range(2)] == ["2", "4"]


def test_a_later_stream_first_gets_the_latest_changes(broadcaster, feeds):
    first = broadcaster.open()
    the_feed(feeds).tell(change())
    first.next(SECONDS)

    assert broadcaster.open().next(SECONDS) == change()


def test_a_reader_who_does_not_read_is_told_that_it_missed_something(broadcaster, feeds):
    slow, quick = broadcaster.open(), broadcaster.open()
    for number in range(MOST_WAITING + 1):
        the_feed(feeds).tell(change(number))
        assert quick.next(SECONDS) == change(number)

    assert isinstance(slow.next(SECONDS), Missed)


def test_when_there_is_nothing_the_reader_learns_that(broadcaster):
    assert broadcaster.open().next(0.01) is None


def test_more_streams_than_a_node_can_serve_are_refused_until_one_closes(broadcaster):
    streams = [broadcaster.open() for _ in range(3)]

    with pytest.raises(Unavailable):
        broadcaster.open()
    broadcaster.close(streams[0])

    assert broadcaster.open()


def test_after_the_last_stream_the_feed_rests_and_a_new_stream_wakes_it(broadcaster, feeds):
    broadcaster.close(broadcaster.open())
    assert the_feed(feeds).is_closed.wait(SECONDS)

    stream = broadcaster.open()
    eventually(lambda: len(feeds) == 2, what="a new feed")
    feeds[1].tell(change())

    assert stream.next(SECONDS) == change()


def test_stopping_ends_every_stream_and_refuses_new_ones(broadcaster, feeds):
    streams = [broadcaster.open(), broadcaster.open()]
    the_feed(feeds).tell(change())

    broadcaster.stop()

    for stream in streams:
        eventually(lambda stream=stream: isinstance(stream.next(0.1), Ended), what="the end")
    with pytest.raises(Unavailable):
        broadcaster.open()


def test_a_failing_round_is_logged_and_the_next_one_goes_on(broadcaster, feeds, caplog):
    stream = broadcaster.open()

    the_feed(feeds).fail()
    the_feed(feeds).tell(change())

    assert stream.next(SECONDS) == change()


def test_a_stream_opened_while_the_feed_listens_misses_nothing(broadcaster, feeds):
    first = broadcaster.open()
    for number in range(50):
        the_feed(feeds).tell(change(number))
        late = broadcaster.open()

        assert first.next(SECONDS) == change(number)
        assert change(number) in iter(lambda late=late: late.next(0.2), None)

        broadcaster.close(late)
