"""Calls between nodes: allowed methods, one effect per id, nothing after the deadline, stamps both ways."""

import threading
from dataclasses import dataclass
from datetime import timedelta

import pytest

from app.coordination.rpc.errors import CallRefused, NoAnswer, Unreachable
from app.coordination.rpc.methods import Methods, OnceOnly
from app.coordination.rpc.peers import Peer
from app.coordination.rpc.seal import CALL, Letter, Seal
from tests.coordination.wires import SECRET, Process, Wires


@dataclass(frozen=True)
class Sum:
    one: int
    other: int


@pytest.fixture
def wires():
    return Wires()


@pytest.fixture
def server(wires):
    process = Process(wires, "node-2")
    process.effects = []

    def add(request, caller):
        process.effects.append((caller.node, request))
        return request.one + request.other

    process.methods.expose("sums.add", Sum, add)
    return process


@pytest.fixture
def client(wires, server):
    return Process(wires, "node-1").knows(server).client


def test_a_call_brings_the_result_and_says_who_called(client, server):
    assert client.call("node-2", "sums.add", Sum(2, 3)) == 5
    assert server.effects == [("node-1", Sum(2, 3))]


def test_what_is_not_exposed_cannot_be_called(client):
    with pytest.raises(CallRefused, match="UNKNOWN_METHOD"):
        client.call("node-2", "os.system", {"command": "true"})


@pytest.mark.parametrize("payload", [{"one": 1}, {"one": "x", "other": 1}, [], "text", None])
def test_a_payload_that_does_not_fit_is_refused(client, server, payload):
    with pytest.raises(CallRefused, match="INVALID"):
        client.call("node-2", "sums.add", payload)

    assert server.effects == []


def test_a_method_is_exposed_once():
    methods = Methods()
    methods.expose("state.read", None, lambda *_: None)

    with pytest.raises(AssertionError, match="twice"):
        methods.expose("state.read", None, lambda *_: None)


def test_a_lost_reply_of_a_repeatable_call_is_asked_for_again_with_one_effect(client, server, wires):
    wires.lost_replies = 1

    assert client.call("node-2", "sums.add", Sum(2, 3), is_repeatable=True) == 5
    assert len(wires.carried) == 2
    assert len(server.effects) == 1


def test_a_call_that_is_not_repeatable_is_sent_once(client, server, wires):
    wires.lost_replies = 1

    with pytest.raises(NoAnswer):
        client.call("node-2", "sums.add", Sum(2, 3))

    assert len(wires.carried) == 1


def test_a_repeat_that_arrives_while_the_first_is_at_work_waits_for_its_answer():
    once, began, may_end = OnceOnly(), threading.Event(), threading.Event()
    answers, effects = [], []

    def work():
        effects.append(1)
        began.set()
        may_end.wait(5)
        return "done"

    first = threading.Thread(target=lambda: answers.append(once.run("node-1", "7", 0.0, 5.0, work)))
    first.start()
    began.wait(5)
    second = threading.Thread(target=lambda: answers.append(once.run("node-1", "7", 0.1, 5.0, work)))
    second.start()
    may_end.set()
    first.join(5)
    second.join(5)

    assert answers == ["done", "done"]
    assert effects == [1]


def test_the_same_id_of_another_node_is_another_call():
    once = OnceOnly()

    assert once.run("node-1", "7", 0.0, 1.0, lambda: "a") == "a"
    assert once.run("node-2", "7", 0.0, 1.0, lambda: "b") == "b"
    assert once.run("node-1", "7", 0.0, 1.0, lambda: "c") == "a"


def test_a_failure_is_remembered_like_a_result(client, server, wires):
    calls = []

    def fail(_payload, _caller):
        calls.append(1)
        raise ValueError("a bug, with a secret in it")

    server.methods.expose("sums.fail", None, fail)
    wires.lost_replies = 1

    with pytest.raises(CallRefused, match="FAILED") as refused:
        client.call("node-2", "sums.fail", is_repeatable=True)

    assert calls == [1]
    assert "secret" not in str(refused.value)


def test_a_call_whose_deadline_has_passed_is_not_executed(client, server, wires):
    """As after SIGCONT: the call lay in the socket's buffer while the receiver was frozen."""

    def freeze(letter: Letter) -> Letter:
        server.clock.advance(0.6)
        return letter

    wires.on_the_way = freeze

    with pytest.raises(CallRefused, match="EXPIRED"):
        client.call("node-2", "sums.add", Sum(1, 1), seconds=0.5)

    assert server.effects == []


@pytest.mark.parametrize("skew", [-3600.0, -2.0, 2.0, 3600.0])
def test_clocks_that_differ_widely_find_a_common_deadline_with_the_first_answer(wires, skew):
    server = Process(wires, "node-2", skew_seconds=skew)
    server.methods.expose("sums.zero", None, lambda *_: 0)
    client = Process(wires, "node-1").knows(server).client

    assert client.call("node-2", "sums.zero", seconds=0.5) == 0
    assert client.clocks.offset("node-2") == pytest.approx(skew, abs=0.01)
    assert client.call("node-2", "sums.zero", seconds=0.5) == 0
    assert len(wires.carried) <= 3


def test_a_replayed_letter_has_no_second_effect_and_gets_no_answer(client, server, wires):
    client.call("node-2", "sums.add", Sum(2, 3))

    status, reply = server.desk.answer(wires.carried[0])

    assert (status, reply) == (401, None)
    assert len(server.effects) == 1
    assert server.desk.refused == 1


def test_a_letter_for_another_node_is_refused(wires, server):
    """Each node remembers its own nonces only, so a letter must not be of use elsewhere."""
    third = Process(wires, "node-3").knows(server)
    sent = []
    wires.on_the_way = lambda letter: sent.append(letter) or letter
    third.client.call("node-2", "sums.add", Sum(1, 1))
    other = Process(wires, "node-4")
    other.methods.expose("sums.add", Sum, lambda *_: 0)

    status, _reply = other.desk.answer(sent[0])

    assert status == 421


def test_an_answer_from_somebody_else_is_none(wires, client):
    impostor = Seal(SECRET, "node-3")
    wires.on_the_way_back = lambda reply: impostor.seal("REPLY", reply.path, reply.body, 0, "0" * 32)

    with pytest.raises(NoAnswer, match="in place of"):
        client.call("node-2", "sums.add", Sum(1, 1))


def test_a_sealed_body_that_is_no_call_is_refused(wires, server):
    seal = Seal(SECRET, "node-1")
    now_ms = int(server.clock.now().timestamp() * 1000)

    for body in (b"", b"[]", b"{}", b'{"to": "node-2", "id": "1", "budget_ms": "x"}', b"x" * 2_000_000):
        status, reply = server.desk.answer(seal.seal(CALL, "/internal/rpc/sums.add", body, now_ms))
        assert status == 400
        assert reply is not None


def test_every_message_carries_the_stamps_of_its_sender(wires, client, server):
    for _ in range(5):
        server.stamper.tick()
    before = client._stamper.peek().lamport

    client.call("node-2", "sums.add", Sum(1, 1))

    mine, theirs = client._stamper.peek(), server.stamper.peek()
    assert theirs.lamport > before
    assert mine.lamport >= theirs.lamport
    assert mine.vector["node-2"] == theirs.vector["node-2"]
    assert theirs.vector["node-1"] > 0


def test_nobody_listening_is_told_apart_from_silence(wires, client):
    client.book.note(Peer("node-9", "http://node-9"))

    with pytest.raises(Unreachable):
        client.call("node-9", "sums.add", Sum(1, 1))
    with pytest.raises(Unreachable, match="nobody knows"):
        client.call("node-8", "sums.add", Sum(1, 1))


def test_a_teller_learns_of_an_unreachable_node_but_not_of_silence(wires, client, server):
    unreached, lost = threading.Event(), threading.Event()
    client.book.note(Peer("node-9", "http://node-9"))

    client.tell("node-9", "sums.add", Sum(1, 1), on_unreachable=unreached.set)
    assert unreached.wait(5)
    wires.lost_calls = 1
    client.tell("node-2", "sums.add", Sum(1, 1), on_unreachable=lost.set)
    client.tell("node-2", "sums.add", Sum(2, 2))

    while client.is_sending:
        threading.Event().wait(0.01)
    assert not lost.is_set()
    assert server.effects == [("node-1", Sum(2, 2))]


def test_all_are_asked_at_once_and_the_silent_are_left_out(wires, server):
    third = Process(wires, "node-3")
    third.methods.expose("sums.add", Sum, lambda *_: 9)
    client = Process(wires, "node-1").knows(server, third).client

    found = client.call_all(["node-2", "node-3", "node-9"], "sums.add", Sum(1, 1), 0.5)

    assert found == {"node-2": 2, "node-3": 9}


def test_calls_are_counted_per_peer_with_their_times(client):
    client.call("node-2", "sums.add", Sum(1, 1))
    with pytest.raises(Unreachable):
        client.call("node-9", "sums.add", Sum(1, 1))
    client.book.note(Peer("node-9", "http://node-9"))
    with pytest.raises(Unreachable):
        client.call("node-9", "sums.add", Sum(1, 1))

    found = client.statistics.document()

    assert (found["node-2"]["calls"], found["node-2"]["failures"]) == (1, 0)
    assert found["node-2"]["p50_ms"] is not None
    assert (found["node-9"]["failures"], found["node-9"]["p99_ms"]) == (1, None)


def test_a_peer_whose_clock_was_set_is_followed_at_once(wires, client, server):
    for _ in range(4):
        client.call("node-2", "sums.add", Sum(1, 1))

    server.clock._now += timedelta(seconds=20)
    client.call("node-2", "sums.add", Sum(1, 1))

    assert client.clocks.offset("node-2") == pytest.approx(20, abs=0.01)
