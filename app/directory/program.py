"""Which of the wanted showtimes a hall has room for. Pure: the same input gives the same plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from app.directory.generation import LAST_YEAR, Skipped, SkipReason
from app.directory.spans import Span
from app.directory.wall_time import first_instant, on_day
from app.errors import ValidationFailed

MOST_SHOWTIMES = 100
MOST_DAYS = 31


@dataclass(frozen=True)
class Program:
    """A movie in a hall at these starts: instants, or naive readings of the wall clock in the hall."""

    movie_id: int
    hall_id: int
    starts: tuple[datetime, ...]
    #: What the request called the starts, so that a refusal names the right field.
    starts_field: str = "starts_at"


@dataclass(frozen=True)
class Booked:
    """A showtime that is in the hall already."""

    span: Span
    movie_id: int


def daily(first_day: date, days: int, start_minutes: Sequence[int]) -> tuple[datetime, ...]:
    """The same wall-clock times on so many days in a row."""
    return tuple(
        on_day(first_day + timedelta(days=day), minute)
        for day in range(days)
        for minute in sorted(set(start_minutes))
    )


def check_program(program: Program) -> None:
    """Raises ValidationFailed for a program that is too large or too far away."""
    if not 1 <= len(program.starts) <= MOST_SHOWTIMES:
        raise ValidationFailed.of(program.starts_field, f"must be 1 to {MOST_SHOWTIMES} showtimes in a call")
    if any(start.year > LAST_YEAR for start in program.starts):
        raise ValidationFailed.of(program.starts_field, f"must not be after {LAST_YEAR}")


def plan(
    program: Program, minutes: int, zone: ZoneInfo, now: datetime, booked: Sequence[Booked]
) -> tuple[list[Span], list[Skipped]]:
    """The showtimes to make, by start, and those left out with the reason."""
    made: list[Span] = []
    skipped: list[Skipped] = []
    for start in sorted(set(program.starts), key=lambda start: _local(start, zone)):
        local, starts_at = _local(start, zone), _instant(start, zone)
        if starts_at is None:
            skipped.append(Skipped(local, SkipReason.NO_SUCH_LOCAL_TIME))
            continue
        span = Span(starts_at, starts_at + timedelta(minutes=minutes))
        reason = _in_the_way(span, program.movie_id, now, booked, made)
        if reason is None:
            made.append(span)
        else:
            skipped.append(Skipped(local, reason))
    return made, skipped


def _in_the_way(
    span: Span, movie_id: int, now: datetime, booked: Sequence[Booked], made: Sequence[Span]
) -> SkipReason | None:
    if span.starts_at <= now:
        return SkipReason.IN_THE_PAST
    if any(other.span.starts_at == span.starts_at and other.movie_id == movie_id for other in booked):
        return SkipReason.ALREADY_THERE
    if any(span.overlaps(other) for other in [*(each.span for each in booked), *made]):
        return SkipReason.OVERLAP
    return None


def _instant(start: datetime, zone: ZoneInfo) -> datetime | None:
    return start if start.tzinfo else first_instant(start, zone)


def _local(start: datetime, zone: ZoneInfo) -> datetime:
    return start.astimezone(zone).replace(tzinfo=None) if start.tzinfo else start
