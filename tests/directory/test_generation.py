import itertools
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.directory.generation import MOST_DAYS, SkipReason, Window, check_window, generate
from app.errors import ValidationFailed

BERLIN = ZoneInfo("Europe/Berlin")
TODAY = date(2026, 11, 20)
OFFICE_DAY = Window(date(2026, 11, 23), date(2026, 11, 23), 9 * 60, 17 * 60, 30)
CLOCKS_CHANGE = {
    "Europe/Berlin": [date(2026, 3, 29), date(2026, 10, 25)],
    "America/New_York": [date(2026, 3, 8), date(2026, 11, 1)],
    "Australia/Lord_Howe": [date(2026, 4, 5), date(2026, 10, 4)],
    "Africa/Cairo": [date(2026, 4, 24), date(2026, 10, 30)],
    "UTC": [date(2026, 1, 1)],
}


@st.composite
def windows_around_clock_changes(draw: st.DrawFn) -> tuple[Window, ZoneInfo]:
    name = draw(st.sampled_from(sorted(CLOCKS_CHANGE)))
    first = draw(st.sampled_from(CLOCKS_CHANGE[name])) - timedelta(days=draw(st.integers(0, 4)))
    opens = draw(st.integers(0, 300))
    closes = draw(st.integers(opens + 5, 600))
    window = Window(
        first,
        first + timedelta(days=draw(st.integers(0, 6))),
        opens,
        closes,
        draw(st.integers(5, closes - opens)),
        draw(st.booleans()),
    )
    return window, ZoneInfo(name)


def every_minute_as_shown(window: Window, zone: ZoneInfo) -> Iterator[tuple[datetime, datetime]]:
    """Walks through real time and looks at the zone's clock: (what it shows, when)."""
    moment = datetime.combine(window.first_day, datetime.min.time(), UTC) - timedelta(hours=14)
    end = datetime.combine(window.last_day, datetime.min.time(), UTC) + timedelta(hours=38)
    while moment < end:
        yield moment.astimezone(zone).replace(tzinfo=None), moment
        moment += timedelta(minutes=1)


def test_an_office_day_in_half_hours_has_sixteen_slots() -> None:
    slots, skipped = generate(OFFICE_DAY, BERLIN)

    assert len(slots) == 16
    assert skipped == []
    assert slots[0].starts_at == datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
    assert slots[-1].ends_at == datetime(2026, 11, 23, 16, 0, tzinfo=UTC)


def test_o_1_five_weekdays_of_sixteen_half_hours_are_eighty_slots() -> None:
    window = Window(date(2024, 12, 15), date(2024, 12, 20), 9 * 60, 17 * 60, 30, exclude_weekends=True)

    slots, _ = generate(window, BERLIN)

    assert len(slots) == 80  # 15 December 2024 is a Sunday


@given(
    st.dates(date(2026, 1, 1), date(2030, 1, 1)),
    st.integers(0, 40),
    st.integers(0, 1000),
    st.integers(5, 400),
    st.integers(5, 120),
)
def test_count_is_weekdays_times_slots_per_day(
    first: date, more: int, opens: int, length: int, duration: int
) -> None:
    window = Window(first, first + timedelta(days=more), opens, opens + length, duration, True)

    slots, skipped = generate(window, ZoneInfo("UTC"))

    weekdays = sum((first + timedelta(days=n)).strftime("%a") not in {"Sat", "Sun"} for n in range(more + 1))
    assert len(slots) == weekdays * (length // duration)
    assert skipped == []


@settings(max_examples=60, deadline=None)
@given(windows_around_clock_changes())
def test_slots_are_what_a_walk_through_real_time_finds(case: tuple[Window, ZoneInfo]) -> None:
    window, zone = case

    slots, skipped = generate(window, zone)

    first_shown: dict[datetime, datetime] = {}
    for shown, moment in every_minute_as_shown(window, zone):
        first_shown.setdefault(shown, moment)
    shown_starts = {slot.starts_at.astimezone(zone).replace(tzinfo=None): slot for slot in slots}
    wanted = {
        datetime.combine(day, datetime.min.time()) + timedelta(minutes=minute)
        for day in window.days()
        for minute in window.start_minutes()
    }
    assert all(slot.starts_at == first_shown[shown] for shown, slot in shown_starts.items())
    missing = {skip.local for skip in skipped if skip.reason is SkipReason.NO_SUCH_LOCAL_TIME}
    assert missing == {local for local in wanted if local not in first_shown}
    assert set(shown_starts) | {skip.local for skip in skipped} == wanted
    assert len(slots) + len(skipped) == len(wanted)
    for skip in skipped:
        if skip.reason is SkipReason.CLOCK_CHANGE:
            starts_at = first_shown[skip.local]
            ends_at = starts_at + timedelta(minutes=window.duration_minutes)
            closing = datetime.combine(skip.local, datetime.min.time()) + timedelta(
                minutes=window.closes_minute
            )
            is_crowded = any(slot.starts_at < ends_at and starts_at < slot.ends_at for slot in slots)
            assert is_crowded or ends_at > first_shown.get(closing, starts_at)


@settings(max_examples=200, deadline=None)
@given(windows_around_clock_changes())
def test_slots_last_as_long_as_asked_and_never_overlap(case: tuple[Window, ZoneInfo]) -> None:
    window, zone = case

    slots, _ = generate(window, zone)

    assert all(slot.minutes == window.duration_minutes for slot in slots)
    assert all(one.ends_at <= other.starts_at for one, other in itertools.pairwise(slots))


def test_times_that_clocks_skip_are_reported() -> None:
    night = Window(date(2026, 3, 29), date(2026, 3, 29), 60, 240, 30)

    slots, skipped = generate(night, BERLIN)

    assert [skip.local.strftime("%H:%M") for skip in skipped] == ["02:00", "02:30"]
    assert {skip.reason for skip in skipped} == {SkipReason.NO_SUCH_LOCAL_TIME}
    assert len(slots) == 4


def test_a_slot_across_the_skipped_hour_pushes_out_the_one_it_runs_into() -> None:
    night = Window(date(2026, 3, 29), date(2026, 3, 29), 100, 300, 40)

    slots, skipped = generate(night, BERLIN)

    assert slots[0].starts_at.astimezone(BERLIN).strftime("%H:%M") == "01:40"
    assert slots[0].ends_at.astimezone(BERLIN).strftime("%H:%M") == "03:20"
    assert [(skip.local.strftime("%H:%M"), skip.reason) for skip in skipped] == [
        ("02:20", SkipReason.NO_SUCH_LOCAL_TIME),
        ("03:00", SkipReason.CLOCK_CHANGE),
    ]


def test_the_hour_shown_twice_is_offered_once() -> None:
    night = Window(date(2026, 10, 25), date(2026, 10, 25), 120, 180, 30)

    slots, skipped = generate(night, BERLIN)

    assert [slot.starts_at.strftime("%H:%M") for slot in slots] == ["00:00", "00:30"]
    assert skipped == []


def test_a_slot_may_end_at_midnight() -> None:
    slots, _ = generate(replace(OFFICE_DAY, opens_minute=23 * 60, closes_minute=24 * 60), BERLIN)

    assert [slot.ends_at.astimezone(BERLIN).strftime("%d %H:%M") for slot in slots] == [
        "23 23:30",
        "24 00:00",
    ]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"first_day": TODAY - timedelta(days=1)}, "start_date"),
        ({"first_day": TODAY - timedelta(days=1), "first_day_field": "slot_date"}, "slot_date"),
        ({"first_day": date(9999, 1, 1), "last_day": date(9999, 1, 1)}, "start_date"),
        ({"last_day": date(9999, 12, 31)}, "end_date"),
        ({"last_day": date(2026, 11, 22)}, "end_date"),
        ({"last_day": date(2026, 11, 23) + timedelta(days=MOST_DAYS)}, "end_date"),
        ({"closes_minute": 9 * 60}, "end_time"),
        ({"closes_minute": 8 * 60}, "end_time"),
        ({"opens_minute": 24 * 60, "closes_minute": 25 * 60}, "start_time"),
        ({"duration_minutes": 4}, "duration_minutes"),
        ({"duration_minutes": 0}, "duration_minutes"),
        ({"duration_minutes": -30}, "duration_minutes"),
        ({"duration_minutes": 481}, "duration_minutes"),
        ({"closes_minute": 9 * 60 + 20}, "duration_minutes"),
        ({"opens_minute": 0, "closes_minute": 1440, "duration_minutes": 5,
          "last_day": date(2027, 11, 1)}, "end_date"),
    ],
)  # fmt: skip
def test_a_window_that_cannot_be_used_names_its_field(change: dict, field: str) -> None:
    with pytest.raises(ValidationFailed) as caught:
        check_window(replace(OFFICE_DAY, **change), TODAY)

    assert [error["field"] for error in caught.value.extras["errors"]] == [field]


def test_every_wrong_field_of_a_window_is_named_at_once() -> None:
    wrong = replace(OFFICE_DAY, first_day=date(2020, 1, 1), closes_minute=0)

    with pytest.raises(ValidationFailed) as caught:
        check_window(wrong, TODAY)

    fields = [error["field"] for error in caught.value.extras["errors"]]
    assert fields == ["end_time", "start_date", "end_date"]


def test_the_longest_range_is_accepted() -> None:
    check_window(replace(OFFICE_DAY, last_day=OFFICE_DAY.first_day + timedelta(days=MOST_DAYS - 1)), TODAY)
