"""N1: screens hear of changes; the stream says nothing about people (attack 7)."""

import http.client
import json
import os
import signal
import subprocess
import sys
from contextlib import closing

import pytest
from redis import Redis

from app.coordination import keys
from app.web.broadcast import Broadcaster
from app.web.parts import EXTENSION
from tests.moments import no_longer_than
from tests.servers import ROOT, clean_environment, eventually
from tests.web.conftest import make_app
from worker.stack.ports import pick_free_port

CHANGE = {"type": "slot", "id": "5", "doctor_id": "1", "state": "HELD", "version": 3, "lamport": 9}


@pytest.fixture
def node(sqlite_url, redis_url):
    app = make_app(sqlite_url, redis_url)
    yield app
    app.extensions[EXTENSION].broadcaster.stop()
    eventually(lambda: not subscribed(redis_url), what="the end of the subscription")
    app.extensions[EXTENSION].database.dispose()


@pytest.fixture
def connect(node):
    """connect("?doctor_id=1") opens a stream; gives an iterator over its pieces."""
    opened = []

    def open_stream(query="", **headers):
        opened.append(node.test_client().get(f"/api/events{query}", headers=headers, buffered=False))
        return opened[-1]

    yield open_stream
    for response in opened:
        response.close()


def publish(redis_url, **changes):
    with Redis.from_url(redis_url) as redis:
        redis.publish(keys.EVENTS_CHANNEL, json.dumps(CHANGE | changes))


def subscribed(redis_url):
    with Redis.from_url(redis_url) as redis:
        return dict(redis.pubsub_numsub(keys.EVENTS_CHANNEL))[keys.EVENTS_CHANNEL.encode()]


def test_a_stream_greets_and_then_tells_each_change(connect, redis_url):
    response = connect()
    pieces = response.iter_encoded()
    greeting = next(pieces)
    eventually(lambda: subscribed(redis_url), what="the subscription")

    publish(redis_url)

    assert greeting.startswith(b": hi\n\nretry: ")
    told = next(pieces).decode()
    assert told.startswith("id: 5.3\nevent: slot\ndata: ")
    assert told.endswith("\n\n")
    assert json.loads(told.partition("data: ")[2]) == {
        "type": "slot",
        "id": "5",
        "doctor_id": "1",
        "state": "HELD",
        "version": 3,
    }


def test_the_answer_is_neither_kept_nor_collected_on_its_way(connect):
    headers = connect().headers

    assert headers["Content-Type"].startswith("text/event-stream")
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Accel-Buffering"] == "no"


def test_only_the_doctors_asked_for_are_told(connect, redis_url):
    pieces = connect("?doctor_ids=2,3").iter_encoded()
    next(pieces)
    eventually(lambda: subscribed(redis_url), what="the subscription")

    publish(redis_url, doctor_id="1")
    publish(redis_url, doctor_id="3", id="6")

    assert b'"doctor_id":"3"' in next(pieces)


def test_the_seats_of_one_showtime_are_told_and_no_doctor_s_time(connect, redis_url):
    pieces = connect("?showtime_id=7").iter_encoded()
    next(pieces)
    eventually(lambda: subscribed(redis_url), what="the subscription")

    publish(redis_url, doctor_id="7")
    publish(redis_url, doctor_id=None, showtime_id="7", id="6")

    told = next(pieces).decode()
    assert json.loads(told.partition("data: ")[2]) == {
        "type": "slot",
        "id": "6",
        "showtime_id": "7",
        "state": "HELD",
        "version": 3,
    }


def test_a_reader_who_comes_back_is_asked_to_look_again(connect):
    pieces = connect(**{"Last-Event-ID": "5.2"}).iter_encoded()
    next(pieces)

    assert next(pieces) == b"event: refresh\ndata: {}\n\n"


def test_silence_is_broken_by_a_comment(connect, monkeypatch):
    monkeypatch.setattr("app.web.events.COMMENT_SECONDS", 0.01)
    pieces = connect().iter_encoded()
    next(pieces)

    assert next(pieces) == b": still here\n\n"


@pytest.mark.parametrize(
    "query", ["?doctor_id=x", "?doctor_ids=1,,2", "?doctor_ids=" + "1," * 60 + "1", "?x=1"]
)
def test_what_cannot_be_asked_for_is_refused(node, query):
    assert node.test_client().get(f"/api/events?{query}").status_code == 422


def test_a_full_node_refuses_with_a_problem_and_a_closed_stream_makes_room(sqlite_url, redis_url):
    app = make_app(sqlite_url, redis_url)
    parts = app.extensions[EXTENSION]
    object.__setattr__(parts, "broadcaster", Broadcaster(parts.broadcaster._make_feed, most_streams=1))
    first = app.test_client().get("/api/events", buffered=False)

    refused = app.test_client().get("/api/events")
    first.close()
    second = app.test_client().get("/api/events", buffered=False)

    assert (refused.status_code, refused.mimetype) == (503, "application/problem+json")
    assert refused.headers["Retry-After"]
    assert second.status_code == 200
    second.close()
    eventually(lambda: not subscribed(redis_url), what="the end of the subscription")


@pytest.fixture(params=["wsgi:app", "wsgi_events:app"])
def gunicorn(request, sqlite_url, redis_url):
    """The real server with one worker; gives its process and port."""
    port = pick_free_port()
    environment = clean_environment(
        DATABASE_URL=sqlite_url, REDIS_URL=redis_url, PORT=str(port), BIND_HOST="127.0.0.1",
        NODE_ID="node-7", LOG_LEVEL="warning",
    )  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", request.param], cwd=ROOT, env=environment
    )
    try:
        eventually(lambda: answers(port), 30, "the server")
        yield process, port
    finally:
        process.kill()
        process.wait()


def answers(port):
    try:
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=2)) as connection:
            connection.request("GET", "/health")
            return connection.getresponse().status == 200
    except OSError:
        return False


class Reader:
    """A client that listens to the events of a real server."""

    def __init__(self, port):
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        self._connection.request("GET", "/api/events")
        self._response = self._connection.getresponse()

    def hears(self, wanted):
        return any(wanted in line for line in iter(self._response.readline, b""))

    def wait_for_the_end(self):
        self._response.read()
        self._response.close()
        self._connection.close()


@pytest.mark.system
def test_one_subscription_serves_a_hundred_streams_and_sigterm_ends_them_quickly(gunicorn, redis_url):
    process, port = gunicorn
    readers = [Reader(port) for _ in range(100)]
    eventually(lambda: subscribed(redis_url), what="the subscription")

    publish(redis_url)
    told = [reader.hears(b"event: slot") for reader in readers]
    subscriptions = subscribed(redis_url)
    with no_longer_than(10):
        with no_longer_than(5):
            os.kill(process.pid, signal.SIGTERM)
            for reader in readers:
                reader.wait_for_the_end()
        process.wait(timeout=15)

    assert told == [True] * 100
    assert subscriptions == 1
