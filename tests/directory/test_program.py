"""Which showtimes a hall has room for (A27)."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from app.directory.generation import SkipReason
from app.directory.program import Booked, Program, check_program, daily, plan
from app.directory.spans import Span
from app.errors import ValidationFailed

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2027, 3, 20, 12, tzinfo=UTC)
MOVIE = 1
#: A reading that no clock in Berlin shows: at two it becomes three.
SKIPPED = datetime.combine(date(2027, 3, 28), time(2, 30))


def planned(*starts: datetime, booked: list[Booked] | None = None, minutes: int = 100):
    return plan(Program(MOVIE, 1, starts), minutes, BERLIN, NOW, booked or [])


def test_a_daily_program_keeps_the_wall_clock_over_a_clock_change() -> None:
    starts = daily(date(2027, 3, 27), 3, [20 * 60])

    made, skipped = planned(*starts)

    assert [span.starts_at.hour for span in made] == [19, 18, 18]
    assert skipped == []


def test_a_time_that_the_clocks_skip_is_left_out() -> None:
    made, skipped = planned(SKIPPED)

    assert made == []
    assert [skip.reason for skip in skipped] == [SkipReason.NO_SUCH_LOCAL_TIME]


def test_what_is_past_is_left_out() -> None:
    _, skipped = planned(NOW)

    assert skipped[0].reason is SkipReason.IN_THE_PAST


def test_the_same_showtime_is_there_already_and_another_movie_is_in_the_way() -> None:
    start = NOW + timedelta(days=1)
    span = Span(start, start + timedelta(minutes=100))

    same = planned(start, booked=[Booked(span, MOVIE)])
    other = planned(start, booked=[Booked(span, MOVIE + 1)])

    assert same[1][0].reason is SkipReason.ALREADY_THERE
    assert other[1][0].reason is SkipReason.OVERLAP


def test_two_wanted_showtimes_that_overlap_leave_the_first() -> None:
    start = NOW + timedelta(days=1)

    made, skipped = planned(start + timedelta(minutes=99), start, start + timedelta(minutes=100))

    assert [span.starts_at for span in made] == [start, start + timedelta(minutes=100)]
    assert [skip.reason for skip in skipped] == [SkipReason.OVERLAP]


def test_a_start_given_twice_counts_once() -> None:
    made, skipped = planned(NOW + timedelta(days=1), NOW + timedelta(days=1), SKIPPED, SKIPPED)

    assert (len(made), len(skipped)) == (1, 1)


@pytest.mark.parametrize(
    "starts", [(), (datetime(2101, 1, 1, tzinfo=UTC),), tuple(daily(date(2027, 4, 1), 26, [1, 2, 3, 4]))]
)
def test_a_program_too_large_or_too_far_away_is_refused(starts: tuple[datetime, ...]) -> None:
    with pytest.raises(ValidationFailed):
        check_program(Program(MOVIE, 1, starts))
