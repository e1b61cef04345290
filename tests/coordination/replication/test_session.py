"""Session tokens: what was seen is asked for, what does not fit is asked for by time, nothing is believed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.algorithms.logical_clocks import VersionVector
from app.coordination.replication.session import MOST_STREAMS, Session, read_token, write_token

SECRET = "a secret of at least thirty-two characters"
STREAMS = [f"doctor:{number}" for number in range(MOST_STREAMS + 10)]
steps = st.lists(st.tuples(st.sampled_from(STREAMS), st.integers(1, 50)), max_size=80)


def test_a_token_comes_back_as_it_was_written() -> None:
    session = Session((("doctor:1", 3), ("doctor:2", 7)), 1234.5)

    assert read_token(SECRET, write_token(SECRET, session)) == session


def test_a_changed_token_is_none_of_ours() -> None:
    token = write_token(SECRET, Session((("doctor:1", 3),)))

    for broken in (token[:-1], "x" + token, token.replace(".", ""), "", ".", "é.é", "a" * 9000, token + "A"):
        assert read_token(SECRET, broken) is None


def test_a_token_of_another_installation_is_none_of_ours() -> None:
    assert read_token("another secret", write_token(SECRET, Session((("doctor:1", 3),)))) is None


def test_the_stream_touched_least_recently_makes_room() -> None:
    session = Session()
    for number, stream in enumerate(STREAMS[:MOST_STREAMS]):
        session = session.after({stream: 1}, float(number))
    session = session.after({STREAMS[0]: 2}, 99.0)  # touched again: the second is the oldest now

    session = session.after({"doctor:new": 1}, 100.0)

    kept = [stream for stream, _ in session.seen]
    assert len(kept) == MOST_STREAMS
    assert STREAMS[0] in kept
    assert STREAMS[1] not in kept
    assert session.until == 100.0


def test_a_full_token_is_still_short_enough_for_a_header() -> None:
    session = Session().after({f"showtime:{n}:section-A": 10**9 + n for n in range(40)}, 2e9)

    assert len(write_token(SECRET, session)) < 2000


@given(steps)
def test_whatever_was_dropped_is_still_asked_for_by_time(touched: list[tuple[str, int]]) -> None:
    """A replica that meets the session has everything that was ever seen: by number, or by time."""
    session, seen = Session(), VersionVector()
    committed_at: dict[str, float] = {}
    for now, (stream, seq) in enumerate(touched, start=1):
        session = session.after({stream: seq}, float(now))
        seen = seen.advance(stream, seq)
        committed_at[stream] = float(now)

    numbered = VersionVector(dict(session.seen))

    for stream in seen:
        by_number = numbered.known(stream) >= seen.known(stream)
        by_time = session.until >= committed_at[stream]
        assert by_number or by_time


@given(steps, st.floats(0, 100))
def test_a_replica_that_has_it_all_meets_every_session(touched: list[tuple[str, int]], until: float) -> None:
    session = Session()
    for now, (stream, seq) in enumerate(touched, start=1):
        session = session.after({stream: seq}, float(now))
    session = session.at_least(until)

    assert session.is_met_by(VersionVector(dict.fromkeys(STREAMS, 50)), 101.0, None)


def test_only_the_streams_asked_for_count() -> None:
    session = Session((("doctor:1", 3), ("doctor:2", 7)))
    replica = VersionVector({"doctor:1": 3})

    assert session.is_met_by(replica, None, {"doctor:1"})
    assert not session.is_met_by(replica, None, {"doctor:2"})
    assert not session.is_met_by(replica, None, None)


def test_what_is_asked_for_by_time_counts_unless_the_number_is_known() -> None:
    session = Session((("doctor:1", 3),), until=50.0)
    replica = VersionVector({"doctor:1": 3, "doctor:2": 9})

    assert session.is_met_by(replica, 40.0, {"doctor:1"})
    assert not session.is_met_by(replica, 40.0, {"doctor:2"})
    assert not session.is_met_by(replica, None, {"doctor:2"})
    assert session.is_met_by(replica, 50.0, {"doctor:2"})
