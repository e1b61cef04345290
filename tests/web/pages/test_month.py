"""The calendar's month and the names of its days."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from app.web.pages.month import Month, build_month, last_day, month_of, next_month

DECEMBER = date(2026, 12, 1)


def december(**options: object) -> Month:
    given_options = {
        "today": date(2026, 12, 2),
        "selected": date(2026, 12, 3),
        "last_bookable": date(2027, 1, 9),
    }
    return build_month(DECEMBER, {date(2026, 12, 3): 5}, **{**given_options, **options})  # type: ignore[arg-type]


def cell_of(month: Month, day: date):
    return next(cell for week in month.weeks for cell in week if cell and cell.day == day)


@given(st.dates(min_value=date(2000, 1, 1), max_value=date(2099, 12, 31)))
def test_every_day_of_the_month_stands_once_under_its_weekday(day: date) -> None:
    first = month_of(day)

    month = build_month(first, {}, today=first, selected=None, last_bookable=first)

    found = [cell.day for week in month.weeks for cell in week if cell]
    assert found == [date(first.year, first.month, number) for number in range(1, last_day(first).day + 1)]
    assert all(
        cell is None or cell.day.weekday() == place for week in month.weeks for place, cell in enumerate(week)
    )
    assert next_month(first) > last_day(first)


def test_a_day_says_how_many_times_it_has() -> None:
    month = december()

    assert cell_of(month, date(2026, 12, 3)).label == "Thursday 3 December, 5 times available"
    assert cell_of(month, date(2026, 12, 4)).label == "Friday 4 December, no times available"
    assert cell_of(month, date(2026, 12, 2)).label == "today, Wednesday 2 December, no times available"
    assert cell_of(month, date(2026, 12, 1)).label == "Tuesday 1 December, in the past"


def test_nobody_turns_to_a_month_before_today_or_beyond_the_last_times() -> None:
    assert december().previous is None
    assert december().following == date(2027, 1, 1)
    assert december(last_bookable=date(2026, 12, 31)).following is None
    assert december(today=date(2026, 11, 30)).previous == date(2026, 11, 1)
