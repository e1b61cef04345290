"""The same calls over real sockets and through a real Valkey: HTTP, mailbox, and auto choosing between
them."""

import socket
import threading

import pytest

from app.clock import SystemClock
from app.coordination.connection import connect_redis
from app.coordination.rpc.client import Client
from app.coordination.rpc.desk import Desk
from app.coordination.rpc.errors import CallRefused, NoAnswer, Unreachable
from app.coordination.rpc.http import HttpServer, HttpTransport
from app.coordination.rpc.mailbox import AutoTransport, MailboxServer, MailboxTransport, patient_redis
from app.coordination.rpc.methods import Methods
from app.coordination.rpc.peers import AddressBook, Peer
from app.coordination.rpc.seal import Letter, Seal
from app.coordination.stamps import Stamper
from tests.coordination.wires import SECRET, NoDatabase
from tests.moments import no_longer_than
from tests.servers import eventually
from worker.stack.ports import pick_free_port


class Answerer:
    """A node that answers on a port and in a mailbox."""

    def __init__(self, node, redis_url):
        self.effects = []
        self.may_answer = threading.Event()
        self.may_answer.set()
        clock = SystemClock()
        methods = Methods()
        methods.expose("echo", str, self.echo)
        self.desk = Desk(Seal(SECRET, node), methods, Stamper(NoDatabase(), node, "", clock), clock)
        self.http = HttpServer("127.0.0.1", 0, self.desk.answer)
        self.mailbox = MailboxServer(
            connect_redis(redis_url), patient_redis(redis_url), node, self.desk.answer
        )
        self.peer = Peer(node, f"http://127.0.0.1:{self.http.port}", "here")

    def echo(self, text, caller):
        self.may_answer.wait(10)
        self.effects.append(text)
        return f"{caller.node}: {text}"


@pytest.fixture
def answerer(redis_url):
    node = Answerer("node-2", redis_url)
    node.http.start()
    node.mailbox.start()
    yield node
    node.may_answer.set()
    node.http.close()
    node.mailbox.close()


@pytest.fixture
def mailbox(redis_url):
    transport = MailboxTransport(connect_redis(redis_url), patient_redis(redis_url), "node-1")
    yield transport
    transport.close()


@pytest.fixture(params=["http", "mailbox"])
def transport(request, mailbox):
    return HttpTransport() if request.param == "http" else mailbox


def caller(transport, *peers):
    clock = SystemClock()
    return Client(
        Seal(SECRET, "node-1"),
        transport,
        Stamper(NoDatabase(), "node-1", "", clock),
        clock,
        AddressBook(peers),
    )


def test_a_call_is_answered(transport, answerer):
    client = caller(transport, answerer.peer)

    assert [client.call("node-2", "echo", text, 5) for text in ("one", "two")] == [
        "node-1: one",
        "node-1: two",
    ]


def test_many_threads_call_at_once(transport, answerer):
    client = caller(transport, answerer.peer)
    answers = []

    def call(number):
        answers.append(client.call("node-2", "echo", str(number), 10))

    threads = [threading.Thread(target=call, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert sorted(answers) == sorted(f"node-1: {number}" for number in range(20))


def test_a_slow_answer_is_given_up_and_a_repeat_has_no_second_effect(transport, answerer):
    client = caller(transport, answerer.peer)
    client.call("node-2", "echo", "warm", 5)
    answerer.may_answer.clear()
    threading.Timer(0.9, answerer.may_answer.set).start()

    answer = client.call("node-2", "echo", "slow", 1.4, is_repeatable=True)

    assert answer == "node-1: slow"
    assert answerer.effects == ["warm", "slow"]


def test_a_call_to_nobody_ends_in_time(transport, answerer):
    nobody = Peer("node-3", f"http://127.0.0.1:{pick_free_port()}", "here")
    client = caller(transport, nobody)

    with no_longer_than(3), pytest.raises((Unreachable, NoAnswer)):
        client.call("node-3", "echo", "hello", 0.5)


def test_a_port_where_another_node_answers_is_found_out(answerer):
    client = caller(HttpTransport(), Peer("node-3", answerer.peer.url, "here"))

    with pytest.raises((CallRefused, NoAnswer)):
        client.call("node-3", "echo", "hello", 2)

    assert answerer.effects == []


def test_a_connection_that_was_closed_while_idle_is_opened_again(answerer):
    transport = HttpTransport()
    client = caller(transport, answerer.peer)
    client.call("node-2", "echo", "one", 5)
    for kept in transport._idle[answerer.peer.url]:
        kept.sock.shutdown(socket.SHUT_RDWR)

    assert client.call("node-2", "echo", "two", 5) == "node-1: two"


def test_a_server_that_says_nothing_is_given_up(answerer):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = caller(HttpTransport(), Peer("node-3", f"http://127.0.0.1:{silent.getsockname()[1]}"))

        with pytest.raises(NoAnswer):
            client.call("node-3", "echo", "hello", 0.3)


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        (b"GET /internal/rpc/echo HTTP/1.1\r\nHost: x\r\n\r\n", b"501"),
        (b"POST /internal/rpc/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", b"401"),
        (b"POST /internal/rpc/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n", b"413"),
        (b"POST /internal/rpc/echo HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n", b"413"),
        (b"POST /internal/rpc/echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", b"413"),
    ],
)
def test_strangers_at_the_port_learn_nothing(answerer, request_line, status):
    with socket.create_connection(("127.0.0.1", answerer.http.port), 5) as stranger:
        stranger.sendall(request_line)

        assert status in stranger.recv(200).split(b"\r\n")[0]


def test_garbage_in_a_mailbox_is_thrown_away(answerer, mailbox, redis_url):
    redis = connect_redis(redis_url)
    for garbage in (b"", b"{}", b"[1]", b'{"headers": [], "path": 1, "body": "x"}', b"\xff\xfe"):
        redis.rpush("oneslot:mailbox:node-2", garbage)

    assert caller(mailbox, answerer.peer).call("node-2", "echo", "hello", 5) == "node-1: hello"


def test_a_reply_goes_into_mailboxes_only(answerer, redis_url):
    """A forged `reply_to` must not let anybody push letters into other keys."""
    redis = connect_redis(redis_url)
    answerer.mailbox._serve(Letter("/x", {}, b""), "oneslot:leader")
    assert redis.exists("oneslot:leader") == 0


def test_mailboxes_outlive_a_restart_of_redis(own_redis):
    node = Answerer("node-2", own_redis.url)
    node.mailbox.start()
    transport = MailboxTransport(connect_redis(own_redis.url), patient_redis(own_redis.url), "node-1")
    client = caller(transport, node.peer)
    assert client.call("node-2", "echo", "before", 5)
    own_redis.kill()
    with pytest.raises(NoAnswer):
        client.call("node-2", "echo", "meanwhile", 0.5)
    own_redis.restart()

    def again():
        try:
            return client.call("node-2", "echo", "after", 1)
        except NoAnswer:
            return None

    assert eventually(again, 10) == "node-1: after"
    transport.close()
    node.mailbox.close()
    node.http.close()


def test_auto_takes_http_on_this_machine_and_the_mailbox_elsewhere(answerer, mailbox):
    carried = []

    class Noting:
        def __init__(self, name, inner):
            self.name, self.inner = name, inner

        def exchange(self, peer, letter, seconds):
            carried.append(self.name)
            return self.inner.exchange(peer, letter, seconds)

    auto = AutoTransport(Noting("http", HttpTransport()), Noting("mailbox", mailbox), "here")
    near, far = answerer.peer, Peer("node-2", answerer.peer.url, "there")

    assert caller(auto, near).call("node-2", "echo", "near", 5)
    assert caller(auto, far).call("node-2", "echo", "far", 5)
    assert caller(auto, Peer("node-2", None)).call("node-2", "echo", "far", 5)
    assert carried == ["http", "mailbox", "mailbox"]


def test_a_server_that_is_closed_ends_at_once():
    server = HttpServer("127.0.0.1", 0, lambda letter: (200, None))
    server.start()

    with no_longer_than(2):
        server.close()
