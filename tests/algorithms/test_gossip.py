"""Anti-entropy brings any set of replicas together and never hides a difference (K11, K12)."""

import math
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from app.algorithms.change_log import Change
from app.algorithms.gossip import TIMER, Answer, Diverged, Gossip, Merge, Offer, PeersChanged, Probe
from app.algorithms.logical_clocks import HybridClock, VersionVector
from app.algorithms.registers import BoardField, BoardKind, StatusBoard
from app.algorithms.replica import Replica
from app.algorithms.steps import Received, Send, Started, StartTimer, TimerFired

NOTE = BoardField(BoardKind.ANNOUNCEMENT, "front", "text")


def change(seq, state="x"):
    return Change("a", seq, f"a/{seq}", 1, {"state": state}, 0.0)


def replica_with(count):
    replica = Replica(frozenset({"state"}))
    for seq in range(1, count + 1):
        replica.apply(change(seq))
    return replica


class Cluster:
    """Nodes that deliver each other's messages at once."""

    def __init__(self, stores, seed=0):
        self.stores = stores
        self.alarms = []
        self.messages = []
        self.cores = {node: Gossip(store, Random(f"{seed}/{node}")) for node, store in stores.items()}
        for node, core in self.cores.items():
            core.step(PeersChanged(frozenset(stores) - {node}), 0)

    def round(self):
        for node in self.cores:
            self.feed(node, TimerFired(TIMER))

    def feed(self, node, event):
        for effect in self.cores[node].step(event, 0):
            match effect:
                case Send(to, message):
                    self.messages.append((node, to, message))
                    self.feed(to, Received(node, message))
                case Merge(delta):
                    merge(self.stores[node], delta)
                case Diverged():
                    self.alarms.append((node, effect))


def merge(store, delta):
    if isinstance(store, Replica):
        store.merge(delta)
    else:
        store.merge(delta, 0)


@given(st.integers(2, 12), st.integers(0, 2**32))
def test_all_replicas_are_equal_after_few_rounds(size, seed):
    cluster = Cluster({f"node-{index}": replica_with(index % 4) for index in range(size)}, seed)

    for _ in range(2 * math.ceil(math.log2(size)) + 4):
        cluster.round()

    assert len({store.digests.groups for store in cluster.stores.values()}) == 1
    assert cluster.alarms == []


@given(st.integers(2, 6), st.integers(0, 2**32))
def test_boards_converge_even_when_equal_vectors_hide_a_difference(size, seed):
    boards = {
        f"node-{index}": StatusBoard(f"node-{index}", HybridClock(f"n{index}")) for index in range(size)
    }
    cluster = Cluster(boards, seed)
    writes = [board.write(NOTE, name, "desk", 0) for name, board in boards.items()]
    for board in boards.values():
        Random(seed).shuffle(writes)
        for write in writes:
            board.apply(write, 0)

    for _ in range(size + 4):
        cluster.round()

    assert len({board.digests.groups for board in boards.values()}) == 1
    assert len({board.read(NOTE) for board in boards.values()}) == 1


def test_a_board_whose_log_differs_at_equal_vectors_is_healed_by_merging():
    one, other = StatusBoard("node-1", HybridClock("node-1")), StatusBoard("node-2", HybridClock("node-2"))
    one.write(NOTE, "a", "desk", 0)
    other.write(NOTE, "b", "desk", 0)
    cluster = Cluster({"node-1": one, "node-2": other})
    cluster.round()
    one.conflicts.clear()
    one.digests = StatusBoard("node-1", HybridClock("node-1")).digests  # as if it had never logged

    cluster.round()

    assert one.conflicts == other.conflicts


def test_equal_vectors_with_different_content_raise_an_alarm_on_both_sides():
    good, bad = replica_with(2), Replica(frozenset({"state"}))
    bad.apply(change(1))
    bad.apply(change(2, state="bit flip"))
    cluster = Cluster({"node-1": good, "node-2": bad})

    cluster.feed("node-1", TimerFired(TIMER))

    assert [(node, alarm.peer) for node, alarm in cluster.alarms] == [
        ("node-1", "node-2"),
        ("node-2", "node-1"),
    ]
    assert len({alarm.buckets for _, alarm in cluster.alarms}) == 1
    assert len(cluster.alarms[0][1].buckets) == 1


def test_a_probe_is_ignored_once_the_content_has_moved_on_or_agrees():
    replica = replica_with(2)
    core = Gossip(replica, Random(0))
    stale = Probe(VersionVector({"a": 1}), {0: 1}, is_reply=False)
    same = Probe(replica.vector, replica.digests.at(range(256)), is_reply=False)

    assert core.step(Received("node-2", stale), 0) == []
    assert core.step(Received("node-2", same), 0) == []


def test_equal_nodes_exchange_one_message_and_say_no_more():
    cluster = Cluster({"node-1": replica_with(2), "node-2": replica_with(2)})

    cluster.feed("node-1", TimerFired(TIMER))

    assert [type(message) for _, _, message in cluster.messages] == [Offer]


def test_push_and_pull_happen_in_one_exchange():
    ahead_in_b = Replica(frozenset({"state"}))
    ahead_in_b.apply(Change("b", 1, "b/1", 1, {"state": "y"}, 0.0))
    cluster = Cluster({"node-1": replica_with(2), "node-2": ahead_in_b})

    cluster.feed("node-1", TimerFired(TIMER))

    assert [type(message) for _, _, message in cluster.messages] == [Offer, Answer, Answer]
    assert cluster.stores["node-1"].vector == cluster.stores["node-2"].vector


def delays(core, event):
    return [effect.delay_seconds for effect in core.step(event, 0) if isinstance(effect, StartTimer)]


def test_a_node_that_lacks_something_asks_ten_times_as_often():
    core = Gossip(Replica(frozenset({"state"})), Random(0))

    at_start, settled = delays(core, Started()), delays(core, TimerFired(TIMER))
    core.step(Received("node-2", Offer(VersionVector({"a": 1}), ())), 0)

    assert at_start[0] < 1.3
    assert settled[0] > 7
    assert delays(core, TimerFired(TIMER))[0] < 1.3


def test_every_peer_has_its_turn_within_one_round_and_leavers_have_none():
    core = Gossip(replica_with(1), Random(0))
    core.step(PeersChanged(frozenset({"b", "c", "d"})), 0)

    def told():
        return [effect.to for effect in core.step(TimerFired(TIMER), 0) if isinstance(effect, Send)]

    assert sorted(told() + told() + told()) == ["b", "c", "d"]
    core.step(PeersChanged(frozenset({"b"})), 0)
    assert told() + told() == ["b", "b"]
    core.step(PeersChanged(frozenset()), 0)
    assert told() == []
