"""Times for tests that mean the same at whatever hour they run, and waits that must be short."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

CLINIC = ZoneInfo("Europe/Berlin")
MORNING, NOON = 8, 14


def hours_ahead(hours: float) -> datetime:
    """So many hours after the full hour that has begun.

    From a day on it is counted from the clinic's working hours, now or next: some hours more are still on the
    same day then, and it is never earlier than asked for. Times that are compared must be all from a day on,
    or none."""
    base = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    if hours >= 24:
        base = _at_work(base.astimezone(CLINIC)).astimezone(UTC)
    return base + timedelta(hours=hours)


def _at_work(here: datetime) -> datetime:
    if here.hour > NOON:
        here += timedelta(days=1)
    return here if MORNING <= here.hour <= NOON else here.replace(hour=MORNING)


@contextmanager
def no_longer_than(seconds: float) -> Iterator[None]:
    """Fails when what happens within it takes longer, in words that tests/second_look.py knows."""
    began = time.monotonic()
    yield
    took = time.monotonic() - began
    assert took < seconds, f"{took:.2f} s: did not happen within {seconds} s"
