"""What bully and ring have in common, tried on every small cluster (K4, K5)."""

import pytest

from app.algorithms.election import Announce, Settled, Won
from app.algorithms.election_messages import (
    Coordinator,
    HandOver,
    Ok,
    YieldRequest,
    strength,
)
from app.algorithms.steps import Received, Send, SendFailed, TimerFired
from tests.algorithms.driving import ALGORITHMS, Table, subsets

SMALL = [f"node-{number}" for number in range(1, 5)]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("initiator", SMALL)
def test_whoever_begins_and_whoever_is_silent_or_unfit_the_strongest_fit_node_wins(algorithm, initiator):
    others = [name for name in SMALL if name != initiator]
    for silent in subsets(others):
        for unfit in subsets([name for name in others if name not in silent]):
            table = Table(algorithm, 4, silent, unfit).begin(initiator).settle()

            candidates = [member for name, member in table.members.items() if name not in {*silent, *unfit}]
            assert table.winners == [max(candidates, key=strength).node], (silent, unfit)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_weight_counts_before_the_name(algorithm):
    table = Table(algorithm, 4, weights={"node-2": 5}).begin("node-1").settle()

    assert table.winners == ["node-2"]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_node_10_is_stronger_than_node_9(algorithm):
    table = Table(algorithm, 10).begin("node-1").settle()

    assert table.winners == ["node-10"]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_node_alone_wins_at_once(algorithm):
    table = Table(algorithm, 1).begin("node-1")

    assert table.winners == ["node-1"]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("initiator", SMALL)
def test_a_new_election_can_begin_while_one_is_running(algorithm, initiator):
    table = Table(algorithm, 4).begin("node-1").begin(initiator).settle()

    assert set(table.winners) == {"node-4"}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_an_election_stops_when_the_lease_shows_a_leader(algorithm):
    table = Table(algorithm, 3).begin("node-1")

    table.feed("node-1", Settled())

    assert not table.cores["node-1"].is_running
    table.feed("node-1", Settled())
    assert table.settle(until_winners=9).cores["node-1"].is_running is False


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_an_election_forgotten_by_its_winner_is_repeated(algorithm):
    table = Table(algorithm, 3).begin("node-1").settle()

    table.settle(until_winners=2)

    assert table.winners == ["node-3", "node-3"]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_an_election_is_not_repeated_once_there_is_a_leader(algorithm):
    table = Table(algorithm, 3).begin("node-1").settle()
    (timer,) = table.timers_of("node-1")

    table.feed("node-1", TimerFired(timer), has_leader=True)

    assert not table.cores["node-1"].is_running


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_node_that_fell_ill_meanwhile_does_not_repeat_its_election(algorithm):
    table = Table(algorithm, 3).begin("node-1").settle()
    (timer,) = table.timers_of("node-1")
    table.unfit.add("node-1")

    table.feed("node-1", TimerFired(timer))

    assert not table.cores["node-1"].is_running


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_leader_that_is_announced_becomes_known_to_all(algorithm):
    table = Table(algorithm, 4)

    table.feed("node-2", Announce(epoch=7))
    table.settle()

    told = {to for _, to, message in table.messages if isinstance(message, Coordinator)}
    assert told == {"node-1", "node-3", "node-4"}
    assert len(table.messages) == 3


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_messages_of_the_other_algorithm_and_foreign_timers_are_left_alone(algorithm):
    table = Table(algorithm, 3)

    for message in (YieldRequest(1), HandOver(1, "node-1"), Coordinator("node-2", 1, rides_ring=False)):
        table.feed("node-1", Received("node-2", message))
    table.feed("node-1", TimerFired("bully/coordinator"))
    table.feed("node-1", TimerFired("ring/round"))
    table.feed("node-1", SendFailed("node-2", HandOver(1, "node-1")))

    assert table.messages == []
    assert table.logs == []


def test_sending_and_winning_are_values():
    assert Send("node-1", Ok("1.1")) == Send("node-1", Ok("1.1"))
    assert Won(is_forced=True) != Won(is_forced=False)
