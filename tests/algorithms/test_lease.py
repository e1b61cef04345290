"""When a node may act, and whose writes count."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.algorithms.lease import EpochLedger, LeaseHolder, LeaseHome, lease_home

MEMBERS = ["node-1", "node-2", "node-3"]


def holder():
    return LeaseHolder(ttl_seconds=6.0, margin_seconds=1.0)


def test_a_grant_counts_from_before_the_question_left():
    lease = holder()
    request = lease.ask(now=100.0)

    assert lease.grant(request, epoch=7, now=103.0)
    assert lease.may_act(104.9)
    assert not lease.may_act(105.0)


def test_a_grant_that_took_longer_than_it_is_worth_is_none():
    lease = holder()
    request = lease.ask(now=100.0)

    assert not lease.grant(request, epoch=7, now=105.0)
    assert not lease.may_act(105.0)


def test_an_answer_to_no_question_is_none():
    assert not holder().grant(request=1, epoch=7, now=0.0)


def test_nothing_may_be_done_without_a_grant():
    lease = holder()
    lease.ask(now=0.0)

    assert not lease.may_act(0.0)


def test_an_earlier_question_answered_late_does_not_shorten_the_lease():
    lease = holder()
    first, second = lease.ask(now=100.0), lease.ask(now=102.0)

    assert lease.grant(second, epoch=7, now=102.5)
    assert not lease.expects(first)
    assert lease.deadline == 107.0


def test_a_later_question_may_still_be_answered_after_an_earlier_one():
    lease = holder()
    first, second = lease.ask(now=100.0), lease.ask(now=102.0)
    lease.grant(first, epoch=7, now=102.5)

    assert lease.expects(second)
    assert lease.grant(second, epoch=7, now=103.0)
    assert lease.deadline == 107.0


def test_whoever_drops_the_lease_no_longer_waits_for_answers():
    lease = holder()
    lease.grant(lease.ask(now=0.0), epoch=7, now=0.1)
    pending = lease.ask(now=2.0)

    lease.drop()

    assert not lease.may_act(0.2)
    assert not lease.grant(pending, epoch=7, now=2.1)


@given(st.lists(st.tuples(st.integers(1, 6), st.sampled_from(MEMBERS))))
def test_an_epoch_belongs_to_one_node_and_only_the_newest_counts(attempts):
    ledger, owners, newest = EpochLedger(), {}, 0
    for epoch, node in attempts:
        opened = ledger.open_term(epoch, node)

        if epoch > newest:
            owners[epoch], newest = node, epoch
        assert opened == (epoch == newest and owners[epoch] == node)
        assert [number for number in range(8) if ledger.accepts(number)] == [newest]


@pytest.mark.parametrize("views", list(product((True, False, None), repeat=3)))
def test_the_database_lease_needs_a_majority_that_has_lost_redis(views):
    sees = {node: view for node, view in zip(MEMBERS, views, strict=True) if view is not None}

    home = lease_home(sees, MEMBERS, me="node-1")

    if views[0]:
        assert home is LeaseHome.REDIS
    else:
        assert home is (LeaseHome.DATABASE if views.count(False) >= 2 else LeaseHome.NOWHERE)
