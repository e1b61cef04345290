"""K7, K8: an ill clock is found and does not lead; a wrong authority is found too; the display time is
turned."""

from datetime import timedelta

import pytest

from app.algorithms.time_sync import Interval
from app.coordination.clock_book import LeapWatch, agreement, assess, is_contradicted
from worker.coordinator.clocks import BerkeleyRound


def clocks(lab, node):
    return lab.nodes[node].document("clocks")


@pytest.mark.parametrize("skew", [-2.0, 2.0, 3600.0])
def test_a_leader_whose_clock_is_wrong_is_flagged_within_15_seconds_and_leads_no_more(lab, skew):
    lab.leader().clock.skew = timedelta(seconds=skew)

    took = lab.until(lambda: clocks(lab, "node-3")["health"] == "critical")
    lab.until(lambda: (found := lab.leader()) and found.name == "node-2")
    lab.advance(20)

    assert took <= 15
    assert lab.agreed_leader().name == "node-2"
    assert lab.nodes["node-1"].document("membership")["nodes"][2]["clock"] == "critical"
    assert "clock" in lab.nodes["node-3"].document("election")["reason"]


def test_an_ill_clock_that_recovers_may_lead_again(lab):
    lab.nodes["node-3"].clock.skew = timedelta(seconds=2)
    lab.until(lambda: clocks(lab, "node-3")["health"] == "critical")

    lab.nodes["node-3"].clock.skew = timedelta()
    lab.advance(12)

    assert clocks(lab, "node-3")["health"] == "good"
    assert lab.nodes["node-3"].document("election")["is_fit"]


def test_a_clock_that_is_half_a_second_off_is_a_warning_only(lab):
    lab.leader().clock.skew = timedelta(seconds=0.5)
    lab.advance(12)

    assert clocks(lab, "node-3")["health"] == "warn"
    assert lab.leader().name == "node-3"
    assert lab.nodes["node-3"].log("clock.warn")


def test_the_offset_is_shown_against_database_redis_and_every_node(lab):
    lab.nodes["node-1"].clock.skew = timedelta(seconds=0.1)
    lab.advance(12)

    offsets = {each["reference"]: each["offset_ms"] for each in clocks(lab, "node-1")["offsets"]}
    assert offsets == pytest.approx({"database": -100, "redis": -100, "node-2": -100, "node-3": -100}, abs=1)


def test_a_database_clock_that_the_majority_contradicts_pauses_the_sweep_and_ends_no_term(lab):
    lab.store.offset = timedelta(seconds=130)

    lab.until(lambda: lab.leader().document("sweep")["paused_because"], 15)
    rounds = lab.leader().document("sweep")["rounds"]
    lab.advance(5)

    assert lab.leader().name == "node-3"
    assert lab.leader().document("sweep")["rounds"] == rounds
    assert clocks(lab, "node-1")["health"] == "good"
    assert lab.leader().log("clock.leap", "sweep.paused")


def test_the_sweep_goes_on_when_the_database_clock_is_right_again(lab):
    lab.store.offset = timedelta(seconds=130)
    lab.until(lambda: lab.leader().document("sweep")["paused_because"], 15)

    lab.store.offset = timedelta()

    lab.until(lambda: lab.leader().document("sweep")["paused_because"] is None, 90)


def test_the_leader_turns_every_display_time_towards_the_average_and_slowly(lab):
    lab.nodes["node-1"].clock.skew = timedelta(seconds=0.2)
    lab.advance(12)
    lab.nodes["node-2"].frame.client.call("node-2", "operator.clock_round")
    before = clocks(lab, "node-1")["cluster_time"]["correction_ms"]

    lab.advance(5)

    found = clocks(lab, "node-1")["berkeley"]
    after = clocks(lab, "node-1")["cluster_time"]["correction_ms"]
    assert found["leader"] == "node-3"
    assert sum(found["corrections"].values()) == pytest.approx(0, abs=1e-6)
    assert found["corrections"]["node-1"] == pytest.approx(-0.2 * 2 / 3, abs=0.002)
    assert 0 < before - after <= 5 * 5 + 1  # at most five milliseconds a second


def test_a_clock_far_from_the_others_has_no_say_in_the_average(lab):
    lab.nodes["node-1"].clock.skew = timedelta(seconds=30)
    lab.advance(12)

    lab.nodes["node-2"].frame.client.call("node-2", "operator.clock_round")
    lab.advance(1)

    found = clocks(lab, "node-2")["berkeley"]
    assert found["outliers"] == ["node-1"]
    assert abs(found["average"]) < 0.001


def test_corrections_come_from_the_leader_and_within_reason(lab):
    def correction(seconds):
        return BerkeleyRound(1, "", "node-1", 9, {}, 0.0, [], {"node-2": seconds})

    with pytest.raises(Exception, match="only the leader"):
        lab.nodes["node-1"].frame.client.call("node-2", "clocks.adjust", correction(0.1))
    with pytest.raises(Exception, match="not by so much"):
        lab.nodes["node-3"].frame.client.call("node-2", "clocks.adjust", correction(3600.0))

    assert len(lab.nodes["node-2"].log("clock.adjustment-refused")) == 2


def test_a_majority_needs_at_least_two_who_agree():
    authority, me = Interval.around(2.0, 0.01), Interval(0.0, 0.0)

    assert not is_contradicted(authority, [me])
    assert is_contradicted(authority, [me, Interval.around(0.001, 0.001)])
    assert not is_contradicted(authority, [me, Interval.around(2.0, 0.001)])
    assert agreement([me, Interval.around(2.0, 0.01)]) is None


def test_healthy_clocks_of_different_machines_are_no_contradiction():
    nodes = {"node-2": Interval.around(0.004, 0.0001), "node-3": Interval.around(-0.006, 0.0001)}

    verdict = assess(Interval.around(0.03, 0.0001), Interval.around(0.01, 0.0001), nodes)

    assert (verdict.health, verdict.is_database_suspect) == ("good", False)


def test_without_the_database_the_majority_judges():
    others = {"node-2": Interval.around(3.0, 0.001), "node-3": Interval.around(3.0, 0.001)}

    verdict = assess(None, None, others)

    assert (verdict.health, verdict.reference) == ("critical", "majority")


def test_a_leap_is_a_jump_against_a_clock_that_cannot_jump():
    watch = LeapWatch()
    steady = [watch.look(1000.0 + seconds, seconds) for seconds in range(5)]
    leaps = watch.look(1000.0 + 5 + 130, 5.0)

    assert (steady, leaps) == ([False] * 5, True)
    assert watch.leap == pytest.approx(130)
    assert watch.is_distrusted(60.0)
    assert not watch.is_distrusted(66.0)
