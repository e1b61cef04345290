"""Percentiles of many nodes from counts that add up; the oracle sorts everything."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.algorithms.latencies import (
    FIRST_MS,
    RATIO,
    add_up,
    bucket_of,
    count_buckets,
    percentile_ms,
    upper_end,
)

durations = st.lists(st.floats(0, 60), min_size=1, max_size=60)


@given(st.lists(durations, min_size=1, max_size=4), st.sampled_from([0.5, 0.9, 0.99, 1.0]))
def test_the_percentile_of_all_nodes_is_that_of_all_requests_within_a_bucket(nodes, share):
    everything = sorted(each * 1000 for node in nodes for each in node)
    exact = everything[math.ceil(len(everything) * share - 1e-9) - 1]

    found = percentile_ms(add_up(count_buckets(node) for node in nodes), share)

    assert max(exact, FIRST_MS) * 0.999 <= found <= max(exact, FIRST_MS) * RATIO * 1.001


@given(st.integers(0, 119))
def test_an_upper_end_belongs_to_its_own_bucket(bucket):
    assert bucket_of(upper_end(bucket)) == bucket
    assert bucket_of(upper_end(bucket) * 1.001) == bucket + 1


@pytest.mark.parametrize("counts", [{}, {3: 0}])
def test_no_requests_have_no_percentile(counts):
    assert percentile_ms(counts, 0.99) is None


def test_no_duration_is_lost_however_long():
    assert sum(count_buckets([0.0, 1e-9, 1e9]).values()) == 3
