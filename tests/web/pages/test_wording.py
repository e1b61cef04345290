"""Days, times and zones in words."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from app.web.pages.wording import clock_time, long_day, near_day, span, spoken_day, zone_offset

BERLIN = ZoneInfo("Europe/Berlin")


def test_a_day_is_named_in_full() -> None:
    assert long_day(date(2026, 12, 3)) == "Thursday 3 December 2026"
    assert spoken_day(date(2026, 12, 3)) == "Thursday 3 December"


@pytest.mark.parametrize(
    ("day", "words"),
    [
        (date(2026, 12, 3), "Today"),
        (date(2026, 12, 4), "Tomorrow"),
        (date(2026, 12, 5), "Sat 5 Dec"),
        (date(2027, 1, 5), "Tue 5 Jan 2027"),
    ],
)
def test_a_near_day_is_named_from_today(day: date, words: str) -> None:
    assert near_day(day, today=date(2026, 12, 3)) == words


def test_the_offset_is_that_of_the_appointment_and_not_of_today() -> None:
    winter, summer = datetime(2026, 12, 3, 9, tzinfo=UTC), datetime(2027, 7, 1, 9, tzinfo=UTC)

    assert zone_offset(winter, BERLIN) == "CET, UTC+1"
    assert zone_offset(summer, BERLIN) == "CEST, UTC+2"


@pytest.mark.parametrize(
    ("zone", "words"),
    [
        ("UTC", "UTC"),
        ("Asia/Kathmandu", "UTC+5:45"),
        ("America/St_Johns", "NST, UTC\N{MINUS SIGN}3:30"),
        ("America/Sao_Paulo", "UTC\N{MINUS SIGN}3"),
    ],
)
def test_zones_without_a_customary_name_give_their_offset(zone: str, words: str) -> None:
    assert zone_offset(datetime(2026, 12, 3, 9, tzinfo=UTC), ZoneInfo(zone)) == words


def test_the_time_is_that_of_the_zone() -> None:
    assert clock_time(datetime(2026, 12, 3, 9, tzinfo=UTC), BERLIN) == "10:00"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "1 second"), (40, "40 seconds"), (99, "99 seconds"), (100, "2 minutes"), (121, "3 minutes")],
)
def test_a_span_is_never_promised_shorter_than_it_is(seconds: float, words: str) -> None:
    assert span(seconds) == words
