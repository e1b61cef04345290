"""The ring's own manners: tokens, receipts, nominations, audits (K5)."""

import pytest

from app.algorithms.election import Announce
from app.algorithms.election_messages import (
    Condition,
    Coordinator,
    HopReport,
    Member,
    Nomination,
    RingToken,
    RollCall,
    TokenId,
    TokenReceipt,
)
from app.algorithms.ring import Ring
from app.algorithms.steps import Received, SendFailed, TimerFired
from tests.algorithms.driving import Table


def token_of(initiator, number=1, incarnation=1, is_forced=False, weight=1):
    roll = (RollCall(Member(initiator, weight), Condition(), epoch=0),)
    return RingToken(TokenId(initiator, incarnation, number), roll, is_forced, is_audit=False)


def tokens_sent(table):
    return [(sender, to) for sender, to, message in table.messages if isinstance(message, RingToken)]


@pytest.mark.parametrize("size", range(1, 8))
def test_one_circulation_of_n_nodes_takes_at_most_3n_messages(size):
    table = Table(Ring, size).begin("node-1").settle()
    table.feed(table.winners[0], Announce(epoch=1))
    table.deliver()

    assert table.counted_messages() <= 3 * size


def test_the_token_goes_round_in_order_and_skips_the_silent():
    table = Table(Ring, 4, silent=["node-3"]).begin("node-2").settle()

    assert tokens_sent(table) == [
        ("node-2", "node-3"),
        ("node-2", "node-4"),
        ("node-4", "node-1"),
        ("node-1", "node-2"),
    ]


def test_a_node_that_certainly_was_not_reached_is_skipped_at_once():
    table = Table(Ring, 3, silent=["node-2"]).begin("node-1")
    sent = table.messages[0][2]

    table.feed("node-1", SendFailed("node-3", sent))
    table.feed("node-1", SendFailed("node-2", sent))
    table.feed("node-1", SendFailed("node-2", sent))

    assert tokens_sent(table) == [("node-1", "node-2"), ("node-1", "node-3")]
    assert table.now == 0.0


def test_a_duplicate_of_a_token_is_confirmed_and_goes_no_further():
    table = Table(Ring, 3)

    for _ in range(2):
        table.feed("node-2", Received("node-1", token_of("node-1")))

    assert tokens_sent(table) == [("node-2", "node-3")]
    receipts = [message for _, _, message in table.messages if isinstance(message, TokenReceipt)]
    assert len(receipts) == 2


def test_a_token_of_a_former_life_is_swallowed():
    table = Table(Ring, 3)
    table.feed("node-2", Received("node-1", token_of("node-1", number=1, incarnation=2)))

    table.feed("node-2", Received("node-1", token_of("node-1", number=9, incarnation=1)))

    assert len(tokens_sent(table)) == 1


def test_a_returned_token_counts_once_and_only_if_it_is_the_latest():
    table = Table(Ring, 3, silent=["node-2", "node-3"]).begin("node-1").begin("node-1")

    table.feed("node-1", Received("node-3", token_of("node-1", number=1)))

    assert table.winners == []
    table.feed("node-1", Received("node-3", token_of("node-1", number=2)))
    table.feed("node-1", Received("node-3", token_of("node-1", number=2)))
    assert table.winners == ["node-1"]


def test_a_stronger_initiator_swallows_a_weaker_token_but_not_a_forced_one():
    table = Table(Ring, 3, silent=["node-1"]).begin("node-3")

    table.feed("node-3", Received("node-2", token_of("node-2")))
    assert len(tokens_sent(table)) == 1
    table.feed("node-3", Received("node-2", token_of("node-2", number=2, is_forced=True)))

    assert len(tokens_sent(table)) == 2


def test_a_weaker_initiator_passes_a_stronger_token_on():
    table = Table(Ring, 3).begin("node-1")

    table.feed("node-1", Received("node-3", token_of("node-3")))

    assert len(tokens_sent(table)) == 2


def test_an_initiator_that_may_not_lead_swallows_nothing():
    table = Table(Ring, 3, silent=["node-1"]).begin("node-3")
    table.unfit.add("node-3")

    table.feed("node-3", Received("node-2", token_of("node-2")))

    assert len(tokens_sent(table)) == 2


def test_nobody_is_elected_when_nobody_on_the_roll_may_lead():
    table = Table(Ring, 2, unfit=["node-1", "node-2"]).begin("node-1").settle()

    assert table.winners == []
    assert not table.cores["node-1"].is_running


def test_a_token_whose_initiator_has_vanished_dies_out():
    table = Table(Ring, 3, silent=["node-1"])
    del table.members["node-1"]

    table.feed("node-2", Received("node-1", token_of("node-1")))
    table.settle()

    assert table.winners == []
    assert table.timers_of("node-2") == table.timers_of("node-3") == {}


def test_a_token_that_cannot_reach_its_initiator_is_not_sent_round_again():
    table = Table(Ring, 2, silent=["node-1"])

    table.feed("node-2", Received("node-1", token_of("node-1")))
    table.settle()

    assert tokens_sent(table) == [("node-2", "node-1")]


def test_a_lost_token_is_replaced_after_three_seconds():
    table = Table(Ring, 3, silent=["node-2", "node-3"]).begin("node-1")
    first = table.messages[0][2].token
    table.feed("node-1", Received("node-2", TokenReceipt(first)))  # node-2 took it and died

    ((timer, due),) = table.timers_of("node-1").items()
    table.feed("node-1", TimerFired(timer))

    assert 3.0 <= due <= 3.75
    assert [message.token.number for _, _, message in table.messages if isinstance(message, RingToken)] == [
        1,
        2,
    ]


def test_a_receipt_for_another_token_or_from_another_node_confirms_nothing():
    table = Table(Ring, 3, silent=["node-2", "node-3"]).begin("node-1")
    token = table.messages[0][2].token

    table.feed("node-1", Received("node-3", TokenReceipt(token)))
    table.feed("node-1", Received("node-2", TokenReceipt(token._replace(number=9))))
    table.feed("node-1", Received("node-2", TokenReceipt(token._replace(initiator="node-3"))))

    assert "ring/hop/node-1" in table.timers_of("node-1")


def test_a_nomination_counts_once_and_only_for_a_node_that_may_lead():
    table = Table(Ring, 3, unfit=["node-2"])
    nomination = Received("node-1", Nomination(TokenId("node-1", 1, 1), is_forced=False))

    table.feed("node-3", nomination)
    table.feed("node-3", nomination)
    table.feed("node-2", nomination)

    assert table.winners == ["node-3"]


def test_an_announcement_goes_round_once():
    table = Table(Ring, 3)

    for _ in range(2):
        table.feed("node-2", Received("node-1", Coordinator("node-1", 4, rides_ring=True)))
    table.feed("node-3", Received("node-2", Coordinator("node-1", 4, rides_ring=True)))

    assert [(sender, to) for sender, to, _ in table.messages] == [("node-2", "node-3")]


def test_an_audit_names_every_hop_and_elects_nobody():
    table = Table(Ring, 4, silent=["node-3"]).begin("node-1", is_audit=True).settle()

    assert table.winners == []
    assert not table.cores["node-1"].is_running
    hops = [log.text for log in table.logs if log.event == "ring.hop"]
    assert hops == [
        "node-1 to node-2: 0 ms",
        "node-2 to node-4: 0 ms, node-3 did not answer",
        "node-4 to node-1: 0 ms",
    ]
    assert [log.text for log in table.logs if log.event == "ring.closed"] == [
        "the token met node-1, node-2, node-4"
    ]


def test_an_audit_measures_the_time_to_the_receipt():
    table = Table(Ring, 2, silent=["node-2"]).begin("node-1", is_audit=True)
    token = table.messages[0][2].token
    table.now = 0.042

    table.feed("node-1", Received("node-2", TokenReceipt(token)))

    assert table.logs[-1].text == "node-1 to node-2: 42 ms"


def test_a_hop_report_is_for_the_log_of_the_initiator():
    table = Table(Ring, 2)

    table.feed(
        "node-1", Received("node-2", HopReport(TokenId("node-1", 1, 1), "node-2", "node-1", 0.003, ()))
    )

    assert table.logs[-1].text == "node-2 to node-1: 3 ms"
