"""K1, K2: what nginx is told, decided from what the nodes say."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.algorithms.balancing import Load
from app.coordination.balancing import (
    Plan,
    Policy,
    Share,
    Urgency,
    decide,
    is_due,
    parse,
    place_of,
    render,
    urgency,
)

IDLE = Load(p95_ms=5, in_flight=0, cpu=0.0, up_since=0)
NAMES = ("node-1", "node-2", "node-3")
PLACES = {name: f"127.0.0.1:500{number}" for number, name in enumerate(NAMES, 1)}
NOW = 1000.0

loads = st.builds(
    Load,
    p95_ms=st.floats(0, 5000),
    in_flight=st.integers(0, 500),
    cpu=st.floats(0, 2),
    up_since=st.floats(0, NOW),
    is_draining=st.booleans(),
    is_alive=st.booleans(),
)
clusters = st.dictionaries(st.sampled_from(NAMES), loads, min_size=1)


def plan_for(policy=Policy.WEIGHTED, **changed):
    cluster = {name: changed.get(name.replace("-", "_"), IDLE) for name in NAMES}
    return decide(policy, cluster, PLACES, NOW)


def given_weights(plan):
    return {share.node: share.weight for share in plan.shares}


@given(st.sampled_from(Policy), clusters)
def test_there_is_always_somebody_to_ask_and_the_dead_are_out(policy, cluster):
    plan = decide(policy, cluster, PLACES, NOW)

    assert plan.serving
    assert all(0 <= share.weight <= 10 for share in plan.shares)
    if any(load.is_alive for load in cluster.values()):
        assert all(cluster[share.node].is_alive for share in plan.shares)
    if any(load.is_alive and not load.is_draining for load in cluster.values()):
        assert all(not cluster[node].is_draining for node in plan.serving)


@given(st.sampled_from([Policy.ROUND_ROBIN, Policy.LEAST_CONNECTIONS]), clusters)
def test_without_weighing_all_who_serve_count_alike(policy, cluster):
    plan = decide(policy, cluster, PLACES, NOW)

    assert {share.weight for share in plan.serving.values()} == {1}


@given(st.sampled_from(Policy), clusters)
def test_a_plan_is_read_back_as_it_was_written(policy, cluster):
    plan = decide(policy, cluster, PLACES, NOW)

    assert parse(render(plan)) == plan


@pytest.mark.parametrize(
    "text", ["", "upstream nodes {}\n", "# Written by the balancer: {", '# Written by the balancer: {"a":1}']
)
def test_what_somebody_else_wrote_is_no_plan(text):
    assert parse(text) is None


def test_a_node_without_an_address_gets_nothing():
    assert decide(Policy.WEIGHTED, {"node-1": IDLE}, {}, NOW) is None


def test_a_busy_node_weighs_less_and_a_new_one_starts_slowly():
    plan = plan_for(node_2=replace(IDLE, p95_ms=500), node_3=replace(IDLE, up_since=NOW - 3))

    assert given_weights(plan) == {"node-1": 10, "node-2": 1, "node-3": 1}


def test_the_wanted_shares_follow_the_weights_unless_speed_decides():
    assert plan_for(node_2=replace(IDLE, cpu=0.5)).wanted() == {"node-1": 0.4, "node-2": 0.2, "node-3": 0.4}
    assert plan_for(Policy.LEAST_CONNECTIONS).wanted() is None


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"node_2": replace(IDLE, is_alive=False)}, Urgency.URGENT),
        ({"node_2": replace(IDLE, is_draining=True)}, Urgency.URGENT),
        ({"node_2": replace(IDLE, cpu=0.2)}, Urgency.CALM),
        ({"node_2": replace(IDLE, cpu=0.1)}, Urgency.NONE),
        ({"policy": Policy.ROUND_ROBIN}, Urgency.CALM),
        ({}, Urgency.NONE),
    ],
)
def test_only_who_must_get_nothing_cannot_wait(change, expected):
    assert urgency(plan_for(), plan_for(**change)) is expected


def test_a_node_that_comes_back_can_wait():
    assert urgency(plan_for(node_2=replace(IDLE, is_alive=False)), plan_for()) is Urgency.CALM


def test_a_node_that_moved_to_another_address_cannot():
    moved = Plan(Policy.WEIGHTED, tuple(replace(share, place="127.0.0.1:9") for share in plan_for().shares))

    assert urgency(plan_for(), moved) is Urgency.URGENT


def test_reloads_are_ten_seconds_apart_unless_somebody_must_get_nothing():
    due = {
        (urgency, seconds): is_due(urgency, seconds) for urgency in Urgency for seconds in (0.5, 1, 9.9, 10)
    }

    assert {case for case, is_so in due.items() if is_so} == {
        (Urgency.URGENT, 1),
        (Urgency.URGENT, 9.9),
        (Urgency.URGENT, 10),
        (Urgency.CALM, 10),
    }


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("http://127.0.0.1:5001", "127.0.0.1:5001"),
        ("http://node-1.internal", "node-1.internal:80"),
        ("https://node-1.internal:443", None),
        ("http://127.0.0.1:5001;evil", None),
        ("http://a b:1", None),
        ("", None),
    ],
)
def test_only_a_plain_host_and_port_can_stand_in_a_server_line(address, place):
    assert place_of(address) == place


def test_least_connections_stands_before_the_servers_and_draining_is_down():
    plan = Plan(Policy.LEAST_CONNECTIONS, (Share("node-1", "a:1", 1), Share("node-2", "b:2", 0)))

    lines = [line.strip() for line in render(plan).splitlines()[1:]]

    assert lines == [
        "upstream nodes {",
        "zone nodes 128k;",
        "least_conn;",
        "server a:1 max_fails=0;",
        "server b:2 down;",
        "keepalive 64;",
        "keepalive_timeout 60s;",
        "}",
    ]
