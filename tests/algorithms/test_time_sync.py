"""Offsets with honest error bars, against clocks whose true distance the test knows (K7, K8, B32)."""

from statistics import fmean

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from app.algorithms.time_sync import (
    ClockHealth,
    ClusterTime,
    Exchange,
    Interval,
    authority_is_suspect,
    berkeley,
    cristian,
    judge,
    marzullo,
)

TINY = 1e-9
delays = st.floats(0.0005, 0.08)
offsets = st.floats(-5, 5)
intervals = st.builds(lambda low, width: Interval(low, low + width), st.integers(-10, 10), st.integers(0, 8))


def exchange(true_offset, there, back, at=100.0, thinking=0.0):
    served = at + there + true_offset
    return Exchange(at, served, served + thinking, at + there + thinking + back)


@given(offsets, st.lists(st.tuples(delays, delays, delays), min_size=1, max_size=8))
def test_the_true_offset_lies_in_the_error_bar_however_lopsided_the_delays(true_offset, trips):
    samples = [exchange(true_offset, there, back, thinking=thinking) for there, back, thinking in trips]

    measured = cristian(samples, max_round_trip=1.0)

    assert measured.low - TINY <= true_offset <= measured.high + TINY
    assert measured.error == pytest.approx(min(there + back for there, back, _ in trips) / 2)


@given(offsets, delays, delays)
def test_a_known_minimum_one_way_delay_tightens_the_error_bar_honestly(true_offset, there, back):
    shortest = min(there, back)

    measured = cristian([exchange(true_offset, there, back)], max_round_trip=1.0, min_one_way=shortest)

    assert measured.low - TINY <= true_offset <= measured.high + TINY
    assert measured.error == pytest.approx((there + back) / 2 - shortest, abs=TINY)


def test_slow_exchanges_tell_nothing():
    assert cristian([exchange(2.0, 0.09, 0.02)]) is None
    assert cristian([]) is None


def test_an_exchange_during_which_our_clock_was_set_back_is_dropped():
    assert cristian([Exchange(asked=100.0, server_received=1.0, server_answered=1.0, received=99.0)]) is None


@pytest.mark.parametrize(
    ("measured", "health"),
    [
        (None, ClockHealth.UNKNOWN),
        (Interval.around(0.2, 0.01), ClockHealth.GOOD),
        (Interval.around(0.3, 0.06), ClockHealth.GOOD),
        (Interval.around(-0.3, 0.01), ClockHealth.WARN),
        (Interval.around(2.0, 0.05), ClockHealth.CRITICAL),
        (Interval.around(-2.0, 0.05), ClockHealth.CRITICAL),
    ],
)
def test_health_is_judged_by_the_near_end_of_the_error_bar(measured, health):
    assert judge(measured) is health


def test_an_interval_knows_its_centre():
    assert Interval(1.0, 3.0).centre == 2.0


@given(st.lists(st.floats(-0.2, 0.2), min_size=3, max_size=7), st.data())
def test_liars_beyond_the_tolerance_have_no_say(honest, data):
    liars = data.draw(st.lists(st.sampled_from([-9.0, -2.0, 3.0, 60.0]), max_size=(len(honest) - 1) // 2))
    polled = dict(enumerate(honest + liars))

    result = berkeley({str(node): offset for node, offset in polled.items()})

    assert min(honest) - TINY <= result.average <= max(honest) + TINY
    assert result.outliers == {str(node) for node, offset in polled.items() if abs(offset) > 1}


@given(st.lists(st.floats(-0.2, 0.2), min_size=3, max_size=7), st.data())
def test_liars_within_the_tolerance_move_the_average_by_a_bounded_share(honest, data):
    liars = data.draw(st.lists(st.floats(-2, 2), max_size=(len(honest) - 1) // 2))
    polled = {str(node): offset for node, offset in enumerate(honest + liars)}

    result = berkeley(polled, tolerance=0.5)

    kept_liars = [node for node in range(len(honest), len(polled)) if str(node) not in result.outliers]
    reach = 0.5 * len(kept_liars) / (len(honest) + len(kept_liars))
    assert min(honest) - reach - TINY <= result.average <= max(honest) + reach + TINY


@given(st.dictionaries(st.sampled_from("abcdefg"), offsets, min_size=1))
def test_corrections_bring_all_to_the_average_and_cancel_out_among_the_kept(polled):
    result = berkeley(polled)
    assume(result.corrections)

    assert all(polled[node] + result.corrections[node] == pytest.approx(result.average) for node in polled)
    assert sum(result.corrections[node] for node in polled if node not in result.outliers) == pytest.approx(
        0, abs=1e-6
    )


def test_without_a_majority_nobody_is_corrected():
    result = berkeley({"node-1": 0.0, "node-2": 10.0})

    assert result.corrections == {}
    assert result.outliers == {"node-1", "node-2"}


def test_a_round_needs_a_clock():
    with pytest.raises(ValueError, match="at least"):
        berkeley({})


@given(st.lists(st.tuples(st.floats(-3, 40), st.floats(-2, 2)), max_size=20))
def test_cluster_time_never_goes_back_even_when_the_local_clock_does(steps):
    clock, local, before = ClusterTime(), 1_000.0, float("-inf")
    for elapsed, correction in steps:
        local += elapsed
        clock.correct(correction, local)

        reading = clock.read(local)

        assert reading >= before
        before = reading


def test_cluster_time_moves_towards_the_correction_at_the_slew_rate_and_stops_there():
    clock = ClusterTime(slew_per_second=0.005)
    clock.correct(-0.02, local=100.0)

    readings = [clock.read(100.0 + elapsed) - (100.0 + elapsed) for elapsed in (0, 1, 2, 4, 8)]

    assert readings == pytest.approx([0, -0.005, -0.01, -0.02, -0.02])


def test_slewed_rounds_bring_three_clocks_together():
    true_offsets = {"node-1": 0.0, "node-2": 0.1, "node-3": -0.14}
    clocks = {node: ClusterTime() for node in true_offsets}
    for now in range(0, 300, 30):
        readings = {node: clocks[node].read(now + true_offsets[node]) for node in clocks}
        result = berkeley({node: reading - readings["node-1"] for node, reading in readings.items()})
        for node, correction in result.corrections.items():
            clocks[node].correct(correction, now + true_offsets[node])

    final = [clocks[node].read(300 + offset) for node, offset in true_offsets.items()]

    assert max(final) - min(final) < 0.001
    assert fmean(final) == pytest.approx(300, abs=0.1)


def votes_at(place, given_intervals):
    return sum(one.low <= place <= one.high for one in given_intervals)


@given(st.lists(intervals, max_size=7))
def test_interval_intersection_agrees_with_trying_every_place(given_intervals):
    best = max((votes_at(half / 2, given_intervals) for half in range(-40, 60)), default=0)

    agreement = marzullo(given_intervals)

    if agreement is None:
        assert given_intervals == []
    else:
        assert agreement.votes == best
        for place in (agreement.interval.low, agreement.interval.centre, agreement.interval.high):
            assert votes_at(place, given_intervals) == best


@given(intervals, st.lists(intervals, max_size=7))
def test_an_authority_is_suspect_exactly_when_no_majority_admits_its_time(authority, witnesses):
    half = len(witnesses) / 2
    places = [step / 2 for step in range(-40, 60)]
    agreed = any(votes_at(place, witnesses) > half for place in places)
    admitted = any(
        votes_at(place, witnesses) > half for place in places if authority.low <= place <= authority.high
    )

    assert authority_is_suspect(authority, witnesses, tolerance=0.0) is (agreed and not admitted)


def test_good_clocks_that_differ_a_little_still_convict_a_wrong_authority():
    witnesses = [Interval.around(offset, 0.003) for offset in (0.0, 0.08, -0.07)]

    assert authority_is_suspect(Interval.around(2.0, 0.003), witnesses)
    assert not authority_is_suspect(Interval.around(0.1, 0.003), witnesses)
