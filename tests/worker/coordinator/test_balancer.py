"""K1 to K3: the balancer keeps nginx's list of nodes true, whatever happens to nodes and leader."""

import itertools
from collections import Counter

import pytest
from pydantic_core import to_jsonable_python

from app.coordination.balancing import parse
from app.coordination.load import LoadReport
from app.coordination.rpc.messages import Caller
from app.coordination.settings import BALANCING_POLICY
from tests.worker.coordinator.lab import Lab
from worker.coordinator import balancer as balancing
from worker.coordinator.balancer import Balancer
from worker.upstream_file import NotReloaded

NAMES = ("node-1", "node-2", "node-3")


class SharedFile:
    """The one file of the one nginx of this machine."""

    def __init__(self, lab):
        self.lab = lab
        self.text = ""
        self.written_at = []
        self.refusal = None

    def read(self):
        return self.text

    def replace(self, text):
        if self.refusal:
            raise NotReloaded(self.refusal)
        self.text = text
        self.written_at.append(self.lab.clock.elapsed())


@pytest.fixture
def file(monkeypatch):
    shared = SharedFile(None)
    monkeypatch.setattr(balancing, "UpstreamFile", lambda _folder, _program: shared)
    return shared


@pytest.fixture
def lab(file):
    lab = Lab(count=0, more_duties=lambda node: [Balancer(node.frame, node.members, node.election)])
    file.lab, lab.names = lab, list(NAMES)
    for number, name in enumerate(NAMES, 1):
        start(lab, name, number)
    lab.until(lab.agreed_leader)
    lab.advance(25)
    return lab


def start(lab, name, number):
    lab.start(name, NODE_URL=f"http://10.0.0.{number}:80", NGINX_FOLDER="/nginx")


def weights(file):
    plan = parse(file.text)
    return {share.node: share.weight for share in plan.shares} if plan else {}


def report(lab, name, **said):
    node = lab.nodes[name]
    whole = {"worker": "1", "in_flight": 0, "requests": 0, "failures": 0, "p95_ms": 5.0, "cpu": 0.1, **said}
    payload = to_jsonable_python(LoadReport(**whole))
    node.methods.run("load.report", payload, Caller(name, "1", node.clock.elapsed() + 1), 1.0)


def busy(lab, seconds, **said):
    """node-2 tells this of itself for a while; the others are at ease."""
    for _ in range(int(seconds)):
        for name in NAMES:
            report(lab, name, **(said if name == "node-2" else {}))
        lab.advance(1)


def test_everybody_is_in_the_list_in_turn(lab, file):
    assert parse(file.text).policy == "round_robin"
    assert weights(file) == {"node-1": 1, "node-2": 1, "node-3": 1}


def test_nobody_is_taken_for_gone_by_a_node_that_has_just_started(lab, file):
    assert file.written_at[0] >= 10
    assert len(file.written_at) == 1


def test_a_killed_node_is_out_within_five_seconds_and_comes_back(lab, file):
    lab.kill("node-1")
    killed_at = lab.clock.elapsed()

    lab.until(lambda: "node-1" not in weights(file))
    out_after = lab.clock.elapsed() - killed_at
    start(lab, "node-1", 1)
    lab.until(lambda: weights(file).get("node-1") == 1, 25)

    assert out_after < 5
    assert lab.leader().name == "node-3"


def test_a_frozen_leader_gets_nothing_within_five_seconds_long_before_another_leads(lab, file):
    lab.nodes["node-3"].is_frozen = True
    frozen_at = lab.clock.elapsed()

    lab.until(lambda: "node-3" not in weights(file))

    assert lab.clock.elapsed() - frozen_at < 5
    assert lab.leader() is None
    assert "stands in" in (lab.nodes["node-2"].document("balancer")["reason"] or "")


def test_a_draining_node_is_down_at_once_and_serves_again_later(lab, file):
    lab.store.drained.add("node-2")
    drained_at = lab.clock.elapsed()
    lab.until(lambda: weights(file)["node-2"] == 0)
    out_after = lab.clock.elapsed() - drained_at
    lab.store.drained.clear()

    lab.until(lambda: weights(file)["node-2"] == 1)

    assert out_after < 5


def test_the_last_node_stays_in_the_list_even_when_it_drains(lab, file):
    lab.store.drained.update(NAMES)

    lab.advance(15)

    assert sum(weights(file).values()) >= 1


def test_the_policy_is_switched_at_run_time(lab, file):
    lab.store.settings[BALANCING_POLICY] = "least_connections"

    lab.advance(12)

    assert "least_conn;" in file.text


def test_a_policy_nobody_knows_means_round_robin(lab, file):
    lab.store.settings[BALANCING_POLICY] = "by_the_stars"

    lab.advance(12)

    assert parse(file.text).policy == "round_robin"


@pytest.mark.parametrize("trouble", [{"p95_ms": 400.0}, {"in_flight": 80}, {"cpu": 0.95}])
def test_under_weights_a_burdened_node_gets_less_and_recovers(lab, file, trouble):
    lab.store.settings[BALANCING_POLICY] = "weighted"
    busy(lab, 30, **trouble)
    burdened = weights(file)

    busy(lab, 60)

    assert burdened["node-2"] < burdened["node-1"] / 2
    assert weights(file)["node-2"] >= 8


def test_event_streams_are_no_burden(lab, file):
    lab.store.settings[BALANCING_POLICY] = "weighted"

    busy(lab, 40, in_flight=100, streams=100)

    assert weights(file)["node-2"] >= 8


def test_a_new_node_earns_its_share_slowly_under_weights(lab, file):
    lab.store.settings[BALANCING_POLICY] = "weighted"
    busy(lab, 30)
    lab.kill("node-1")
    lab.advance(6)
    start(lab, "node-1", 1)
    seen = []
    for _ in range(60):
        lab.advance(1)
        seen.append(weights(file).get("node-1", 0))

    risen = list(dict.fromkeys(seen))
    assert risen == sorted(risen)
    assert len(risen) > 2
    assert risen[-1] >= 8


def test_reloads_are_ten_seconds_apart_however_the_load_jumps(lab, file):
    lab.store.settings[BALANCING_POLICY] = "weighted"
    before = len(file.written_at)
    for number in range(20):
        busy(lab, 4, cpu=0.95 if number % 2 else 0.0)

    times = file.written_at[before:]
    assert len(times) > 2
    assert min(b - a for a, b in itertools.pairwise(times)) >= 10


def test_a_file_that_nginx_refuses_is_told_once_and_tried_again(lab, file):
    file.refusal = "emerg: no luck"
    lab.store.settings[BALANCING_POLICY] = "weighted"
    lab.advance(35)
    refused = weights(file)
    told = [entry["text"] for entry in lab.leader().log("balancer.refused")]
    file.refusal = None

    lab.advance(12)

    assert refused == {"node-1": 1, "node-2": 1, "node-3": 1}
    assert told == ["nginx keeps its last good file: emerg: no luck"]
    assert parse(file.text).policy == "weighted"
    assert lab.leader().document("balancer")["trouble"] is None


def test_without_an_nginx_of_its_own_a_node_says_so(file):
    lab = Lab(more_duties=lambda node: [Balancer(node.frame, node.members, node.election)])
    file.lab = lab
    lab.advance(20)

    assert file.text == ""
    assert Counter(node.document("balancer")["reason"] for node in lab.nodes.values()) == {
        balancing.NO_NGINX: 3
    }


def test_only_one_of_the_nodes_writes(lab, file):
    at_work = [name for name, node in lab.nodes.items() if node.document("balancer")["is_at_work"]]

    assert at_work == ["node-3"]
