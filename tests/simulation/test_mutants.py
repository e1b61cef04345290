"""The simulator sees defects: take one guard out of a core, and some seed breaks an invariant.

Each test removes exactly one line of defence from production code and names what must then be noticed."""

import pytest

from app.algorithms import quorum, registers
from app.algorithms.failure_detector import FailureDetector, Peer, Status, StatusChanged
from app.algorithms.gossip import Gossip
from app.algorithms.lease import EpochLedger, LeaseHolder
from app.algorithms.lease_watch import LeaseWatch
from app.algorithms.logical_clocks import HybridClock, LamportClock
from app.algorithms.replica import Replica
from app.algorithms.tenure import Tenure
from app.algorithms.time_sync import ClusterTime, Exchange
from tests.simulation.elections import LeaseServer
from tests.simulation.scenarios import first_violation

SEEDS = range(150)


@pytest.mark.parametrize("name", ["bully", "ring"])
def test_without_the_epoch_check_a_deposed_leaders_write_is_accepted(monkeypatch, name):
    monkeypatch.setattr(EpochLedger, "accepts", lambda self, epoch: True)

    assert "was accepted after" in first_violation(name, SEEDS)


def test_without_the_incarnation_a_dead_node_is_revived_by_its_former_life(monkeypatch):
    monkeypatch.setattr(Peer, "is_news", lambda self, heartbeat: heartbeat.beat > self.beat)

    assert "rose from the dead" in first_violation("detection", SEEDS)


def test_a_row_that_revives_the_dead_does_it_in_their_old_incarnation(monkeypatch):
    see = FailureDetector._see

    def see_alive(self, node, incarnation, alive_at):
        peer = self.peers.get(node)
        was_dead = peer is not None and peer.status is Status.DEAD and incarnation == peer.incarnation
        if was_dead:
            peer.status = Status.ALIVE
            return [StatusChanged(node, incarnation, Status.DEAD, Status.ALIVE)]
        return see(self, node, incarnation, alive_at)

    monkeypatch.setattr(FailureDetector, "_see", see_alive)

    assert "rose from the dead" in first_violation("detection", SEEDS)


def test_a_row_that_is_believed_whatever_its_age_hides_a_death(monkeypatch):
    see = FailureDetector._see
    monkeypatch.setattr(
        FailureDetector, "_see", lambda self, node, life, alive_at: see(self, node, life, alive_at + 3.0)
    )

    assert "has not found the death" in first_violation("detection", SEEDS)


def test_without_the_gap_check_a_replica_claims_what_it_does_not_have(monkeypatch):
    monkeypatch.setattr(Replica, "_is_past_a_gap", lambda self, stream, before: False)

    assert "is not the prefix" in first_violation("replication", SEEDS)


def test_without_comparing_digests_a_spoilt_row_stays(monkeypatch):
    monkeypatch.setattr(Gossip, "_compare", lambda self, sender, probe: [])

    assert "replicas differ" in first_violation("replication", range(600))


def test_forgetting_what_was_purged_resurrects_deleted_rows(monkeypatch):
    purge = Replica.purge

    def purge_without_floor(self, database_now):
        floors = dict(self._floors)
        purged = purge(self, database_now)
        self._floors = floors
        return purged

    monkeypatch.setattr(Replica, "purge", purge_without_floor)

    assert "is not the prefix" in first_violation("replication", SEEDS)


def test_without_the_tie_break_two_boards_show_different_winners(monkeypatch):
    monkeypatch.setattr(registers, "rank", lambda write: (write.stamp.wall_ms, write.stamp.counter))

    violation = first_violation("board", SEEDS)

    assert "is shown as" in violation or "won instead of" in violation


@pytest.mark.parametrize("name", ["bully", "ring"])
def test_without_the_local_deadline_two_leaders_act_at_once(monkeypatch, name):
    monkeypatch.setattr(LeaseHolder, "may_act", lambda self, now: self.epoch > 0)

    assert "act at once" in first_violation(name, SEEDS)


def test_taking_up_an_epoch_again_lets_a_late_release_take_the_lease_from_its_leader(monkeypatch):
    monkeypatch.setattr(Tenure, "has_ended", lambda self, epoch: False)
    monkeypatch.setattr(LeaseServer, "kinds", (True,))

    violation = first_violation("bully", range(1_500))

    assert "act at once" in violation or "nobody leads" in violation


def test_believing_overtaken_answers_makes_a_node_forget_an_epoch(monkeypatch):
    monkeypatch.setattr(LeaseWatch, "_is_over", lambda self, epoch: False)

    assert "went back to epoch" in first_violation("bully", SEEDS)


def test_without_refutation_a_slandered_node_stays_dead(monkeypatch):
    monkeypatch.setattr(FailureDetector, "_refute", lambda self, accusation: [])

    assert "still sees" in first_violation("detection", SEEDS)


def test_without_the_limit_poisoned_stamps_are_taken(monkeypatch):
    make = HybridClock.__init__
    monkeypatch.setattr(
        HybridClock, "__init__", lambda *given, **named: make(*given, **named, max_ahead_ms=10**9)
    )

    assert "from the future" in first_violation("board", SEEDS)


def test_a_lamport_clock_that_ignores_what_it_receives_puts_effects_before_causes(monkeypatch):
    monkeypatch.setattr(LamportClock, "update", lambda self, received: self.tick())

    assert "is not before" in first_violation("clocks", SEEDS)


def test_a_lamport_clock_without_its_mark_goes_back_after_a_crash(monkeypatch):
    monkeypatch.setattr(LamportClock, "mark", property(lambda self: 0))

    assert "is not before" in first_violation("clocks", SEEDS)


def test_an_error_bar_without_the_round_trip_misses_the_truth(monkeypatch):
    honest = Exchange.offset.fget
    monkeypatch.setattr(Exchange, "offset", property(lambda self: honest(self) + self.round_trip))

    assert "is off by" in first_violation("timekeeping", SEEDS)


def test_a_display_clock_that_steps_shows_an_earlier_time(monkeypatch):
    def step(self, local):
        self.applied = self._wanted
        return local + self.applied

    monkeypatch.setattr(ClusterTime, "read", step)

    assert "showed an earlier time" in first_violation("timekeeping", SEEDS)


def test_half_is_not_a_majority(monkeypatch):
    monkeypatch.setattr(quorum, "majority", lambda size: size // 2)

    assert "was acknowledged" in first_violation("quorums", SEEDS)
