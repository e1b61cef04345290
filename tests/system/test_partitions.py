"""A node cut off from its peers, from Redis, from the database or from all of them (K4 to K7): one accepted
epoch at a time, a leader that can lead, and one whole cluster afterwards."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import pairwise

import pytest

from tests.servers import eventually
from tests.system.coordinators import timed
from tests.system.gates import GatedCoordinators, gated_coordinators
from tests.system.partitions import PartedCoordinators, namespaces_are_allowed, parted_coordinators

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]
#: The promise is 10 s; the machine runs other tests beside this one.
SUCCESSOR_SECONDS = 14.0
Cluster = PartedCoordinators | GatedCoordinators
WHOLE_SECONDS = 45.0


@pytest.fixture
def cluster(postgres_url, redis_url, tmp_path) -> Iterator[Cluster]:
    """In network namespaces as root, else behind gates that this process closes."""
    build = parted_coordinators if namespaces_are_allowed() else gated_coordinators
    with build(postgres_url, redis_url, tmp_path) as cluster:
        yield cluster
        assert_one_leader_at_a_time(cluster)


def assert_one_leader_at_a_time(cluster: Cluster) -> None:
    terms = cluster.terms()
    assert [term.epoch for term in terms] == list(range(1, len(terms) + 1))
    assert all(earlier.ended_at <= later.started_at for earlier, later in pairwise(terms))


def heal(cluster: Cluster) -> None:
    cluster.network.heal()
    eventually(cluster.is_whole, WHOLE_SECONDS, "all three together again")


def test_a_leader_cut_off_from_its_peers_alone_goes_on_leading(cluster):
    """Its heartbeats arrive through Redis and the database, and its work goes there: an election would only
    do harm."""
    node, epoch = cluster.leader()

    cluster.network.cut(node, *cluster.network.peers_of(node))
    other = next(each for each in cluster.network.addresses if each != node)
    ends_at = time.monotonic() + 12
    seen = set()
    while time.monotonic() < ends_at:
        state = cluster.state(other)
        seen |= {
            (n["id"], n["status"]) for n in (state or {"membership": {"nodes": []}})["membership"]["nodes"]
        }
        time.sleep(0.5)

    assert cluster.leader() == (node, epoch)
    assert (node, "dead") not in seen
    heal(cluster)


@pytest.mark.parametrize("what", ["database", "everything"])
def test_a_leader_that_cannot_reach_the_database_is_followed_in_time(cluster, what):
    network = cluster.network
    node, epoch = cluster.leader()
    others = [] if what == "database" else [network.redis, *network.peers_of(node)]

    cluster.network.cut(node, network.database, *others)
    took, (successor, _) = timed(lambda: cluster.successor(epoch))
    leads = (cluster.state(node) or {"election": {}})["election"].get("is_leader")

    assert successor != node
    assert took <= SUCCESSOR_SECONDS
    assert not leads
    heal(cluster)
    assert cluster.leader()[0] != node


def test_a_leader_that_alone_has_lost_redis_gives_way(cluster):
    node, epoch = cluster.leader()

    cluster.network.cut(node, cluster.network.redis)
    took, (successor, _) = timed(lambda: cluster.successor(epoch, 30))

    assert successor != node
    assert took <= SUCCESSOR_SECONDS
    heal(cluster)


def test_when_all_have_lost_redis_the_leader_goes_on_by_the_database(cluster):
    node, epoch = cluster.leader()

    for each in cluster.network.addresses:
        cluster.network.cut(each, cluster.network.redis)
    eventually(
        lambda: (state := cluster.state(node)) and state["election"]["lease_home"] == "database",
        20,
        "the lease in the database",
    )
    time.sleep(8)  # longer than a lease lives

    assert cluster.leader() == (node, epoch)
    heal(cluster)
