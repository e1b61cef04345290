"""The promises asked of the database itself, in SQL that PostgreSQL and SQLite both read."""

from __future__ import annotations

import argparse
import sqlite3
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import psycopg

from loadtest.target import NoTarget, add_target_flags, target_of

#: Each query finds rows that must not exist.
FORBIDDEN = {
    "no slot has two live bookings": """
        SELECT slot_id, count(DISTINCT booking_id) AS owners FROM booking_slots
        WHERE live GROUP BY slot_id HAVING count(DISTINCT booking_id) > 1""",
    "no two live bookings of a doctor overlap": """
        SELECT a.doctor_id, a.booking_id AS one, b.booking_id AS other, a.starts_at, b.starts_at
        FROM (SELECT bs.booking_id, s.id, s.doctor_id, s.lane, s.starts_at, s.ends_at
              FROM booking_slots bs JOIN slots s ON s.id = bs.slot_id WHERE bs.live) a
        JOIN (SELECT bs.booking_id, s.id, s.doctor_id, s.lane, s.starts_at, s.ends_at
              FROM booking_slots bs JOIN slots s ON s.id = bs.slot_id WHERE bs.live) b
          ON a.doctor_id = b.doctor_id AND a.lane = b.lane
         AND a.starts_at < b.ends_at AND b.starts_at < a.ends_at
        WHERE a.booking_id < b.booking_id""",
    "no two bookings of a doctor overlap by the times they carry": """
        SELECT a.doctor_id, a.id AS one, b.id AS other, a.starts_at, b.starts_at
        FROM bookings a JOIN bookings b
          ON a.doctor_id = b.doctor_id AND a.starts_at < b.ends_at AND b.starts_at < a.ends_at
        WHERE a.id < b.id AND a.status IN ('PENDING', 'CONFIRMED', 'ARRIVED', 'IN_ROOM')
          AND b.status IN ('PENDING', 'CONFIRMED', 'ARRIVED', 'IN_ROOM')
          AND NOT EXISTS (SELECT 1 FROM slots s WHERE s.booking_id IN (a.id, b.id) AND s.lane > 0)""",
    "every taken slot names its live booking": """
        SELECT s.id, s.state, s.booking_id FROM slots s
        LEFT JOIN booking_slots bs ON bs.slot_id = s.id AND bs.booking_id = s.booking_id AND bs.live
        WHERE s.state IN ('HELD', 'BOOKED') AND bs.booking_id IS NULL""",
    "every live booking is named by its slot": """
        SELECT bs.booking_id, bs.slot_id, s.state FROM booking_slots bs JOIN slots s ON s.id = bs.slot_id
        WHERE bs.live AND (s.booking_id IS NULL OR s.booking_id <> bs.booking_id)""",
    "every confirmed booking owns a slot": """
        SELECT b.id FROM bookings b
        WHERE b.status = 'CONFIRMED'
          AND NOT EXISTS (SELECT 1 FROM booking_slots bs WHERE bs.booking_id = b.id AND bs.live)""",
    "every slot of a live booking is in the state of the booking": """
        SELECT b.id, b.status, s.id, s.state FROM bookings b
        JOIN booking_slots bs ON bs.booking_id = b.id AND bs.live JOIN slots s ON s.id = bs.slot_id
        WHERE (b.status = 'PENDING' AND s.state <> 'HELD')
           OR (b.status <> 'PENDING' AND s.state <> 'BOOKED')""",
    "the seats of a booking are of one showtime": """
        SELECT bs.booking_id FROM booking_slots bs JOIN slots s ON s.id = bs.slot_id
        WHERE bs.live AND s.showtime_id IS NOT NULL
        GROUP BY bs.booking_id HAVING count(DISTINCT s.showtime_id) > 1""",
    "no claim carries a fence above its slot's": """
        SELECT bs.booking_id, bs.slot_id, bs.fence, s.fence FROM booking_slots bs
        JOIN slots s ON s.id = bs.slot_id WHERE bs.fence > s.fence""",
    "no fence was given twice": """
        SELECT slot_id, fence, count(*) AS claims FROM booking_slots
        GROUP BY slot_id, fence HAVING count(*) > 1""",
    "the counters say what counting finds": """
        SELECT status, sum(amount) FROM (
          SELECT status, amount FROM booking_counts
          UNION ALL SELECT status, -1 FROM bookings) AS difference
        GROUP BY status HAVING sum(amount) <> 0""",
}

#: Those of them that a double booking breaks.
ONE_OWNER = tuple(FORBIDDEN)[:3]

_LIVE_OWNERS = """
    SELECT bs.slot_id, bs.booking_id, b.status FROM booking_slots bs JOIN bookings b ON b.id = bs.booking_id
    WHERE bs.live"""
_SHOWN_ROWS = 5


class Database(Protocol):
    """Runs one query and returns its rows."""

    def __call__(self, sql: str) -> list[tuple[Any, ...]]: ...


@dataclass(frozen=True, slots=True)
class Finding:
    """One invariant and the rows that break it."""

    invariant: str
    rows: tuple[tuple[Any, ...], ...]

    @property
    def holds(self) -> bool:
        return not self.rows

    def __str__(self) -> str:
        if self.holds:
            return f"holds   {self.invariant}"
        shown = "; ".join(str(tuple(map(str, row))) for row in self.rows[:_SHOWN_ROWS])
        return f"BROKEN  {self.invariant}: {len(self.rows)} rows: {shown}"


@contextmanager
def open_database(url: str) -> Iterator[Database]:
    """The database behind a DATABASE_URL, for reading."""
    scheme, _, rest = url.partition("://")
    if scheme.startswith("sqlite"):
        with closing(sqlite3.connect(f"file:{rest[1:]}?mode=ro", uri=True, timeout=10)) as lite:
            yield lambda sql: lite.execute(sql).fetchall()
        return
    with psycopg.connect(f"postgresql://{rest}", autocommit=True) as postgres:
        postgres.read_only = True
        yield lambda sql: postgres.execute(sql.encode()).fetchall()


def find_broken_invariants(database: Database) -> list[Finding]:
    """Asks every query."""
    return [Finding(name, tuple(database(sql))) for name, sql in FORBIDDEN.items()]


@dataclass(slots=True)
class Owners:
    """Who owns a slot by the rows: for good, or by a hold that may have lapsed without a trace yet."""

    confirmed: set[str] = field(default_factory=set)
    holding: set[str] = field(default_factory=set)


def live_owners(database: Database) -> dict[str, Owners]:
    """The owners of every owned slot: what the winners the clients saw must equal."""
    owners: dict[str, Owners] = {}
    for slot, booking, status in database(_LIVE_OWNERS):
        of_slot = owners.setdefault(str(slot), Owners())
        names = of_slot.holding if status == "PENDING" else of_slot.confirmed
        names.add(plain_id(booking))
    return owners


def plain_id(booking: object) -> str:
    """A booking's id without the hyphens that one database keeps and the other does not."""
    return str(booking).replace("-", "")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m loadtest.invariants", description=__doc__)
    add_target_flags(parser)
    try:
        target = target_of(parser.parse_args(arguments))
    except NoTarget as missing:
        print(missing, file=sys.stderr)
        return 2
    if target.database_url is None:
        print("The stack file names no database.", file=sys.stderr)
        return 2
    with open_database(target.database_url) as database:
        findings = find_broken_invariants(database)
    for finding in findings:
        print(finding)
    return 0 if all(finding.holds for finding in findings) else 1


if __name__ == "__main__":
    sys.exit(main())
