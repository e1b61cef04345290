"""Fills the product's tables with a past: slots of many doctors, a tenth of them booked.

Indexes are taken off while much is written and made again afterwards. The constraint against overlapping
slots then covers the times to come alone: its GiST index takes an hour to make for ten million rows, is read
by no hot statement, and each claim writes it where it is small in either case."""

from __future__ import annotations

import sys
import time

import psycopg

DOCTORS, TO_COME, AT_ONCE = 200, 10_000, 250_000
_NEW_DOCTORS = """
    INSERT INTO doctors (name, specialization, timezone, experience_years, created_at, updated_at, version)
    SELECT 'Dr ' || n, 'General Practice', 'UTC', 3, now(), now(), 1 FROM generate_series(1, %s) AS n"""
#: Half hours, each doctor's one after the other from now on, backwards when sign is negative.
_NEW_SLOTS = f"""
    INSERT INTO slots (doctor_id, starts_at, ends_at, state, fence, version, lane, is_interval,
                       created_at, updated_at)
    SELECT 1 + n %% {DOCTORS}, moment, moment + interval '30 min', 'OPEN', 0, 1, 0, false, now(), now()
      FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n,
           LATERAL (SELECT date_trunc('hour', now()) + %(sign)s * (1 + n / {DOCTORS}) * interval '30 min'
                    AS moment) AS at"""  # noqa: S608 - a constant of ours
_NEW_BOOKINGS = f"""
    INSERT INTO bookings (id, reference, status, doctor_id, starts_at, ends_at, origin, patient_name,
           patient_email, is_appointment, extensions, confirmed_at, sequence, processed_by, logical_clock,
           vector_clock, created_at, updated_at)
    SELECT gen_random_uuid(), upper(to_hex(n)), (ARRAY['CONFIRMED', 'COMPLETED', 'CANCELLED'])[1 + n %% 3],
           1 + n %% {DOCTORS}, moment, moment + interval '30 min', md5((n %% 5000)::text), 'Somebody',
           'somebody@example.org', false, 0, moment, 0, 'node-1', n, '{{}}', moment, moment
      FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n,
           LATERAL (SELECT now() - n * interval '1 min' AS moment) AS at"""  # noqa: S608
#: As the leader does it every few seconds.
_FOLD = """
    WITH gone AS (DELETE FROM booking_counts RETURNING status, amount)
    INSERT INTO booking_counts (status, amount) SELECT status, sum(amount) FROM gone GROUP BY status"""
_INDEXES = """
    SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index
     WHERE indrelid = %s::regclass AND NOT indisprimary
       AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)"""


class Filling:
    """Ten thousand times to come at first; then as much past as is asked for."""

    def __init__(self, database: psycopg.Connection) -> None:
        self._database = database
        self._past = self._bookings = 0
        database.execute(_NEW_DOCTORS, [DOCTORS])
        self._narrow_the_constraint()
        database.execute(_NEW_SLOTS, {"first": 0, "last": TO_COME - 1, "sign": 1})

    def fill_to(self, slots: int) -> None:
        """So many slots in all, and a tenth as many bookings."""
        past, bookings = slots - TO_COME, slots // 10
        self._pour("slots", _NEW_SLOTS, self._past, past, {"sign": -1})
        self._pour("bookings", _NEW_BOOKINGS, self._bookings, bookings, {})
        self._past, self._bookings = max(past, self._past), max(bookings, self._bookings)
        self._database.execute(_FOLD)
        self._database.execute("VACUUM ANALYZE slots")
        self._database.execute("VACUUM ANALYZE bookings")

    def gigabytes(self) -> float:
        row = self._database.execute("SELECT pg_database_size(current_database())").fetchone()
        return int(row[0]) / 1e9 if row else 0.0

    def _narrow_the_constraint(self) -> None:
        row = self._database.execute(
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'no_overlapping_slots'"
        ).fetchone()
        if row is None:
            raise AssertionError("the product's tables have this constraint")
        narrow = row[0].removesuffix(")") + f" AND starts_at > '{time.strftime('%Y-%m-%d')}')"
        self._database.execute("ALTER TABLE slots DROP CONSTRAINT no_overlapping_slots")
        self._database.execute(f"ALTER TABLE slots ADD CONSTRAINT no_overlapping_slots {narrow}".encode())

    def _pour(self, what: str, statement: str, done: int, wanted: int, given: dict[str, int]) -> None:
        if wanted <= done:
            return
        indexes = self._database.execute(_INDEXES, [what]).fetchall()
        for name, _ in indexes:
            self._database.execute(f"DROP INDEX {name}".encode())
        for first in range(done, wanted, AT_ONCE):
            last = min(first + AT_ONCE, wanted) - 1
            self._database.execute(statement.encode(), {"first": first, "last": last, **given})
            show_progress(what, (last + 1) / wanted)
        for number, (name, definition) in enumerate(indexes, 1):
            self._database.execute(definition.encode())
            show_progress(f"index {name}", number / len(indexes))
        clear_progress()


def show_progress(what: str, share: float, width: int = 30) -> None:
    """A bar on a terminal; nothing elsewhere."""
    if sys.stdout.isatty():
        done = int(share * width)
        print(f"\r[{'#' * done}{'.' * (width - done)}] {share:4.0%} {what:<45}", end="", flush=True)


def clear_progress() -> None:
    if sys.stdout.isatty():
        print("\r" + " " * 85, end="\r", flush=True)
