"""What the database itself says of the seats of a showtime."""

from __future__ import annotations

from loadtest.invariants import open_database, plain_id
from loadtest.target import Target

_LIVE_SEATS = """
    SELECT bs.booking_id, bs.slot_id FROM booking_slots bs JOIN slots s ON s.id = bs.slot_id
    WHERE bs.live AND s.showtime_id = {showtime}"""
_DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"


class Rows:
    """Asks the database of the target."""

    def __init__(self, target: Target) -> None:
        if target.database_url is None:
            raise ValueError("the stack file names no database")
        self._url = target.database_url

    def live_seats(self, showtime: str) -> dict[str, set[str]]:
        """Booking -> the seats it owns now."""
        found: dict[str, set[str]] = {}
        with open_database(self._url) as database:
            for booking, slot in database(_LIVE_SEATS.format(showtime=int(showtime))):
                found.setdefault(plain_id(booking), set()).add(str(slot))
        return found

    def deadlocks(self) -> int | None:
        """How many the database has ended since it was made; None where there is no such count."""
        if self._url.startswith("sqlite"):
            return None
        with open_database(self._url) as database:
            return int(database(_DEADLOCKS)[0][0])
