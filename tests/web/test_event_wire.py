"""Connections that the server let go of: written to without waiting, closed when a reader is slow or gone."""

import os
import socket
import ssl
from contextlib import closing

import pytest

from app.clock import SystemClock
from app.coordination.changes import Change, Missed
from app.web.broadcast import Broadcaster
from app.web.event_stream import Ended
from app.web.event_text import COMMENT, REFRESH, text_of
from app.web.event_wire import LAST_CHUNK, Wire
from app.web.load_meter import LoadMeter
from tests.servers import eventually
from tests.web.test_broadcast import FakeFeed

ENDED = b""


def change(number=1, topic="doctor:1"):
    return Change(str(number), topic, "HELD", number)


@pytest.fixture
def ends():
    """The server's end and the reader's."""
    here, there = socket.socketpair()
    there.settimeout(5)
    with closing(here), closing(there):
        yield here, there


@pytest.fixture
def reader(ends):
    return ends[1]


@pytest.fixture
def wire(ends):
    here, _ = ends
    wire = Wire(here.fileno(), is_chunked=False)
    here.close()  # as the server does
    yield wire
    wire.end()


@pytest.fixture
def feed():
    return FakeFeed()


@pytest.fixture
def broadcaster(feed):
    broadcaster = Broadcaster(lambda: feed, most_streams=3)
    yield broadcaster
    broadcaster.stop()
    eventually(lambda: not broadcaster._is_feeding, what="the end of the feed")


def is_closed(descriptor):
    try:
        os.fstat(descriptor)
    except OSError:
        return True
    return False


def test_it_outlives_the_server_s_end_of_the_connection(wire, reader):
    assert wire.send(b"data")
    assert reader.recv(100) == b"data"


def test_in_chunks_it_goes_on_in_chunks_and_ends_with_the_last(ends):
    here, reader = ends
    wire = Wire(here.fileno(), is_chunked=True)
    here.close()

    wire.send(b"seventeen letters")
    wire.end()

    assert reader.recv(100) == b"11\r\nseventeen letters\r\n" + LAST_CHUNK
    assert reader.recv(100) == ENDED


def test_a_reader_who_does_not_keep_up_is_let_go_at_once(wire, reader):
    descriptor = wire._descriptor
    rounds = next(number for number in range(10_000) if not wire.send(b"x" * 4000))

    assert rounds > 1
    assert is_closed(descriptor)
    assert not wire.send(b"more")


def test_a_reader_who_has_gone_is_noticed_by_the_next_write(wire, reader):
    reader.close()

    assert not wire.send(b"data")


@pytest.mark.parametrize(
    ("protocol", "is_chunked"), [("HTTP/1.1", True), ("HTTP/1.0", False), ("HTTP/2.0", None)]
)
def test_only_connections_that_carry_one_answer_are_taken(ends, protocol, is_chunked):
    here, _ = ends

    wire = Wire.of({"gunicorn.socket": here, "SERVER_PROTOCOL": protocol})

    assert (None if wire is None else wire._is_chunked) == is_chunked
    if wire is not None:
        wire.end()


def test_an_encrypted_connection_stays_with_the_server_and_so_do_those_of_other_servers():
    context = ssl.create_default_context()
    encrypted = context.wrap_socket(socket.socket(), do_handshake_on_connect=False, server_hostname="x")

    assert Wire.of({"gunicorn.socket": encrypted, "SERVER_PROTOCOL": "HTTP/1.1"}) is None
    assert Wire.of({"SERVER_PROTOCOL": "HTTP/1.1"}) is None
    encrypted.close()


def test_what_waited_is_written_first_and_then_what_comes(broadcaster, feed, wire, reader):
    stream, other = broadcaster.open(frozenset({"doctor:1"})), broadcaster.open()
    feed.tell(change(1), change(2, "doctor:2"))
    assert other.next(5) == change(1)

    broadcaster.hand_over(stream, wire)
    first = reader.recv(1000)
    feed.tell(change(3), change(4, "doctor:2"), Missed())

    wanted = text_of(change(3)) + REFRESH
    told = b""
    while len(told) < len(wanted):
        told += reader.recv(1000)
    assert first == text_of(change(1))
    assert told == wanted
    assert broadcaster.wired == 1


def test_a_reader_who_has_gone_makes_room_for_another(broadcaster, feed, wire, reader):
    streams = [broadcaster.open(frozenset({f"doctor:{number}"})) for number in (1, 2, 3)]
    broadcaster.hand_over(streams[0], wire)

    reader.close()
    feed.tell(change(1))

    eventually(lambda: broadcaster.wired == 0, what="the reader's absence")
    assert broadcaster.open()
    assert "doctor:1" not in broadcaster._listening


def test_a_stream_that_was_handed_over_still_counts_as_open(broadcaster, wire):
    meter = LoadMeter(SystemClock(), lambda: broadcaster.wired)
    before = meter.report()

    broadcaster.hand_over(broadcaster.open(), wire)

    after = meter.report()
    assert (before.streams, before.in_flight) == (0, 0)
    assert (after.streams, after.in_flight) == (1, 1)


def test_silence_is_broken_by_comments(broadcaster, feed, wire, reader, monkeypatch):
    monkeypatch.setattr("app.web.broadcast.COMMENT_SECONDS", 0.01)
    broadcaster.hand_over(broadcaster.open(), wire)

    assert reader.recv(len(COMMENT)) == COMMENT


def test_a_node_that_stops_ends_the_answer(broadcaster, wire, reader):
    broadcaster.hand_over(broadcaster.open(), wire)

    broadcaster.stop()

    assert reader.recv(100) == ENDED


def test_a_stream_that_ended_before_it_was_handed_over_is_ended_for_its_reader_too(broadcaster, wire, reader):
    stream = broadcaster.open()
    broadcaster.stop()
    assert isinstance(stream.next(5), Ended)

    broadcaster.hand_over(stream, wire)

    assert reader.recv(100) == ENDED
