"""Which time zones there are."""

from functools import cache
from zoneinfo import available_timezones


@cache
def known_time_zones() -> frozenset[str]:
    """IANA names, such as Europe/Berlin; read once, since asking walks through a folder of 600 files."""
    return frozenset(available_timezones())
