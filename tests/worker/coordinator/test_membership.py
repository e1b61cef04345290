"""K6: who is there and who lives; a former life never speaks for the present one."""

from dataclasses import replace

from app.algorithms.failure_detector import Heartbeat
from app.algorithms.wire import pack
from tests.worker.coordinator.lab import Lab
from worker.coordinator.membership import Sign


def statuses(lab, of):
    return {name: node.status_of(of) for name, node in lab.nodes.items() if name != of and node.is_up}


def test_all_see_all_alive_with_what_each_says_of_itself(lab):
    nodes = lab.nodes["node-1"].document("membership")["nodes"]

    assert {node["id"]: node["status"] for node in nodes} == dict.fromkeys(lab.names, "up")
    assert all(node["sees_redis"] and node["sees_database"] for node in nodes)


def test_a_killed_node_is_found_dead_within_five_seconds_by_everybody(lab):
    lab.kill("node-1")

    took = lab.until(lambda: set(statuses(lab, "node-1").values()) == {"dead"})

    assert took <= 5.5


def test_a_frozen_node_is_found_dead_and_alive_again_after_it_wakes(lab):
    frozen = lab.nodes["node-1"]
    frozen.is_frozen = True
    lab.until(lambda: set(statuses(lab, "node-1").values()) == {"dead"})
    life = frozen.members.card().incarnation

    frozen.is_frozen = False
    took = lab.until(lambda: set(statuses(lab, "node-1").values()) == {"up"})

    assert took <= 3
    assert frozen.members.card().incarnation > life
    assert frozen.log("node.refuted")


def test_a_late_heartbeat_of_a_former_life_does_not_revive_a_dead_node(lab):
    """Without the incarnation a message that lay in a buffer would bring the dead back."""
    victim = lab.nodes["node-1"]
    card = victim.members.card()
    lab.kill("node-1")
    lab.until(lambda: set(statuses(lab, "node-1").values()) == {"dead"})
    late = Sign(card, pack(Heartbeat(card.incarnation, 10**6)))

    victim.frame.client.call("node-2", "membership.say", late)

    assert lab.nodes["node-2"].status_of("node-1") == "dead"


def test_what_a_node_said_before_does_not_undo_what_it_said_since(lab):
    """Redis keeps a heartbeat for a second; calls between the nodes are faster."""
    drained, seen_by = lab.nodes["node-1"], lab.nodes["node-2"]
    before = Sign(drained.members.card(), pack(Heartbeat(drained.members.card().incarnation, 1)))
    lab.store.drained.add("node-1")
    lab.until(lambda: seen_by.status_of("node-1") == "draining")

    drained.frame.client.call("node-2", "membership.say", before)

    assert seen_by.status_of("node-1") == "draining"


def test_a_node_that_starts_again_is_alive_in_its_new_life_at_once(lab):
    lab.kill("node-1")
    lab.until(lambda: set(statuses(lab, "node-1").values()) == {"dead"})

    lab.start("node-1")

    assert lab.until(lambda: set(statuses(lab, "node-1").values()) == {"up"}) <= 3


def test_one_broken_link_does_not_make_a_node_dead(lab):
    """The third node vouches for it (SWIM's indirect ping), and Redis shows its heartbeats."""
    lab.cuts = {("node-1", "node-2")}
    lab.advance(12)

    assert lab.nodes["node-1"].status_of("node-2") == "up"
    assert lab.nodes["node-2"].status_of("node-1") == "up"


def test_one_broken_link_does_not_make_a_node_dead_without_redis_either(lab):
    lab.redis_is_up = False
    lab.cuts = {("node-1", "node-2")}
    lab.advance(12)

    assert not lab.nodes["node-1"].log("node.dead")
    assert not lab.nodes["node-2"].log("node.dead")


def test_heartbeats_in_redis_alone_keep_a_node_alive(lab):
    lab.cuts = {("node-1", "node-2"), ("node-1", "node-3"), ("node-2", "node-3")}
    lab.advance(12)

    assert set(statuses(lab, "node-1").values()) == {"up"}


def test_rows_in_the_database_alone_keep_a_node_alive(lab):
    lab.redis_is_up = False
    lab.cuts = {("node-1", "node-2"), ("node-1", "node-3"), ("node-2", "node-3")}
    lab.advance(12)

    assert not lab.nodes["node-1"].log("node.dead")
    assert set(statuses(lab, "node-1").values()) == {"up"}


def test_nodes_that_can_only_call_each_other_still_know_each_other(lab):
    lab.redis_is_up = False
    lab.store.is_away = True
    lab.advance(12)

    nodes = lab.nodes["node-1"].document("membership")["nodes"]
    assert {node["id"]: node["status"] for node in nodes} == dict.fromkeys(lab.names, "up")
    assert not any(node["sees_redis"] or node["sees_database"] for node in nodes)


def test_a_node_restarted_while_redis_and_the_database_are_away_is_found(lab):
    lab.redis_is_up = False
    lab.store.is_away = True
    lab.kill("node-1")
    lab.until(lambda: set(statuses(lab, "node-1").values()) == {"dead"})

    lab.start("node-1")

    lab.until(lambda: set(statuses(lab, "node-1").values()) == {"up"})


def test_a_node_that_said_good_bye_is_forgotten_and_welcome_when_it_returns(lab):
    lab.nodes["node-1"].coordinator.stop()
    lab.advance(0.2)
    lab.kill("node-1")
    lab.advance(3)
    assert set(statuses(lab, "node-1").values()) == {None}

    lab.start("node-1")

    lab.until(lambda: set(statuses(lab, "node-1").values()) == {"up"})


def test_a_good_bye_that_was_lost_is_found_in_the_database(lab):
    lab.cuts = {(one, other) for one in lab.names for other in lab.names}
    lab.nodes["node-1"].coordinator.stop()
    lab.advance(0.2)
    lab.kill("node-1")
    lab.advance(2)

    assert set(statuses(lab, "node-1").values()) == {None}


def test_nobody_speaks_for_another(lab):
    """The key of a node seals its own name; a card with another's name is not believed."""
    poisoned = replace(lab.nodes["node-2"].members.card(), rpc_url="http://evil", incarnation=10**15)
    sign = Sign(poisoned, pack(Heartbeat(10**15, 1)))

    lab.nodes["node-3"].frame.client.call("node-1", "membership.say", sign)

    assert lab.nodes["node-1"].frame.client.book.find("node-2").url != "http://evil"


def test_a_cluster_of_one_leads_itself():
    lab = Lab(count=1)

    assert lab.until(lab.agreed_leader) <= 2
