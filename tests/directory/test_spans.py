import itertools
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from app.directory.spans import Span, obstacles, subtract

MIDNIGHT = datetime(2026, 11, 20, tzinfo=UTC)


def at(minute: int) -> datetime:
    return MIDNIGHT + timedelta(minutes=minute)


@st.composite
def spans(draw: st.DrawFn) -> Span:
    start = draw(st.integers(0, 100))
    return Span(at(start), at(start + draw(st.integers(1, 40))))


@st.composite
def spans_in_a_row(draw: st.DrawFn) -> list[Span]:
    """Ascending, touching at most."""
    row, since = [], 0
    for gap, length in draw(st.lists(st.tuples(st.integers(0, 20), st.integers(1, 20)), max_size=8)):
        row.append(Span(at(since + gap), at(since + gap + length)))
        since += gap + length
    return row


def minutes_of(span: Span) -> set[datetime]:
    return {at(m) for m in range(-10, 300) if span.starts_at <= at(m) < span.ends_at}


@given(spans(), spans())
def test_two_spans_overlap_exactly_when_they_share_a_minute(one: Span, other: Span) -> None:
    assert one.overlaps(other) == bool(minutes_of(one) & minutes_of(other))
    assert one.overlaps(other) == other.overlaps(one)


def test_touching_is_not_overlapping() -> None:
    assert not Span(at(0), at(30)).overlaps(Span(at(30), at(60)))


@given(spans(), st.lists(spans(), max_size=6))
def test_what_is_left_is_every_minute_that_is_not_taken(whole: Span, taken: list[Span]) -> None:
    left = subtract(whole, taken)

    expected = minutes_of(whole) - set().union(*map(minutes_of, taken))
    assert set().union(*map(minutes_of, left)) == expected
    assert all(one.ends_at < other.starts_at for one, other in itertools.pairwise(left))
    assert all(span.starts_at < span.ends_at for span in left)


@given(spans_in_a_row(), st.lists(spans(), max_size=8))
def test_one_pass_finds_an_obstacle_exactly_where_comparing_all_pairs_does(
    candidates: list[Span], existing: list[Span]
) -> None:
    found = obstacles(candidates, sorted(existing))

    for candidate, obstacle in zip(candidates, found, strict=True):
        in_the_way = [span for span in existing if span.overlaps(candidate)]
        assert (obstacle in in_the_way) if in_the_way else obstacle is None
