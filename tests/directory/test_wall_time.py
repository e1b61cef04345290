from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.directory.wall_time import clock_text, day_bounds, first_instant, local_day, on_day

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = st.sampled_from(
    ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Cairo", "UTC",
     "America/Santiago", "Pacific/Apia", "Asia/Beirut"]
).map(ZoneInfo)  # fmt: skip
DAYS = st.dates(date(2000, 1, 1), date(2035, 12, 31))


def reading(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_a_skipped_time_has_no_instant() -> None:
    assert first_instant(reading("2026-03-29T02:30"), BERLIN) is None


def test_a_time_shown_twice_means_the_first() -> None:
    assert first_instant(reading("2026-10-25T02:30"), BERLIN) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-06-15", 24), ("2026-10-25", 25)])
def test_a_day_has_as_many_hours_as_its_clocks_show(day: str, hours: int) -> None:
    begin, end = day_bounds(date.fromisoformat(day), BERLIN)

    assert end - begin == timedelta(hours=hours)


@given(DAYS, ZONES)
def test_days_follow_each_other_and_hold_only_their_own_minutes(day: date, zone: ZoneInfo) -> None:
    begin, end = day_bounds(day, zone)

    assert end == day_bounds(day + timedelta(days=1), zone)[0]
    if begin < end:
        assert local_day(begin, zone) == day
        assert local_day(end - timedelta(seconds=1), zone) == day
    assert local_day(begin - timedelta(seconds=1), zone) < day


@given(DAYS, st.integers(0, 1439), ZONES)
def test_an_instant_shows_the_reading_it_was_asked_for(day: date, minute: int, zone: ZoneInfo) -> None:
    local = on_day(day, minute)

    found = first_instant(local, zone)

    shown = [
        moment
        for quarter in range(-60 * 16, 60 * 16, 15)
        if (moment := local.replace(tzinfo=UTC) + timedelta(minutes=quarter))
        and moment.astimezone(zone).replace(tzinfo=None) == local
    ]
    assert found == (min(shown) if shown else None)


def test_minutes_of_a_day_read_as_a_clock() -> None:
    assert [clock_text(minute) for minute in (0, 540, 1439, 1440)] == ["00:00", "09:00", "23:59", "24:00"]
