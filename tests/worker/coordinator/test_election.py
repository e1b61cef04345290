"""K4, K5, H11, H14: bully and ring propose, the lease disposes, the epoch decides whose writes count."""

import pytest

from app.coordination.settings import ELECTION_ALGORITHM
from tests.worker.coordinator.lab import Lab
from worker.coordinator.operator import HandOverOrder


def elected(algorithm):
    lab = Lab(ELECTION_ALGORITHM=algorithm)
    lab.until(lab.agreed_leader)
    lab.advance(3)
    return lab


def test_the_strongest_node_leads_and_the_history_says_by_which_election(algorithm):
    lab = elected(algorithm)

    assert lab.leader().name == "node-3"
    assert lab.store.algorithms == {1: algorithm}


def test_a_heavier_node_leads_rather_than_a_higher_name(algorithm):
    lab = Lab(count=0, ELECTION_ALGORITHM=algorithm)
    lab.names = ["node-1", "node-2"]
    for name, weight in (("node-1", "5"), ("node-2", "1")):
        lab.start(name, NODE_WEIGHT=weight)

    lab.until(lab.agreed_leader)

    assert lab.leader().name == "node-1"


def test_a_killed_leader_is_followed_within_eight_seconds_in_a_later_epoch(algorithm):
    lab = elected(algorithm)
    lab.kill("node-3")

    took = lab.until(lab.agreed_leader)

    assert took <= 8
    assert lab.leader().name == "node-2"
    assert lab.store.ledger.epoch == 2


def test_one_leader_after_another_may_die(algorithm):
    lab = elected(algorithm)

    for number in range(6):
        victim = lab.leader().name
        lab.kill(victim)
        assert lab.until(lab.agreed_leader) <= 8
        lab.start(victim)
        lab.advance(3)
        assert lab.store.ledger.epoch == number + 2

    accepted = [epoch for _, epoch, is_accepted in lab.store.writes if is_accepted]
    assert accepted == sorted(accepted)


def test_a_frozen_leader_that_wakes_stops_at_once_and_is_shown_as_fenced(lab):
    frozen = lab.leader()
    frozen.is_frozen = True
    lab.until(lab.agreed_leader)
    lab.advance(2)

    frozen.is_frozen = False
    lab.advance(0.5)

    assert not frozen.leads()
    assert lab.leader().name == "node-2"
    assert [entry["epoch"] for entry in frozen.log("leader.fenced")] == [1]


def test_a_write_that_was_under_way_when_the_leader_froze_is_refused_after_it_wakes(lab):
    """The check before the work passed; then the node slept through the end of its term."""
    leader = lab.leader()
    store, old_term = lab.store, leader.election.term(leader.clock.elapsed())

    def sleep_through_the_end():
        leader.on_sweep = lambda: None
        store.held = None
        assert store.ledger.open_term(2, "node-2")

    leader.on_sweep = sleep_through_the_end
    lab.advance(1)

    assert (leader.name, old_term.epoch, False) in store.writes
    assert "sweep" in leader.log("leader.fenced")[0]["text"]
    assert [entry["epoch"] for entry in leader.log("leader.ended")] == [1]


def test_a_planned_hand_over_takes_less_than_a_second(lab, algorithm):
    lab.leader().election.hand_over("node-1", "maintenance")

    took = lab.until(lambda: (found := lab.agreed_leader()) and found.name == "node-1")

    assert took <= 1
    assert lab.store.ledger.epoch == 2


def test_a_node_that_is_told_to_stop_hands_over_and_is_missed_by_nobody(lab):
    leaving = lab.leader()
    leaving.coordinator.stop()

    took = lab.until(lambda: lab.leader() is not None and lab.leader().name != "node-3")
    lab.kill("node-3")
    lab.advance(8)

    assert took <= 1
    others = [lab.nodes["node-1"], lab.nodes["node-2"]]
    assert [node.status_of("node-3") for node in others] == [None, None]
    assert not any(node.log("node.suspect", "node.dead") for node in others)


@pytest.mark.parametrize("chosen", ["bully", "ring"])
def test_an_election_started_by_the_operator_leaves_a_healthy_leader(lab, chosen):
    started = lab.nodes["node-1"].election.trigger(chosen, is_forced=False)
    lab.advance(4)

    assert started.startswith(f"{chosen}-node-1-")
    assert lab.agreed_leader().name == "node-3"
    assert lab.store.ledger.epoch == 1


@pytest.mark.parametrize("chosen", ["bully", "ring"])
def test_a_forced_election_brings_the_strongest_to_power(lab, chosen):
    lab.leader().election.hand_over("node-1", "to have a weaker leader")
    lab.until(lambda: (found := lab.agreed_leader()) and found.name == "node-1")
    lab.advance(4)

    lab.nodes["node-2"].election.trigger(chosen, is_forced=True)

    assert lab.until(lambda: (found := lab.agreed_leader()) and found.name == "node-3") <= 3
    assert lab.store.ledger.epoch == 3


def test_a_stronger_node_that_returns_does_not_disturb_a_healthy_leader(lab):
    lab.kill("node-3")
    lab.until(lab.agreed_leader)
    lab.start("node-3")
    lab.advance(15)

    assert lab.agreed_leader().name == "node-2"


def test_with_preemption_a_stronger_node_that_returns_asks_for_the_lead():
    lab = Lab(ELECTION_PREEMPT="true")
    lab.until(lab.agreed_leader)
    lab.kill("node-3")
    lab.until(lab.agreed_leader)

    lab.start("node-3")

    lab.until(lambda: (found := lab.agreed_leader()) and found.name == "node-3", 25)


def test_the_operator_switches_the_algorithm_for_the_next_election(lab):
    lab.store.settings[ELECTION_ALGORITHM] = "ring"
    lab.advance(2)

    lab.kill("node-3")
    lab.until(lab.agreed_leader)

    assert lab.store.algorithms == {1: "bully", 2: "ring"}
    assert {node.document("election")["algorithm"] for node in lab.nodes.values() if node.is_up} == {"ring"}


def test_a_setting_that_is_no_algorithm_changes_nothing(lab):
    lab.store.settings[ELECTION_ALGORITHM] = "dictatorship"
    lab.advance(2)

    assert lab.nodes["node-1"].document("election")["algorithm"] == "bully"


def test_a_leader_without_its_database_steps_down_and_does_not_return_before_it_answers(lab):
    lab.store.is_away = True
    lab.advance(4)
    assert lab.leader() is None

    lab.store.is_away = False

    assert lab.until(lab.agreed_leader) <= 8
    assert lab.store.ledger.epoch >= 2


def test_a_drained_leader_hands_over_within_a_second_or_so_and_never_stands_again(lab):
    lab.store.drained.add("node-3")

    took = lab.until(lambda: (found := lab.agreed_leader()) and found.name == "node-2")
    lab.kill("node-2")
    lab.until(lambda: (found := lab.leader()) and found.name == "node-1")

    assert took <= 2.0
    assert lab.nodes["node-3"].document("election")["reason"] == "the node is being drained"
    assert lab.nodes["node-1"].status_of("node-3") == "draining"


def test_without_redis_everywhere_the_leader_goes_on_by_the_database_lease(lab):
    lab.redis_is_up = False
    lab.advance(10)

    assert lab.agreed_leader().name == "node-3"
    assert lab.store.ledger.epoch == 1
    assert lab.leader().document("election")["lease_home"] == "database"


def test_without_redis_everywhere_a_dead_leader_is_followed_all_the_same(lab):
    lab.redis_is_up = False
    lab.advance(5)
    lab.kill("node-3")

    assert lab.until(lab.agreed_leader) <= 8


def test_a_leader_that_alone_is_cut_off_from_redis_gives_way(lab):
    """The others can do its work, it can not."""
    lab.cut_from_redis.add("node-3")

    took = lab.until(lambda: (found := lab.leader()) and found.name != "node-3")

    assert took <= 10

    assert lab.nodes["node-3"].document("election")["lease_home"] == "nowhere"
    lab.advance(5)
    assert lab.leader().name == "node-2"


def test_a_leader_cut_off_from_its_peers_goes_on_and_the_others_do_not_lead(lab):
    """Its work goes through the database, where its lease is renewed."""
    lab.cuts = {("node-3", "node-1"), ("node-3", "node-2")}
    lab.advance(12)

    assert lab.leader().name == "node-3"
    assert lab.store.ledger.epoch == 1


def test_the_messages_of_an_election_are_logged_at_both_ends_in_causal_order(lab):
    started = lab.nodes["node-1"].election.trigger("bully", is_forced=False)
    lab.advance(1)

    log = [entry for node in lab.nodes.values() for entry in node.chronicle.recent()]
    messages = [entry for entry in log if entry["election"] == started]
    asked = {
        (m["kind"], m["sender"], m["receiver"]): m["lamport"] for m in messages if m["name"] == "ELECTION"
    }
    answered = {(m["kind"], m["sender"]): m["lamport"] for m in messages if m["name"] == "OK"}
    assert {"ELECTION", "OK"} <= {message["name"] for message in messages}
    for peer in ("node-2", "node-3"):
        lamports = [
            asked["sent", "node-1", peer],
            asked["received", "node-1", peer],
            answered["sent", peer],
            answered["received", peer],
        ]
        assert lamports == sorted(set(lamports))


def test_a_link_audit_measures_every_hop_and_elects_nobody(lab):
    lab.nodes["node-2"].election.audit_ring()
    lab.advance(2)

    hops = [entry["text"] for entry in lab.nodes["node-2"].log("ring.hop")]
    assert len(hops) == 3
    assert lab.store.ledger.epoch == 1


def test_a_claim_to_lead_that_no_lease_confirms_changes_nothing(lab):
    """Attack 10: a forged COORDINATOR of a far future epoch."""
    forged = {"kind": "Coordinator", "node": "node-1", "epoch": 10**9, "rides_ring": False}
    lab.nodes["node-1"].frame.client.call("node-2", "election.say", forged)
    lab.advance(3)

    assert lab.agreed_leader().name == "node-3"
    assert lab.nodes["node-2"].document("election")["epoch"] == 1


def test_only_the_leader_hands_over(lab):
    client = lab.nodes["node-1"].frame.client

    with pytest.raises(Exception, match="NOT_LEADER"):
        client.call("node-2", "election.hand_over", HandOverOrder(None, "please"))
    assert client.call("node-3", "election.hand_over", HandOverOrder(None, "please"))["epoch"] == 1


def test_orders_are_taken_from_the_nodes_own_workers_only(lab):
    for method, payload in (
        ("operator.trigger", {"algorithm": "bully", "is_forced": True}),
        ("operator.hand_over", {"to": None, "reason": "x"}),
        ("operator.audit_ring", None),
        ("operator.clock_round", None),
        ("operator.nudge", {"node": None}),
    ):
        with pytest.raises(Exception, match="REFUSED"):
            lab.nodes["node-1"].frame.client.call("node-2", method, payload)


def test_an_order_to_hand_over_reaches_the_leader_from_any_node(lab):
    node = lab.nodes["node-1"]

    answer = node.frame.client.call("node-1", "operator.hand_over", {"to": "node-2", "reason": "update"})

    assert answer == {"epoch": 1, "from": "node-3", "to": "node-2"}
    lab.until(lambda: (found := lab.agreed_leader()) and found.name == "node-2")


def test_a_node_that_does_not_stand_starts_no_election_and_says_why(lab):
    lab.store.drained.add("node-1")
    lab.advance(2)

    with pytest.raises(Exception, match=r"NOT_FIT.*drained"):
        lab.nodes["node-1"].frame.client.call("node-1", "operator.trigger", {"algorithm": "bully"})


@pytest.mark.parametrize("algorithm", ["bully", "ring"])
def test_by_force_alone_whoever_has_just_handed_over_leads_again(lab, algorithm):
    client = lab.nodes["node-3"].frame.client
    for heir in ("node-2", "node-1"):
        lab.leader().election.hand_over(heir, "maintenance")
        lab.until(lambda heir=heir: (found := lab.agreed_leader()) and found.name == heir)

    with pytest.raises(Exception, match=r"NOT_FIT.*just handed over"):
        client.call("node-3", "operator.trigger", {"algorithm": algorithm})
    client.call("node-3", "operator.trigger", {"algorithm": algorithm, "is_forced": True})

    lab.until(lambda: (found := lab.agreed_leader()) and found.name == "node-3")


def test_the_heir_is_told_only_when_the_lease_is_free(lab):
    """Told earlier, it would be refused once and lose a moment."""
    leader = lab.leader()
    leader.election.hand_over("node-1", "maintenance")
    told_at_once = [entry for entry in leader.chronicle.recent() if entry["name"] == "HAND-OVER"]
    lab.settle()

    told = [entry["receiver"] for entry in leader.chronicle.recent() if entry["name"] == "HAND-OVER"]
    assert told_at_once == []
    assert sorted(told) == ["node-1", "node-2"]
    assert lab.store.held[:2] == ("node-1", 2)
