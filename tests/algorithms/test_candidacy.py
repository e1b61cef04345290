"""One node between election, lease and epoch: what it believes, when it acts, when it stops (K4, K5)."""

from random import Random

import pytest

from app.algorithms.candidacy import BULLY, RING, Candidacy
from app.algorithms.election import (
    AuditWanted,
    BecameLeader,
    CandidacySettings,
    ConditionChanged,
    HandOverWanted,
    LeaseGranted,
    LeaseRead,
    LeaseRefused,
    LeaseView,
    MembersChanged,
    ReadLease,
    ReleaseLease,
    RenewLease,
    SteppedDown,
    Triggered,
    TryLease,
)
from app.algorithms.election_messages import (
    Condition,
    Coordinator,
    Decline,
    ElectionCall,
    HandOver,
    Member,
    Nomination,
    Ok,
    RingToken,
    RollCall,
    TokenId,
    YieldRequest,
)
from app.algorithms.steps import Log, Received, Send, SendFailed, Started, StartTimer, StopTimer, TimerFired

ILL = ConditionChanged(Condition(is_fit=False, reason="clock is 2 s off"))


class Node:
    """A candidacy at node-2 between a weaker node-1 and a stronger node-3, and what it ordered last."""

    def __init__(self, peers=("node-1", "node-3"), algorithm=BULLY, settings=None):
        self.core = Candidacy(Member("node-2"), 1, Random(0), algorithm, settings)
        self.now = 100.0
        self.feed(MembersChanged(tuple(Member(peer) for peer in peers)))
        self.feed(Started())

    def feed(self, event):
        self.effects = self.core.step(event, self.now)
        return self.effects

    def fire(self, timer, after=0.0):
        self.now += after
        return self.feed(TimerFired(timer))

    def read(self, node, epoch, remaining=6.0):
        return self.feed(LeaseRead(LeaseView(node, epoch, remaining), epoch))

    def read_nobody(self, epoch=0):
        return self.feed(LeaseRead(None, epoch))

    def receive(self, sender, message):
        return self.feed(Received(sender, message))

    def ordered(self, kind):
        return [effect for effect in self.effects if isinstance(effect, kind)]

    def sent(self):
        return [(effect.to, effect.message) for effect in self.ordered(Send)]

    def logged(self):
        return [effect.event for effect in self.ordered(Log)]

    def timer(self, name):
        return next(one.delay_seconds for one in self.ordered(StartTimer) if one.name == name)

    def claim(self):
        """Find nobody leading, nobody to ask, and ask for the lease."""
        self.feed(MembersChanged((Member("node-1"),)))
        self.read_nobody(self.core.epoch_seen)
        self.fire("watch/absent", after=0.3)
        (attempt,) = self.ordered(TryLease)
        return attempt.request


def leader(epoch=4, **settings):
    node = Node(**settings)
    node.feed(LeaseGranted(node.claim(), epoch))
    return node


def test_a_node_begins_by_looking_at_the_lease():
    node = Node()

    assert node.ordered(ReadLease)
    assert {effect.name for effect in node.ordered(StartTimer)} == {"watch/look", "watch/net"}


def test_it_looks_again_every_second():
    node = Node()

    node.fire("watch/look", after=1.0)

    assert node.ordered(ReadLease)
    assert node.timer("watch/look") == 1.0


def test_it_looks_sooner_when_the_lease_could_end_sooner():
    node = Node()

    node.read("node-3", 4, remaining=0.3)

    assert node.timer("watch/look") == pytest.approx(0.32)


def test_an_absent_leader_is_noticed_after_a_random_moment_and_an_election_begins():
    node = Node()

    node.read_nobody()
    assert 0.05 <= node.timer("watch/absent") <= 0.3
    node.read_nobody()
    assert node.ordered(StartTimer) == []
    node.fire("watch/absent", after=0.3)

    assert [to for to, _ in node.sent()] == ["node-3"]


def test_no_election_begins_when_a_leader_has_appeared_meanwhile():
    node = Node()
    node.read_nobody()
    node.read("node-3", 1)

    assert StopTimer("watch/absent") in node.effects
    node.fire("watch/absent", after=0.3)

    assert node.effects == []


def test_no_second_election_begins_while_one_is_running():
    node = Node()
    node.read_nobody()
    node.fire("watch/absent")
    node.read_nobody()

    node.fire("watch/absent")

    assert node.effects == []


def test_the_winner_leads_only_once_the_lease_is_granted():
    node = Node()
    request = node.claim()
    assert node.core.epoch == 0
    assert not node.core.may_act(node.now)

    node.feed(LeaseGranted(request, 4))

    assert node.ordered(BecameLeader) == [BecameLeader(4)]
    assert node.core.may_act(node.now)
    assert node.core.leader[:2] == ("node-2", 4)
    assert ("node-1", Coordinator("node-2", 4, rides_ring=False)) in node.sent()


def test_the_right_to_act_ends_before_the_lease_and_counts_from_before_the_question():
    node = Node()
    request = node.claim()
    asked_at = node.now
    node.now += 2.0
    node.feed(LeaseGranted(request, 4))

    assert node.core.deadline == asked_at + 5.0
    assert node.core.may_act(asked_at + 4.99)
    assert not node.core.may_act(asked_at + 5.0)
    assert node.timer("tenure/deadline") == pytest.approx(3.0)


def test_a_grant_that_comes_too_late_is_given_back():
    node = Node()
    request = node.claim()
    node.fire("tenure/claim", after=1.0)
    node.now += 4.0

    node.feed(LeaseGranted(request, 4))

    assert node.effects == [ReleaseLease(4)]
    assert node.core.epoch == 0


def test_a_grant_that_comes_after_the_node_fell_ill_is_given_back():
    node = Node()
    request = node.claim()
    node.feed(ILL)

    node.feed(LeaseGranted(request, 4))

    assert node.effects == [ReleaseLease(4)]


def test_an_epoch_given_back_unused_is_not_taken_up_either():
    node = Node()
    request = node.claim()
    node.feed(ILL)
    node.feed(LeaseGranted(request, 4))
    node.feed(ConditionChanged(Condition()))

    node.read("node-2", 4)

    assert ReleaseLease(4) in node.effects
    assert not node.ordered(TryLease)


def test_a_grant_of_an_epoch_that_is_over_is_given_back():
    node = Node()
    request = node.claim()
    node.fire("tenure/claim", after=1.0)
    node.read("node-3", 5)

    node.feed(LeaseGranted(request, 4))

    assert node.effects == [ReleaseLease(4)]


def test_a_stray_grant_does_not_release_what_is_being_claimed():
    node = Node()
    request = node.claim()

    node.feed(LeaseGranted(request + 7, 4))

    assert node.effects == []


def test_an_unanswered_claim_makes_the_node_look_again():
    node = Node()
    node.claim()

    node.fire("tenure/claim", after=1.0)

    assert node.effects == [ReadLease()]


def test_a_node_whose_grant_was_lost_finds_itself_in_the_lease_and_asks_again():
    node = Node()
    node.claim()
    node.fire("tenure/claim", after=1.0)

    node.read("node-2", 4)

    assert node.ordered(TryLease)


def test_an_epoch_once_ended_is_released_again_and_never_taken_up():
    node = leader(epoch=4)
    node.feed(HandOverWanted("node-1", "maintenance"))
    node.now += 4.0

    node.read("node-2", 4)

    assert ReleaseLease(4) in node.effects
    assert not node.ordered(TryLease)


def test_a_leader_renews_every_two_seconds_and_sooner_while_unanswered():
    node = leader(epoch=4)
    assert node.timer("tenure/renew") == 2.0

    node.fire("tenure/renew", after=2.0)
    (renewal,) = node.ordered(RenewLease)
    retry = node.timer("tenure/renew")
    node.feed(LeaseGranted(renewal.request, 4))

    assert renewal.epoch == 4
    assert retry == 0.5
    assert node.timer("tenure/renew") == 2.0
    assert node.ordered(BecameLeader) == []
    assert node.core.may_act(node.now + 4.9)


def test_a_renewal_timer_that_fires_late_renews_nothing():
    node = Node()

    assert node.fire("tenure/renew") == []
    assert node.fire("tenure/deadline") == []


def test_a_refused_renewal_ends_the_term_at_once():
    node = leader(epoch=4)
    node.fire("tenure/renew", after=2.0)

    node.feed(LeaseRefused(node.ordered(RenewLease)[0].request, LeaseView("node-3", 5, 6.0), 5))

    assert node.ordered(SteppedDown) == [SteppedDown(4, "renewal refused")]
    assert not node.core.may_act(node.now)
    assert node.core.leader[:2] == ("node-3", 5)


def test_a_refusal_of_a_question_never_asked_changes_nothing_but_is_read():
    node = leader(epoch=4)

    node.feed(LeaseRefused(99, LeaseView("node-2", 4, 6.0), 4))

    assert node.core.may_act(node.now)


def test_a_leader_that_slept_past_its_deadline_steps_down_before_anything_else():
    node = leader(epoch=4)
    node.now += 60.0

    assert not node.core.may_act(node.now)
    node.receive("node-1", YieldRequest(4))

    assert node.effects[0] == SteppedDown(4, "the lease's deadline has passed")
    assert node.sent() == []
    assert ReadLease() in node.effects


def test_a_later_epoch_deposes_a_leader():
    node = leader(epoch=4)

    node.read("node-3", 5)

    assert node.ordered(SteppedDown) == [SteppedDown(4, "a later epoch exists")]


def test_a_leader_is_not_shaken_by_a_lost_lease_until_a_renewal_is_refused():
    node = leader(epoch=4)

    node.read_nobody(epoch=4)

    assert node.effects == []
    assert node.core.may_act(node.now)


def test_a_coordinator_message_alone_is_never_believed():
    node = Node()

    node.receive("node-3", Coordinator("node-3", 9, rides_ring=False))

    assert node.effects == [ReadLease()]
    assert node.core.leader is None
    assert node.core.epoch_seen == 0


def test_a_claim_to_an_epoch_that_is_over_is_doubted_aloud():
    node = Node()
    node.read("node-3", 5)

    node.receive("node-1", Coordinator("node-1", 4, rides_ring=False))

    assert node.logged() == ["leader.doubted"]
    assert node.core.leader[:2] == ("node-3", 5)


def test_what_the_lease_has_confirmed_needs_no_second_look():
    node = Node()
    node.read("node-3", 5)

    node.receive("node-3", Coordinator("node-3", 5, rides_ring=False))

    assert node.effects == []


def test_an_answer_overtaken_by_a_later_one_is_dropped():
    node = Node()
    node.read("node-3", 5)

    assert node.read("node-1", 4) == []
    assert node.read_nobody(epoch=4) == []
    assert node.core.leader[:2] == ("node-3", 5)


def test_a_holder_whose_epoch_no_longer_counts_is_nobody():
    node = Node()

    node.feed(LeaseRead(LeaseView("node-3", 4, 6.0), epoch=5))

    assert node.core.leader is None
    assert node.timer("watch/absent")


def test_a_refused_claim_shows_who_leads():
    node = Node()
    request = node.claim()

    node.feed(LeaseRefused(request, LeaseView("node-3", 4, 5.0), 4))

    assert node.core.leader[:2] == ("node-3", 4)
    assert "leader.seen" in node.logged()


def test_a_claim_refused_because_the_epoch_was_taken_starts_over():
    node = Node()
    request = node.claim()

    node.feed(LeaseRefused(request, None, 4))

    assert node.timer("watch/absent")


def test_a_claim_asked_twice_may_be_granted_twice():
    node = Node()
    first = node.claim()
    node.fire("tenure/claim", after=1.0)
    node.read("node-2", 4)
    second = node.ordered(TryLease)[0].request
    node.feed(LeaseGranted(first, 4))

    node.feed(LeaseGranted(second, 5))

    assert node.ordered(BecameLeader) == [BecameLeader(5)]
    assert node.core.epoch == 5
    assert node.core.may_act(node.now)


def test_a_claim_carried_out_twice_ends_the_first_term():
    node = leader(epoch=4)

    node.feed(LeaseGranted(request=1, epoch=5))

    assert ReleaseLease(5) in node.effects
    assert node.ordered(SteppedDown) == [SteppedDown(4, "a later epoch exists")]
    assert not node.core.may_act(node.now)


def test_planned_hand_over_releases_first_then_tells_all_and_abstains():
    node = leader(epoch=4)

    node.feed(HandOverWanted("node-1", "maintenance"))

    assert node.effects[:2] == [SteppedDown(4, "maintenance"), ReleaseLease(4)]
    assert node.effects[-1] == Send("node-1", HandOver(4, "node-1"))
    node.receive("node-1", ElectionCall("1.1", Member("node-1"), is_forced=False))
    assert node.sent() == [("node-1", Decline("1.1", "has just handed over"))]
    node.read_nobody(epoch=4)
    assert node.fire("watch/absent", after=0.3) == []
    assert node.fire("watch/net", after=2.0)[0].name == "watch/net"


@pytest.mark.parametrize("name", [BULLY, RING])
def test_whoever_has_just_handed_over_leads_again_when_an_operator_forces_an_election(name):
    """Two hand-overs in a row left nobody but the last heir fit, and the order changed nothing."""
    node = leader(epoch=4)
    node.feed(HandOverWanted("node-1", "maintenance"))
    node.read("node-1", 5)

    if name == BULLY:
        node.receive("node-1", ElectionCall("1.1", Member("node-1"), is_forced=True))
    else:
        token = TokenId("node-1", 1, 1)
        call = RollCall(Member("node-1"), Condition(), 5)
        node.receive("node-1", RingToken(token, (call,), is_forced=True, is_audit=False))
        assert node.sent()[-1][1].roll[-1].condition.is_fit
        node.receive("node-1", Nomination(token, is_forced=True))

    assert node.sent()[-1] == ("node-1", YieldRequest(5))


def test_whoever_has_just_handed_over_may_force_an_election_but_not_call_one():
    node = leader(epoch=4)
    node.feed(HandOverWanted("node-1", "maintenance"))
    node.read("node-1", 5)

    assert node.feed(Triggered(BULLY, is_forced=False)) == [
        Log("election.refused", "node-2: has just handed over")
    ]
    node.feed(Triggered(BULLY, is_forced=True))
    assert ("node-1", YieldRequest(5)) in node.sent()


def test_whoever_has_just_handed_over_does_not_preempt_its_heir():
    node = leader(epoch=4, settings=CandidacySettings(may_preempt=True))
    node.feed(HandOverWanted("node-1", "maintenance"))

    node.read("node-1", 5)
    assert not node.sent()

    node.now += 4.0
    node.read("node-1", 5)
    assert ("node-1", YieldRequest(5)) in node.sent()


def test_whoever_has_just_handed_over_takes_the_lease_when_the_next_leader_names_it():
    node = leader(epoch=4)
    node.feed(HandOverWanted("node-1", "maintenance"))
    node.read("node-1", 5)

    node.receive("node-1", HandOver(5, "node-2"))
    (attempt,) = node.ordered(TryLease)
    node.feed(LeaseRefused(attempt.request, LeaseView("node-1", 5, 5.0), 5))
    node.fire("tenure/heir", after=0.15)

    assert node.ordered(TryLease)


def test_a_draining_leader_hands_over_to_the_strongest():
    node = leader(epoch=4)
    node.feed(MembersChanged((Member("node-1"), Member("node-3"))))

    node.feed(ConditionChanged(Condition(is_fit=False, reason="draining")))

    assert node.ordered(SteppedDown) == [SteppedDown(4, "draining")]
    assert node.sent() == [("node-1", HandOver(4, "node-3")), ("node-3", HandOver(4, "node-3"))]


def test_only_a_leader_can_hand_over():
    assert Node().feed(HandOverWanted("node-1", "maintenance")) == []


def test_an_heir_claims_at_once_and_retries_while_the_release_is_under_way():
    node = Node()
    node.read("node-3", 4)

    node.receive("node-3", HandOver(4, "node-2"))
    (attempt,) = node.ordered(TryLease)
    node.feed(LeaseRefused(attempt.request, LeaseView("node-3", 4, 5.0), 4))
    assert node.timer("tenure/heir") == 0.15
    node.fire("tenure/heir", after=0.15)
    assert node.ordered(TryLease)


def test_an_heir_needs_no_election():
    node = Node()
    node.read("node-3", 4)
    node.receive("node-3", HandOver(4, "node-2"))
    node.feed(LeaseRefused(node.ordered(TryLease)[0].request, LeaseView("node-3", 4, 5.0), 4))
    node.read_nobody(epoch=4)

    node.fire("watch/absent", after=0.3)

    assert node.sent() == []
    assert node.ordered(TryLease)


def test_an_inheritance_ends_when_somebody_else_has_led():
    node = Node()
    node.read("node-3", 4)
    node.receive("node-3", HandOver(4, "node-2"))
    node.read("node-1", 5)

    assert node.fire("tenure/heir") == []


def test_the_others_give_the_heir_a_moment():
    node = Node()
    node.read("node-3", 4)

    node.receive("node-3", HandOver(4, "node-1"))

    assert 0.5 <= node.timer("watch/absent") <= 0.8


def test_a_hand_over_that_is_long_over_or_finds_an_ill_heir_is_not_followed():
    node = Node()
    node.read("node-3", 4)

    assert node.receive("node-1", HandOver(3, "node-2")) == []
    node.feed(ILL)
    assert node.receive("node-3", HandOver(4, "node-2")) == []


def test_an_ill_node_neither_calls_nor_claims_and_declines():
    node = Node()
    node.feed(ILL)
    node.read_nobody()

    assert node.fire("watch/absent", after=0.3) == []
    assert node.feed(Triggered(BULLY, is_forced=True)) == [
        Log("election.refused", "node-2: clock is 2 s off")
    ]
    node.fire("watch/net", after=8.0)
    assert not node.ordered(TryLease)
    node.receive("node-1", ElectionCall("1.1", Member("node-1"), is_forced=False))
    assert node.sent() == [("node-1", Decline("1.1", "clock is 2 s off"))]


def test_the_net_catches_when_no_lease_was_seen_for_its_whole_life():
    node = Node()

    node.fire("watch/net", after=6.5)

    assert node.logged() == ["election.net"]
    assert node.ordered(TryLease)


def test_the_net_waits_for_the_rest_of_the_leases_life():
    node = Node()
    node.now += 5.0
    node.read("node-3", 4)

    node.fire("watch/net", after=1.5)

    assert 4.5 <= node.timer("watch/net") <= 5.5
    assert not node.ordered(TryLease)


def test_the_net_of_a_leader_catches_nothing():
    node = leader(epoch=4)

    node.fire("watch/net", after=1.0)

    assert [type(effect) for effect in node.effects] == [StartTimer]


def test_whoever_wins_a_forced_election_asks_the_leader_to_yield():
    node = Node(peers=("node-1",))
    node.read("node-1", 4)

    node.feed(Triggered(BULLY, is_forced=True))

    assert ("node-1", YieldRequest(4)) in node.sent()
    assert not node.ordered(TryLease)


def test_an_unforced_election_leaves_a_healthy_leader_alone():
    node = Node(peers=("node-1",))
    node.read("node-1", 4)

    node.feed(Triggered(BULLY, is_forced=False))

    assert node.sent() == []


def test_a_leader_yields_its_own_epoch_and_no_other():
    node = leader(epoch=4)

    assert node.receive("node-1", YieldRequest(3)) == []
    node.receive("node-1", YieldRequest(4))

    assert node.ordered(SteppedDown) == [SteppedDown(4, "node-1 won an election")]
    assert node.sent() == [("node-1", HandOver(4, "node-1"))]


def test_a_leader_that_wins_a_forced_election_says_that_it_still_leads():
    node = leader(epoch=4)

    node.feed(Triggered(BULLY, is_forced=True))

    assert node.sent() == [("node-1", Coordinator("node-2", 4, rides_ring=False))]
    assert not node.ordered(SteppedDown)


@pytest.mark.parametrize(
    "message",
    [
        ElectionCall("1.1", Member("node-1"), is_forced=False),
        RingToken(TokenId("node-1", 1, 1), (RollCall(Member("node-1"), Condition(), 0),), False, False),
    ],
)
def test_who_calls_though_there_is_a_leader_is_pointed_to_it(message):
    node = Node()
    node.read("node-3", 4)

    node.receive("node-1", message)

    assert node.sent()[0] == ("node-1", Coordinator("node-3", 4, rides_ring=False))
    assert ReadLease() in node.effects


def test_the_own_token_coming_home_points_nobody_anywhere():
    node = Node(algorithm=RING)
    node.read("node-3", 4)
    mine = RingToken(TokenId("node-2", 1, 1), (RollCall(Member("node-2"), Condition(), 0),), False, False)

    node.receive("node-1", mine)

    assert not [message for _, message in node.sent() if isinstance(message, Coordinator)]


def test_a_stronger_node_preempts_only_where_that_is_wished_and_not_all_the_time():
    polite, eager = (
        Node(peers=("node-1",)),
        Node(peers=("node-1",), settings=CandidacySettings(may_preempt=True)),
    )

    polite.read("node-1", 4)
    assert polite.sent() == []
    eager.read("node-1", 4)
    assert eager.sent() == [("node-1", YieldRequest(4))]
    eager.now += 1.0
    eager.read("node-1", 4)
    assert eager.sent() == []
    eager.now += 10.0
    eager.read("node-1", 4)
    assert eager.sent() == [("node-1", YieldRequest(4))]


def test_a_stronger_leader_is_never_preempted():
    node = Node(settings=CandidacySettings(may_preempt=True))

    node.read("node-3", 4)

    assert node.sent() == []


def test_the_algorithm_can_be_changed_between_two_elections():
    node = Node()
    node.core.algorithm = RING
    node.read_nobody()

    node.fire("watch/absent", after=0.3)

    assert [type(message) for _, message in node.sent()] == [RingToken]


def test_each_node_answers_both_algorithms_whichever_it_prefers():
    node = Node(algorithm=RING)

    node.receive("node-1", ElectionCall("1.1", Member("node-1"), is_forced=False))

    assert ("node-1", Ok("1.1")) in node.sent()


def test_a_leader_elected_by_the_ring_is_announced_round_the_ring():
    node = Node(algorithm=RING)
    node.receive("node-1", Nomination(TokenId("node-1", 1, 1), is_forced=False))

    node.feed(LeaseGranted(node.ordered(TryLease)[0].request, 4))

    assert node.core.won_by == RING
    assert node.sent() == [("node-3", Coordinator("node-2", 4, rides_ring=True))]


def test_timers_and_failed_sends_reach_the_election_they_belong_to():
    node = Node()
    node.feed(Triggered(BULLY, is_forced=False))
    call = node.sent()[0][1]

    node.feed(SendFailed("node-3", call))
    assert node.ordered(TryLease)

    other = Node()
    other.feed(Triggered(BULLY, is_forced=False))
    other.fire("bully/answers", after=0.5)
    assert other.ordered(TryLease)


def test_an_audit_sends_a_token_round_whoever_leads():
    node = Node()
    node.read("node-3", 4)

    node.feed(AuditWanted())

    assert [message.is_audit for _, message in node.sent()] == [True]


def test_a_running_election_ends_when_the_lease_shows_a_new_leader():
    node = Node()
    node.read_nobody()
    node.fire("watch/absent", after=0.3)

    node.read("node-3", 1)

    assert StopTimer("bully/answers") in node.effects
    assert node.fire("bully/answers") == []


def test_a_second_victory_while_claiming_asks_no_second_time():
    node = Node()
    node.claim()

    node.feed(Triggered(BULLY, is_forced=False))

    assert not node.ordered(TryLease)
