"""Fair shares, proved by counting turns (K1, K2)."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.algorithms.balancing import (
    Ewma,
    LeastConnections,
    Load,
    NoNodeLeftError,
    RoundRobin,
    SmoothWeighted,
    weight,
    weights,
)

names = st.sampled_from(["node-1", "node-2", "node-3", "node-4", "node-5"])
loads = st.builds(
    Load,
    p95_ms=st.floats(0, 5_000),
    in_flight=st.integers(0, 500),
    cpu=st.floats(-1, 2),
    up_since=st.floats(0, 200),
    is_draining=st.booleans(),
    is_alive=st.booleans(),
)
IDLE = Load(p95_ms=5.0, in_flight=0, cpu=0.0, up_since=0.0)


@given(st.lists(st.sets(names, min_size=1), max_size=4), st.sets(names, min_size=1), st.integers(1, 40))
def test_round_robin_turns_differ_by_at_most_one_over_any_stretch(earlier, nodes, turns):
    balancer = RoundRobin()
    for others in earlier:
        balancer.pick(others)

    counts = Counter(balancer.pick(nodes) for _ in range(turns))

    assert max(counts.values()) - min(counts[node] for node in nodes) <= 1


@given(st.lists(st.dictionaries(names, st.integers(0, 3), min_size=1), min_size=1))
def test_least_connections_never_picks_a_busier_node(rounds):
    balancer = LeastConnections()

    for connections in rounds:
        assert connections[balancer.pick(connections)] == min(connections.values())


def test_least_connections_shares_evenly_among_idle_nodes():
    balancer = LeastConnections()

    counts = Counter(balancer.pick({"node-1": 0, "node-2": 0, "node-3": 0}) for _ in range(9))

    assert set(counts.values()) == {3}


@given(st.dictionaries(names, st.integers(0, 10), min_size=1).filter(lambda given: any(given.values())))
def test_weighted_shares_are_exact_over_every_full_cycle(shares):
    balancer, cycle = SmoothWeighted(), sum(shares.values())

    picked = [balancer.pick(shares) for _ in range(cycle * 2)]

    for start in range(cycle):
        counts = Counter(picked[start : start + cycle])
        assert {node: counts[node] for node in shares} == shares


def test_a_heavy_node_gets_its_turns_spread_out():
    balancer = SmoothWeighted()

    picked = [balancer.pick({"a": 5, "b": 1, "c": 1}) for _ in range(7)]

    assert picked == ["a", "a", "b", "a", "c", "a", "a"]  # the example in nginx's commit message


@given(
    st.lists(
        st.fixed_dictionaries({"a": st.integers(1, 10), "b": st.integers(1, 10), "c": st.integers(1, 10)})
    ),
    st.fixed_dictionaries({"a": st.integers(1, 10), "b": st.integers(1, 10), "c": st.integers(1, 10)}),
)
def test_after_changing_weights_the_shares_stay_within_the_turns_owed(earlier, shares):
    balancer, cycle = SmoothWeighted(), sum(shares.values())
    for others in earlier:
        balancer.pick(others)

    counts = Counter(balancer.pick(shares) for _ in range(cycle * 10))

    assert all(abs(counts[node] - 10 * shares[node]) <= 30 for node in shares)
    assert all(counts[node] for node in shares)


def test_a_node_that_comes_back_is_not_owed_the_turns_it_missed():
    balancer = SmoothWeighted()
    for _ in range(5):
        balancer.pick({"a": 1})

    picked = [balancer.pick({"a": 1, "b": 1}) for _ in range(4)]

    assert picked == ["a", "b", "a", "b"]


@pytest.mark.parametrize(
    ("balancer", "nobody"),
    [(RoundRobin(), []), (LeastConnections(), {}), (SmoothWeighted(), {}), (SmoothWeighted(), {"node-1": 0})],
)
def test_no_balancer_invents_a_node(balancer, nobody):
    with pytest.raises(NoNodeLeftError):
        balancer.pick(nobody)


def test_an_average_forgets_half_in_its_half_life():
    average = Ewma(half_life_seconds=5.0)
    average.add(100.0, now=10.0)

    assert average.add(0.0, now=15.0) == pytest.approx(50.0)
    assert average.add(0.0, now=25.0) == pytest.approx(12.5)


@given(loads, st.floats(0, 1_000))
def test_weights_are_bounded_and_zero_only_for_those_who_must_get_nothing(load, now):
    given_weight = weight(load, now)

    if load.is_draining or not load.is_alive:
        assert given_weight == 0
    else:
        assert 1 <= given_weight <= 10


@given(loads, st.floats(1, 4), st.integers(0, 50), st.floats(0, 1))
def test_more_load_never_gives_more_weight(load, slower, busier, hotter):
    worse = replace(
        load, p95_ms=load.p95_ms * slower, in_flight=load.in_flight + busier, cpu=load.cpu + hotter
    )

    assert weight(worse, now=300) <= weight(load, now=300)


def test_a_new_node_earns_its_share_over_the_slow_start():
    assert [weight(IDLE, now) for now in (0, 3, 15, 30, 300)] == [1, 1, 5, 10, 10]


@given(st.dictionaries(names, loads, min_size=1))
def test_there_is_always_someone_to_ask_and_the_living_come_first(cluster):
    decided = weights(cluster, now=300)

    assert decided.keys() == cluster.keys()
    assert any(decided.values())
    if any(load.is_alive for load in cluster.values()):
        assert all(cluster[node].is_alive for node, given_weight in decided.items() if given_weight)


def test_draining_nodes_serve_when_nobody_else_lives():
    cluster = {"node-1": replace(IDLE, is_draining=True), "node-2": replace(IDLE, is_alive=False)}

    assert weights(cluster, now=300) == {"node-1": 1, "node-2": 0}
