"""Alive, suspect, dead: by own hearing, second opinions, incarnations, and doubt about oneself (K6)."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.algorithms.failure_detector import (
    Accusation,
    BeatSeen,
    FailureDetector,
    Heartbeat,
    PeersChanged,
    Ping,
    PingRequest,
    Refuted,
    RowSeen,
    Status,
    StatusChanged,
    Vouch,
    is_dead_to_a_majority,
)
from app.algorithms.steps import Received, Send, Started, StartTimer, TimerFired

TICK = TimerFired("detector")


class Watcher:
    """A detector at node-1 with punctual ticks and a record of what it ordered."""

    def __init__(self, peers=("node-2", "node-3", "node-4"), incarnation=1):
        self.core = FailureDetector("node-1", incarnation, Random(0))
        self.now = 0.0
        self.effects = []
        self.feed(PeersChanged(frozenset(peers)))
        self.feed(Started())

    def feed(self, event):
        effects = self.core.step(event, self.now)
        self.effects += effects
        return effects

    def hear(self, node, incarnation=1, beat=1):
        return self.feed(Received(node, Heartbeat(incarnation, beat)))

    def wait(self, seconds, beating=()):
        """Let time pass in ticks; the beating nodes are heard each time."""
        effects = []
        for _ in range(round(seconds / 0.25)):
            self.now += 0.25
            for node in beating:
                peer = self.core.peers[node]
                self.hear(node, peer.incarnation, peer.beat + 1)
            effects += self.feed(TICK)
        return effects

    def status(self, node):
        return self.core.peers[node].status

    def sent(self, kind, effects=None):
        effects = self.effects if effects is None else effects
        return [
            (one.to, one.message)
            for one in effects
            if isinstance(one, Send) and isinstance(one.message, kind)
        ]


def test_silence_leads_to_suspicion_after_three_seconds_and_death_before_five():
    watcher = Watcher()

    watcher.wait(2.75)
    assert watcher.status("node-2") is Status.ALIVE
    watcher.wait(0.25)
    assert watcher.status("node-2") is Status.SUSPECT
    watcher.wait(1.75)
    assert watcher.status("node-2") is Status.DEAD
    assert watcher.now < 5
    assert watcher.core.live == frozenset()


def test_each_second_a_heartbeat_goes_to_every_peer():
    watcher = Watcher(peers=["node-2"])

    watcher.wait(3.0)

    assert watcher.sent(Heartbeat) == [("node-2", Heartbeat(1, beat)) for beat in (1, 2, 3, 4)]


def test_a_suspect_is_asked_for_through_two_helpers_again_and_again():
    watcher = Watcher()

    effects = watcher.wait(4.5, beating=["node-3", "node-4"])

    asked = watcher.sent(PingRequest, effects)
    assert asked[:2] == [(to, PingRequest("node-2")) for to, _ in asked[:2]]
    assert {to for to, _ in asked} == {"node-3", "node-4"}
    assert len(asked) == 4


def test_a_helper_asks_and_vouches_once_it_hears_the_node():
    helper = Watcher()

    asked = helper.feed(Received("node-2", PingRequest("node-3")))
    heard = helper.hear("node-3", beat=9)
    heard_again = helper.hear("node-3", beat=10)

    assert helper.sent(Ping, asked) == [("node-3", Ping())]
    assert helper.sent(Vouch, heard) == [("node-2", Vouch("node-3", Heartbeat(1, 9)))]
    assert helper.sent(Vouch, heard_again) == []


def test_a_ping_is_answered_with_a_heartbeat():
    watcher = Watcher(peers=["node-2"])

    effects = watcher.feed(Received("node-2", Ping()))

    assert watcher.sent(Heartbeat, effects) == [("node-2", Heartbeat(1, 2))]


def test_a_second_opinion_clears_a_suspect():
    watcher = Watcher()
    watcher.wait(3.0)

    effects = watcher.feed(Received("node-3", Vouch("node-2", Heartbeat(1, 1))))

    assert effects == [StatusChanged("node-2", 1, Status.SUSPECT, Status.ALIVE)]
    watcher.wait(2.75)
    assert watcher.status("node-2") is Status.ALIVE


def test_a_one_way_partition_does_not_kill():
    watcher = Watcher()

    for beat in range(1, 30):
        effects = watcher.wait(1.0, beating=["node-3", "node-4"])
        if watcher.sent(PingRequest, effects):
            watcher.feed(Received("node-3", Vouch("node-2", Heartbeat(1, beat))))

    assert watcher.status("node-2") is not Status.DEAD


def test_late_and_repeated_beats_are_no_signs_of_life():
    watcher = Watcher()
    watcher.hear("node-2", incarnation=2, beat=5)
    watcher.wait(2.0)

    for incarnation, beat in ((2, 5), (2, 4), (1, 99)):
        assert watcher.hear("node-2", incarnation, beat) == []
    watcher.wait(1.0)

    assert watcher.status("node-2") is Status.SUSPECT


def test_the_dead_are_told_and_return_only_in_a_new_incarnation():
    watcher = Watcher()
    watcher.hear("node-2", incarnation=3, beat=1)
    watcher.wait(5.0)

    told = watcher.hear("node-2", incarnation=3, beat=2)
    still = watcher.status("node-2")
    returned = watcher.hear("node-2", incarnation=4, beat=3)

    assert told == [Send("node-2", Accusation(3))]
    assert still is Status.DEAD
    assert returned == [StatusChanged("node-2", 4, Status.DEAD, Status.ALIVE)]


def test_an_accused_node_takes_a_new_incarnation_once_and_says_so():
    watcher = Watcher(peers=["node-2"], incarnation=3)

    first = watcher.feed(Received("node-2", Accusation(3)))
    second = watcher.feed(Received("node-2", Accusation(3)))

    assert first == [Refuted(4), Send("node-2", Heartbeat(4, 2))]
    assert second == []


def test_a_node_that_was_not_listening_condemns_nobody_and_doubts_itself():
    watcher = Watcher()
    watcher.wait(2.5)

    watcher.now += 30.0
    effects = watcher.feed(TICK)

    assert not [effect for effect in effects if isinstance(effect, StatusChanged)]
    assert watcher.core.is_self_suspect
    watcher.wait(1.0)
    assert watcher.status("node-2") is Status.ALIVE  # after 3.75 s of silence: its patience is longer now


def test_doubt_has_a_limit_and_passes_with_punctuality():
    watcher = Watcher()
    for _ in range(6):
        watcher.now += 2.0
        watcher.feed(TICK)
    most = watcher.core.doubt

    watcher.wait(8.0, beating=["node-2", "node-3", "node-4"])

    assert most == 3.0
    assert watcher.core.doubt == 0.0


def test_a_beat_found_in_redis_counts_by_its_age():
    watcher = Watcher()
    watcher.wait(2.0)

    watcher.feed(BeatSeen("node-2", Heartbeat(1, 1), age_seconds=1.0))
    watcher.feed(BeatSeen("node-3", Heartbeat(1, 1), age_seconds=4.0))
    watcher.wait(1.0)

    assert watcher.status("node-2") is Status.ALIVE
    assert watcher.status("node-3") is Status.SUSPECT
    watcher.wait(1.0)
    assert watcher.status("node-2") is Status.SUSPECT


def test_a_row_of_the_database_counts_by_its_age_and_only_once():
    watcher = Watcher()
    watcher.wait(2.0)

    watcher.feed(RowSeen("node-2", 1, age_seconds=0.5))
    watcher.wait(1.5)
    watcher.feed(RowSeen("node-2", 1, age_seconds=2.0))
    watcher.feed(RowSeen("node-3", 1, age_seconds=3.5))

    assert watcher.status("node-2") is Status.ALIVE
    assert watcher.status("node-3") is Status.SUSPECT
    watcher.wait(1.25)
    assert watcher.status("node-2") is Status.SUSPECT
    watcher.feed(RowSeen("node-2", 1, age_seconds=0.0))
    assert watcher.status("node-2") is Status.ALIVE


def test_a_row_revives_the_dead_in_a_new_life_only():
    watcher = Watcher()
    watcher.hear("node-2", incarnation=3)
    watcher.wait(6.0)

    accused = watcher.feed(RowSeen("node-2", 3, age_seconds=0.0))
    watcher.feed(RowSeen("node-2", 2, age_seconds=0.0))
    status = watcher.status("node-2")
    watcher.feed(RowSeen("node-2", 4, age_seconds=0.0))

    assert watcher.sent(Accusation, accused) == [("node-2", Accusation(3))]
    assert status is Status.DEAD
    assert watcher.status("node-2") is Status.ALIVE
    assert watcher.feed(RowSeen("node-9", 1, age_seconds=0.0)) == []


def test_strangers_are_not_watched():
    watcher = Watcher()

    assert watcher.hear("node-9") == []
    watcher.feed(PeersChanged(frozenset({"node-3"})))

    assert watcher.core.peers.keys() == {"node-3"}


def test_a_change_of_members_keeps_what_is_known_of_the_others():
    watcher = Watcher()
    watcher.hear("node-2", incarnation=5)

    watcher.feed(PeersChanged(frozenset({"node-2"})))

    assert watcher.core.peers["node-2"].incarnation == 5


def test_every_tick_asks_for_the_next():
    watcher = Watcher()

    assert watcher.wait(0.25)[0] == StartTimer("detector", 0.25)


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(1, 5), st.booleans()), max_size=30))
def test_knowledge_of_a_node_only_grows(heard):
    watcher, known = Watcher(), (0, 0)
    for incarnation, beat, is_long_silent in heard:
        if is_long_silent:
            watcher.wait(6.0)

        watcher.hear("node-2", incarnation, beat)

        peer = watcher.core.peers["node-2"]
        assert (peer.incarnation, peer.beat) >= known
        known = (peer.incarnation, peer.beat)


@pytest.mark.parametrize(
    ("dead_to", "is_condemned"), [([], False), (["node-2"], False), (["node-2", "node-3"], True)]
)
def test_a_node_is_dead_when_a_majority_of_the_others_says_so(dead_to, is_condemned):
    views = {
        observer: {"node-1": Status.DEAD if observer in dead_to else Status.SUSPECT}
        for observer in ("node-2", "node-3", "node-4")
    }

    assert is_dead_to_a_majority("node-1", {**views, "node-1": {}}) is is_condemned
