"""The bully's own manners (K4)."""

import pytest

from app.algorithms.bully import ANSWERS_TIMER, Bully
from app.algorithms.election import Announce
from app.algorithms.election_messages import Decline, ElectionCall, Member, Ok
from app.algorithms.steps import Received, SendFailed, TimerFired
from tests.algorithms.driving import Table


def call(caller, is_forced=False):
    return Received(caller, ElectionCall("1.1", Member(caller), is_forced))


@pytest.mark.parametrize("size", range(1, 8))
def test_an_election_of_n_nodes_takes_fewer_than_n_squared_messages(size):
    table = Table(Bully, size).begin("node-1").settle()
    table.feed(table.winners[0], Announce(epoch=1))

    assert table.counted_messages() < size**2 or size == 1


def test_the_weakest_asks_all_and_the_strongest_nobody():
    asked = {
        name: [to for sender, to, _ in Table(Bully, 3).begin(name).messages if sender == name]
        for name in ("node-1", "node-2", "node-3")
    }

    assert asked == {"node-1": ["node-2", "node-3"], "node-2": ["node-3"], "node-3": []}


def test_a_refusal_counts_like_silence_but_sooner():
    table = Table(Bully, 2, unfit=["node-2"]).begin("node-1").settle()

    assert table.winners == ["node-1"]
    assert table.now == 0.0
    assert ("node-2", "node-1", Decline("1.1", "unfit")) in table.messages


def test_a_call_that_certainly_did_not_arrive_counts_like_a_refusal():
    table = Table(Bully, 2, silent=["node-2"]).begin("node-1")
    sent = table.messages[0][2]

    table.feed("node-1", SendFailed("node-2", sent))

    assert table.winners == ["node-1"]


def test_silence_ends_after_half_a_second():
    table = Table(Bully, 2, silent=["node-2"]).begin("node-1").settle()

    assert table.winners == ["node-1"]
    assert table.now == 0.5


def test_an_answer_to_an_earlier_round_is_ignored():
    table = Table(Bully, 2, silent=["node-2"]).begin("node-1").begin("node-1")

    table.feed("node-1", Received("node-2", Ok("1.1")))
    table.feed("node-1", Received("node-2", Decline("1.1", "unfit")))
    table.feed("node-1", SendFailed("node-2", ElectionCall("1.1", Member("node-1"), False)))

    assert table.winners == []
    table.feed("node-1", TimerFired(ANSWERS_TIMER))
    assert table.winners == ["node-1"]


def test_a_second_ok_changes_nothing():
    table = Table(Bully, 3, silent=["node-2", "node-3"]).begin("node-1")
    table.feed("node-1", Received("node-3", Ok("1.1")))
    timers = table.timers_of("node-1")

    table.feed("node-1", Received("node-2", Ok("1.1")))
    table.feed("node-1", Received("node-2", Decline("1.1", "unfit")))
    table.feed("node-1", TimerFired(ANSWERS_TIMER))

    assert table.timers_of("node-1") == timers
    assert table.winners == []


def test_a_call_from_a_stronger_node_is_declined():
    table = Table(Bully, 3)

    table.feed("node-1", call("node-3"))

    assert table.messages == [("node-1", "node-3", Decline("1.1", "node-3 is stronger"))]


def test_a_healthy_leader_is_not_bullied_unless_the_operator_forces_it():
    peaceful, forced = Table(Bully, 3), Table(Bully, 3)

    peaceful.feed("node-3", call("node-1"), has_leader=True)
    forced.feed("node-3", call("node-1", is_forced=True), has_leader=True)

    assert peaceful.messages == [("node-3", "node-1", Ok("1.1"))]
    assert peaceful.winners == []
    assert forced.winners == ["node-3"]


def test_a_forced_call_turns_a_running_election_into_a_forced_one():
    table = Table(Bully, 3, silent=["node-3"]).begin("node-2")

    table.feed("node-2", call("node-1", is_forced=True))

    assert table.cores["node-2"].is_forced
