import socket
import threading
from contextlib import suppress

import pytest

from loadtest.history import Outcome
from loadtest.wire import Wire

ANSWER = b'HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n{"success":true}'


@pytest.fixture
def server():
    """A server that treats each connection as the script says: number of answers before it hangs up."""
    listener = socket.create_server(("127.0.0.1", 0))
    threads = []

    def run(script):
        def serve():
            with suppress(OSError):  # the test is over
                for answers in script:
                    _answer_and_hang_up(listener, answers)

        threads.append(threading.Thread(target=serve, daemon=True))
        threads[-1].start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    yield run
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    for thread in threads:
        thread.join(timeout=5)


def _answer_and_hang_up(listener, answers):
    connection, _ = listener.accept()
    with connection:
        for _ in range(answers):
            connection.recv(65536)
            connection.sendall(ANSWER)


@pytest.fixture
def wire():
    opened = []

    def to(url):
        opened.append(Wire(url, timeout_seconds=5))
        opened[-1].open()
        return opened[-1]

    yield to
    for one in opened:
        one.close()


def test_an_answer_comes_back(server, wire):
    answer = wire(server([1])).send("GET", "/health", None, {})

    assert (answer.status, answer.body) == (200, {"success": True})


def test_a_connection_closed_while_idle_is_opened_again_for_a_request_with_a_key(server, wire):
    answer = wire(server([0, 1])).send("POST", "/api/bookings", {}, {"Idempotency-Key": "k"})

    assert answer.status == 200


def test_a_write_without_a_key_is_never_sent_twice(server, wire):
    answer = wire(server([0, 1])).send("POST", "/api/doctors", {}, {})

    assert (answer.status, answer.outcome) == (0, Outcome.INFO)


def test_a_server_that_hangs_up_twice_gives_no_answer(server, wire):
    answer = wire(server([0, 0])).send("GET", "/health", None, {})

    assert answer.outcome is Outcome.INFO
    assert answer.trouble is not None


@pytest.mark.parametrize("script", [[1, 1], [1, 0, 1]], ids=["closed while idle", "and closed again"])
def test_what_was_begun_is_asked_again_once_when_the_connection_was_closed(server, script):
    wire = Wire(server(script), 5.0)
    wire.send("GET", "/", None, {})

    wire.begin("/", {})
    answer = wire.end()

    assert answer.outcome is (Outcome.OK if script == [1, 1] else Outcome.INFO)
    wire.close()
