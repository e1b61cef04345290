"""Half-open stretches of time, and what can be said about them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, order=True)
class Span:
    """From starts_at up to, not including, ends_at; both are instants."""

    starts_at: datetime
    ends_at: datetime

    def overlaps(self, other: Span) -> bool:
        """Touching is not overlapping: 10:00-10:30 and 10:30-11:00 are two appointments."""
        return self.starts_at < other.ends_at and self.ends_at > other.starts_at

    @property
    def minutes(self) -> int:
        return int((self.ends_at - self.starts_at).total_seconds() // 60)


def subtract(whole: Span, taken: Iterable[Span]) -> list[Span]:
    """What is left of whole, in order; taken may overlap each other and reach beyond it."""
    free: list[Span] = []
    since = whole.starts_at
    for span in sorted(taken):
        if span.starts_at > since:
            free.append(Span(since, min(span.starts_at, whole.ends_at)))
        since = max(since, span.ends_at)
        if since >= whole.ends_at:
            return [rest for rest in free if rest.starts_at < rest.ends_at]
    return [*free, Span(since, whole.ends_at)] if since < whole.ends_at else free


def obstacles(candidates: Sequence[Span], existing: Iterable[Span]) -> list[Span | None]:
    """For each candidate an existing span in its way, or None. Both come in order of start.

    The candidates must not overlap each other: what ends before one is then out of the way of the
    rest, and one pass over both is enough."""
    blocking: list[Span | None] = []
    remaining = iter(existing)
    nearest = next(remaining, None)
    for candidate in candidates:
        while nearest is not None and nearest.ends_at <= candidate.starts_at:
            nearest = next(remaining, None)
        blocking.append(nearest if nearest is not None and nearest.overlaps(candidate) else None)
    return blocking
