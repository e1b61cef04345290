"""Counting against the dumbest oracle: fill in every missing vote in every way."""

from itertools import combinations, product

from hypothesis import given
from hypothesis import strategies as st

from app.algorithms.quorum import Outcome, Versioned, decide, intersects, majority, newest

VOTERS = ["a", "b", "c", "d", "e"]


@given(
    st.lists(st.sampled_from(VOTERS), unique=True),
    st.dictionaries(st.sampled_from([*VOTERS, "stranger"]), st.booleans()),
    st.none() | st.integers(0, 6),
)
def test_an_outcome_is_reached_exactly_when_no_missing_vote_can_change_it(voters, votes, needed):
    goal = len(voters) // 2 + 1 if needed is None else needed
    missing = [voter for voter in voters if voter not in votes]
    agreed = sum(votes[voter] for voter in voters if voter in votes)
    endings = {agreed + sum(rest) >= goal for rest in product((False, True), repeat=len(missing))}

    expected = {frozenset({True}): Outcome.WON, frozenset({False}): Outcome.LOST}
    assert decide(votes, voters, needed) is expected.get(frozenset(endings), Outcome.PENDING)


@given(st.integers(1, 9))
def test_two_majorities_always_share_a_member(size):
    members = range(size)

    groups = [set(group) for group in combinations(members, majority(size))]

    assert all(one & other for one in groups for other in groups)
    assert intersects(majority(size), majority(size), size)
    assert not intersects(majority(size) - 1, size // 2 + size % 2, size)


@given(st.dictionaries(st.sampled_from(VOTERS), st.integers(0, 4), min_size=1))
def test_the_newest_reply_wins_and_all_older_ones_are_named_for_repair(versions):
    result = newest({node: Versioned(version, f"value {version}") for node, version in versions.items()})

    assert result.found == Versioned(max(versions.values()), f"value {max(versions.values())}")
    assert result.stale == {node for node, version in versions.items() if version < max(versions.values())}


def test_nothing_is_newest_of_nothing():
    assert newest({}) is None
