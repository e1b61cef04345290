"""What the hot paths ask of the tables that grow, as app/booking writes it; one client, prepared, timed.

tests/booking/test_query_plans.py keeps the product's own statements on their indexes."""

from __future__ import annotations

import random
import statistics
import time
import uuid
from collections.abc import Callable

import psycopg

from loadtest.bench.filling import DOCTORS, TO_COME
from loadtest.bench.scale_file import ANYWHERE, STATS

_ASKED, _TURNS, _COUNTED, _SEED = 2500, 5, 400, 7
_CLAIM = """
    UPDATE slots SET state = 'BOOKED', booking_id = %s, fence = fence + 1, version = version + 1
     WHERE id = %s AND state = 'OPEN' AND starts_at > clock_timestamp() RETURNING id"""
_CLAIM_ANYWHERE = """
    UPDATE slots SET fence = fence + 1, version = version + 1
     WHERE id = %s AND state = 'OPEN' RETURNING id"""
_BOOK = """
    INSERT INTO bookings (id, reference, status, doctor_id, starts_at, ends_at, origin, patient_name,
           patient_email, is_appointment, extensions, confirmed_at, sequence, processed_by, logical_clock,
           vector_clock, created_at, updated_at)
    VALUES (%s, %s, 'CONFIRMED', %s, now(), now() + interval '30 min', 'x', 'Somebody', 's@example.org',
            false, 0, now(), 0, 'node-1', 1, '{}', now(), now())"""
_DAY = """
    SELECT id, starts_at, ends_at, state FROM slots
     WHERE doctor_id = %s AND state <> 'BLOCKED' AND starts_at >= date_trunc('day', now()) + interval '1 day'
       AND starts_at < date_trunc('day', now()) + interval '2 days' ORDER BY starts_at, id"""
_NEXT = """
    SELECT id, starts_at FROM slots WHERE doctor_id = %s AND state = 'OPEN' AND starts_at > now()
     ORDER BY starts_at LIMIT 1"""
_BOOKINGS_OF_AN_ADDRESS = """
    SELECT count(*) FROM (SELECT FROM bookings WHERE origin = md5(%s::text)
       AND created_at > (SELECT clock_timestamp()) - interval '1 hour' LIMIT 120) AS made"""
_NOTHING = "SELECT 1"
_ALL = """
    SELECT status, sum(amount) FROM booking_counts GROUP BY status
     UNION ALL SELECT 'lapsed', count(*) FROM bookings
                WHERE expires_at <= statement_timestamp()"""


def curves_at(database: psycopg.Connection) -> dict[str, float]:
    """By name, as shares of what asking for nothing brings at the same moment; STATS as so many a second
    as its p99 allows, over every row that the bookings written here added. What was changed is put back."""
    chance = random.Random(_SEED)
    to_come = _ids_to_come(database)
    largest = (database.execute("SELECT max(id) FROM slots").fetchone() or (1,))[0]

    def doctor() -> list[object]:
        return [1 + chance.randrange(DOCTORS)]

    found = {
        "a doctor's day": _share(database, _DAY, doctor),
        "a doctor's next free time": _share(database, _NEXT, doctor),
        "bookings of an address": _share(database, _BOOKINGS_OF_AN_ADDRESS, lambda: [chance.randrange(5000)]),
        "claim": _share(database, _CLAIM, lambda: [uuid.uuid4(), to_come.pop()]),
        "write a booking": _share(database, _BOOK, lambda: [uuid.uuid4(), uuid.uuid4().hex[:8], *doctor()]),
        ANYWHERE: _share(database, _CLAIM_ANYWHERE, lambda: [1 + chance.randrange(largest)]),
        STATS: 1 / _p99_seconds(database, _ALL, _COUNTED),
    }
    database.execute("UPDATE slots SET state = 'OPEN', booking_id = NULL WHERE state = 'BOOKED'")
    return found


def _ids_to_come(database: psycopg.Connection) -> list[int]:
    rows = database.execute(
        "SELECT id FROM slots WHERE starts_at > now() + interval '1 min' LIMIT %s", [TO_COME]
    ).fetchall()
    ids = [int(row[0]) for row in rows]
    random.Random(_SEED).shuffle(ids)
    return ids


def _rate(
    database: psycopg.Connection, statement: str, given: Callable[[], list[object]], times: int = _ASKED
) -> float:
    """Per second, of the second half: the first one warms the cache."""
    asked = [given() for _ in range(times)]
    for values in asked[: times // 2]:
        database.execute(statement.encode(), values, prepare=True)
    began = time.perf_counter()
    for values in asked[times // 2 :]:
        database.execute(statement.encode(), values, prepare=True)
    return (times - times // 2) / (time.perf_counter() - began)


def _p99_seconds(database: psycopg.Connection, statement: str, times: int) -> float:
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        database.execute(statement.encode(), prepare=True).fetchall()
        taken.append(time.perf_counter() - began)
    return statistics.quantiles(taken, n=100)[-1]


def _share(database: psycopg.Connection, statement: str, given: Callable[[], list[object]]) -> float:
    """In turns with the floor, and the median of the ratios: other work on the machine slows both."""
    turns = [
        _rate(database, statement, given, _ASKED // _TURNS)
        / _rate(database, _NOTHING, list, _ASKED // _TURNS)
        for _ in range(_TURNS)
    ]
    return statistics.median(turns)
