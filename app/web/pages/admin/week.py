"""The form of a doctor's usual week: what stands in it, and what was typed into it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.directory.hours import MOST_STRETCHES, Stretch
from app.directory.wall_time import clock_text
from app.errors import ValidationFailed
from app.languages.days import weekday_names

#: Rows of the form for a weekday; with one break a day has two stretches.
STRETCHES_PER_DAY = 2
FIELDS = ("opens", "closes", "minutes")
Row = Mapping[str, str]
Week = Sequence[tuple[str, Sequence[Row]]]


def week_shown(week: Sequence[Stretch], usual_minutes: int) -> Week:
    """Each weekday with its stretches and room for more."""
    rows = [
        {"opens": clock_text(each.opens_minute), "closes": clock_text(each.closes_minute),
         "minutes": str(each.duration_minutes), "weekday": str(each.weekday)}
        for each in week
    ]  # fmt: skip
    empty = {"opens": "", "closes": "", "minutes": str(usual_minutes)}
    return [
        (name, _filled([row for row in rows if row["weekday"] == str(weekday)], empty))
        for weekday, name in enumerate(weekday_names())
    ]


def week_as_typed(form: Mapping[str, str]) -> Week:
    """The same rows as they came, right or wrong."""
    return [
        (name, [_row(form, weekday, number) for number in range(STRETCHES_PER_DAY)])
        for weekday, name in enumerate(weekday_names())
    ]


def read_typed_week(form: Mapping[str, str]) -> list[Stretch]:
    """Raises ValidationFailed for a time or a length that cannot be read."""
    return [
        _stretch(weekday, name, row)
        for weekday, name in enumerate(weekday_names())
        for row in (_row(form, weekday, number) for number in range(MOST_STRETCHES))
        if row["opens"] or row["closes"]
    ]


def _filled(rows: list[Row], empty: Row) -> list[Row]:
    return [*rows, *[empty] * max(0, STRETCHES_PER_DAY - len(rows))]


def _row(form: Mapping[str, str], weekday: int, number: int) -> dict[str, str]:
    return {field: form.get(f"{field}-{weekday}-{number}", "").strip() for field in FIELDS}


def _stretch(weekday: int, name: str, row: Row) -> Stretch:
    try:
        return Stretch(weekday, _minute(row["opens"]), _minute(row["closes"]), int(row["minutes"]))
    except ValueError:
        raise ValidationFailed.of(
            "week", f"{name}: enter times such as 09:00 and a length in minutes"
        ) from None


def _minute(text: str) -> int:
    hours, _, minutes = text.partition(":")
    found = int(hours) * 60 + int(minutes)
    if not 0 <= int(minutes) < 60:
        raise ValueError(text)
    return found
