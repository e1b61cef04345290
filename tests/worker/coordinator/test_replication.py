"""Replicas on several nodes heal each other, and a majority answers (K11, K13): database and Redis away."""

from __future__ import annotations

from typing import Any

import pytest

from app.algorithms.change_log import Change
from app.algorithms.gossip import Gossip
from app.algorithms.logical_clocks import VersionVector
from app.algorithms.wire import replica_gossip
from app.coordination.outbox import Record
from app.coordination.replication import deltas
from app.coordination.replication.node_replica import NodeReplica
from app.coordination.rpc.errors import CallRefused
from app.coordination.rpc.messages import Caller
from tests.worker.coordinator.lab import Lab, Node
from worker.coordinator.gossip import Gossiping, Topic
from worker.coordinator.quorum import Quorum
from worker.coordinator.replication import Asked, Pull, vector_of

DOCTOR = {"type": "doctor", "name": "Dr Ada", "specialization": "Skin", "timezone": "UTC"}


class FedByHand:
    """The replica's part of the duty, without database and Redis."""

    def __init__(self, node: Node) -> None:
        self.replica = NodeReplica(node.clock)
        self.alarms: list[str] = []
        node.methods.expose("replica.pull", Pull, self._give)
        node.methods.expose("replica.vector", Asked, lambda asked, _: vector_of(self.replica, asked.streams))

    def _give(self, pull: Pull, _caller: Caller) -> dict[str, str]:
        return {"delta": deltas.close_delta(self.replica.delta(VersionVector(pull.vector)))}


class Cluster:
    def __init__(self) -> None:
        self.copies: dict[str, FedByHand] = {}
        self.lab = Lab(3, more_duties=self._duties)
        self.lab.advance(3)

    def _duties(self, node: Node) -> list[Any]:
        copy = self.copies[node.name] = FedByHand(node)
        replica = copy.replica
        topic = Topic(
            "replica", replica, replica_gossip, replica.merge, copy.alarms.append, replica.unchanging
        )
        gossiping = Gossiping(node.frame, node.members, topic)
        return [gossiping, Quorum(node.frame, node.members, copy, gossiping)]

    def feed(self, node: str, doctor: int = 1, seq: int = 1) -> None:
        """What the bus would bring to this node."""
        record = Record(
            f"doctor:{doctor}", seq, "doctor", {**DOCTOR, "id": str(doctor), "version": seq}, float(seq)
        )
        assert self.copies[node].replica.take([record]) == set()

    def known(self, node: str, doctor: int = 1) -> int:
        return self.copies[node].replica.vector.known(f"doctor:{doctor}")

    def ask(self, node: str, *streams: str, by: str | None = None) -> dict[str, Any]:
        caller = Caller(by or node, f"test-{self.lab.counts.total()}", self.lab.clock.elapsed() + 1)
        self.lab.counts["test"] += 1
        return self.lab.nodes[node].methods.run(
            "quorum.newest", {"streams": list(streams) or None}, caller, 1.0
        )


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


def test_what_one_node_knows_all_know_within_a_round_of_gossip(cluster: Cluster) -> None:
    for seq in (1, 2, 3):
        cluster.feed("node-1", seq=seq)

    seconds = cluster.lab.until(lambda: all(cluster.known(name) == 3 for name in cluster.lab.names), 40)

    assert seconds <= 2 * 12  # a round of two peers, ten seconds each with jitter
    prints = {cluster.copies[name].replica.digests.groups for name in cluster.lab.names}
    assert len(prints) == 1


def test_a_node_that_was_cut_off_catches_up_from_its_peers_alone(cluster: Cluster) -> None:
    cluster.lab.cuts |= {("node-3", "node-1"), ("node-3", "node-2")}
    cluster.feed("node-1")
    cluster.lab.advance(15)
    before = cluster.known("node-3")
    cluster.lab.cuts.clear()

    cluster.lab.until(lambda: cluster.known("node-3") == 1, 40)

    assert before == 0


def spoil(cluster: Cluster, node: str) -> None:
    """One row is not what the numbers promise."""
    with cluster.copies[node].replica.unchanging() as core:
        row = core.get("doctor:1", "doctor:1")
        core._put(
            Change("doctor:1", row.seq, row.key, row.version + 1, {**row.fields, "name": "Dr Eve"}, 0.0)
        )


def test_equal_numbers_and_different_rows_raise_an_alarm_at_both(cluster: Cluster) -> None:
    for name in cluster.lab.names:
        cluster.feed(name)
    spoil(cluster, "node-2")

    cluster.lab.until(lambda: cluster.copies["node-2"].alarms, 40)

    others = cluster.copies["node-1"].alarms + cluster.copies["node-3"].alarms
    assert "differs from" in cluster.copies["node-2"].alarms[0]
    assert others


def test_without_comparing_digests_a_wrong_row_would_stay_unnoticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Gossip, "_compare", lambda self, sender, probe: [])
    cluster = Cluster()

    with pytest.raises(AssertionError):
        test_equal_numbers_and_different_rows_raise_an_alarm_at_both(cluster)


def test_a_majority_says_the_newest_of_what_any_of_it_knows(cluster: Cluster) -> None:
    cluster.feed("node-2")
    cluster.feed("node-2", seq=2)
    cluster.feed("node-3", doctor=9)

    found = cluster.ask("node-1")

    assert (found["is_majority"], found["votes"], found["voters"]) == (True, 3, 3)
    assert found["vector"] == {"doctor:1": 2, "doctor:9": 1}


def test_who_asks_for_a_majority_has_what_it_knows_afterwards(cluster: Cluster) -> None:
    cluster.feed("node-2")

    cluster.ask("node-1", "doctor:1")

    assert cluster.known("node-1") == 1


def test_a_node_that_was_behind_is_repaired_by_the_read(cluster: Cluster) -> None:
    cluster.feed("node-1")
    cluster.feed("node-2")

    cluster.ask("node-1", "doctor:1")
    cluster.lab.settle()

    assert cluster.known("node-3") == 1


def test_only_the_streams_asked_for_are_compared(cluster: Cluster) -> None:
    cluster.feed("node-2", doctor=1)
    cluster.feed("node-2", doctor=9)

    assert cluster.ask("node-1", "doctor:9")["vector"] == {"doctor:9": 1}


def test_with_most_nodes_away_there_is_no_majority(cluster: Cluster) -> None:
    cluster.lab.kill("node-2")
    cluster.lab.kill("node-3")
    cluster.lab.advance(8)

    found = cluster.ask("node-1")

    assert (found["is_majority"], found["votes"], found["voters"]) == (False, 1, 3)


def test_two_of_three_are_a_majority(cluster: Cluster) -> None:
    cluster.lab.kill("node-3")
    cluster.feed("node-2")

    assert cluster.ask("node-1")["is_majority"]


def test_a_node_asks_for_a_majority_only_for_itself(cluster: Cluster) -> None:
    with pytest.raises(CallRefused, match="REFUSED"):
        cluster.ask("node-1", by="node-2")


def test_a_letter_that_cannot_be_read_is_refused(cluster: Cluster) -> None:
    caller = Caller("node-2", "x", cluster.lab.clock.elapsed() + 1)

    with pytest.raises(CallRefused, match="INVALID"):
        cluster.lab.nodes["node-1"].methods.run("replica.say", "nonsense", caller, 1.0)


def test_no_field_of_a_patient_is_in_any_letter(cluster: Cluster) -> None:
    """Only listed fields become rows, so nothing else can be gossiped."""
    record = Record("doctor:1", 1, "doctor", {**DOCTOR, "id": "1", "version": 1, "patient_name": "Ann"}, 1.0)
    cluster.copies["node-1"].replica.take([record])

    delta = cluster.copies["node-1"].replica.delta(VersionVector())

    assert "Ann" not in str(delta)
    assert {name for change in delta.changes for name in change.fields} == {
        "name",
        "specialization",
        "timezone",
    }


def test_a_delta_that_is_too_large_comes_in_parts_and_the_heartbeat_last() -> None:
    changes = tuple(Change(f"doctor:{n}", 1, f"slot:{n}-{m}", 1, {}, 0.0) for n in range(3) for m in range(4))
    upto = VersionVector({"doctor:0": 1, "doctor:1": 1, "doctor:2": 1, "heartbeat": 5})
    whole = deltas.ReplicaDelta(VersionVector(), upto, changes)

    part = deltas.cut(whole, most_rows=8)

    assert set(part.upto) == {"doctor:0", "doctor:1"}
    assert len(part.changes) == 8
    assert deltas.cut(whole, most_rows=12) is whole
    assert set(deltas.cut(whole, most_rows=1).upto) == {"doctor:0"}


def test_a_delta_arrives_as_it_was_sent() -> None:
    fields = {"name": "Dr Ada", "starts_at": 1_700_000_000_000_000, "is_interval": False, "hold_until": None}
    changes = (Change("doctor:1", 2, "slot:1", 2, fields, 1.5), Change("doctor:1", 1, "slot:2", 1, None, 0.5))
    delta = deltas.ReplicaDelta(
        VersionVector({"a": 1}), VersionVector({"doctor:1": 2}), changes, frozenset("a")
    )

    assert deltas.open_delta(deltas.close_delta(delta)) == delta
