"""The times of a series (N24, N23): the wall clock decides, against a calculation of its own."""

from __future__ import annotations

import calendar
import random
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest

from app.booking.recurrence import Frequency, Repeat, occasions
from app.errors import ValidationFailed

BERLIN = ZoneInfo("Europe/Berlin")
TUESDAY = datetime(2026, 10, 13, 9, 0, tzinfo=BERLIN)


def by_counting(repeat: Repeat, first: datetime, times: int) -> list[datetime]:
    """The readings of the clinic's clocks, counted one by one and without a library."""
    found: list[datetime] = []
    step = 0
    while len(found) < times:
        if repeat.frequency is Frequency.MONTHLY:
            months = first.month - 1 + step * repeat.every
            year, month = first.year + months // 12, months % 12 + 1
            if first.day <= calendar.monthrange(year, month)[1]:
                found.append(first.replace(year=year, month=month))
        else:
            days = repeat.every * (7 if repeat.frequency is Frequency.WEEKLY else 1)
            found.append(first + timedelta(days=days * step))
        step += 1
    return found


def test_nine_stays_nine_when_the_clocks_are_put_back() -> None:
    found = occasions(Repeat(Frequency.WEEKLY, 1, count=4), TUESDAY, BERLIN)

    assert [each.local.hour for each in found] == [9] * 4
    assert [each.starts_at.astimezone(UTC).hour for each in found if each.starts_at] == [7, 7, 8, 8]


def test_in_every_zone_the_times_are_those_one_counts() -> None:
    chance = random.Random(seed := 7)
    for name in sorted(available_timezones() - {"localtime"}):
        zone = ZoneInfo(name)
        day = date(2026, chance.randint(1, 12), chance.randint(1, 28))
        local = datetime.combine(day, time(chance.randint(0, 23), 30))
        repeat = Repeat(chance.choice(list(Frequency)), chance.randint(1, 3), count=chance.randint(2, 8))
        first = local.replace(tzinfo=zone).astimezone(UTC)
        shown = first.astimezone(zone).replace(tzinfo=None)

        found = occasions(repeat, first, zone)

        assert [each.local for each in found] == by_counting(repeat, shown, repeat.count or 0), (name, repeat)
        for each in found[1:]:
            reached = each.around.astimezone(zone).replace(tzinfo=None)
            assert each.starts_at == (each.around if reached == each.local else None), (name, each, seed)


def test_a_reading_that_the_clocks_skip_is_no_time() -> None:
    night = datetime(2026, 3, 22, 2, 30, tzinfo=BERLIN)

    found = occasions(Repeat(Frequency.WEEKLY, 1, count=3), night, BERLIN)

    assert [each.starts_at is None for each in found] == [False, True, False]


def test_a_month_without_the_day_is_left_out() -> None:
    end_of_month = datetime(2026, 1, 31, 9, 0, tzinfo=BERLIN)

    found = occasions(Repeat(Frequency.MONTHLY, 1, count=4), end_of_month, BERLIN)

    assert [each.local.month for each in found] == [1, 3, 5, 7]


def test_until_counts_its_own_day() -> None:
    last = TUESDAY.date() + timedelta(days=14)

    found = occasions(Repeat(Frequency.WEEKLY, 1, until=last), TUESDAY, BERLIN)

    assert [each.local for each in found][-1] == datetime.combine(last, time(9))


@pytest.mark.parametrize(
    ("repeat", "field"),
    [
        (Repeat(Frequency.WEEKLY, 0, count=3), "every"),
        (Repeat(Frequency.WEEKLY, 13, count=3), "every"),
        (Repeat(Frequency.WEEKLY), "count"),
        (Repeat(Frequency.WEEKLY, count=3, until=date(2027, 1, 1)), "count"),
        (Repeat(Frequency.WEEKLY, count=1), "count"),
        (Repeat(Frequency.WEEKLY, count=61), "count"),
        (Repeat(Frequency.DAILY, until=date(2027, 1, 1)), "until"),
        (Repeat(Frequency.WEEKLY, until=date(2026, 10, 13)), "until"),
        (Repeat(Frequency.MONTHLY, 12, count=5), "count"),
        (Repeat(Frequency.WEEKLY, until=date(2026, 10, 15)), "until"),
    ],
)
def test_a_rule_that_cannot_be_names_its_field(repeat: Repeat, field: str) -> None:
    with pytest.raises(ValidationFailed, match=field):
        occasions(repeat, TUESDAY, BERLIN)
