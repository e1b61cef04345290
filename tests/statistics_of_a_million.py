"""`python -m tests.statistics_of_a_million`: are the statistics exact, and how fast are they (A15, N11, N15)?

Seeds a PostgreSQL of its own with so many bookings in one quarter of a year around a change of the clocks,
asks for the page and the file as an administrator does, and counts everything again by SQL."""

from __future__ import annotations

import argparse
import csv
import io
import sys
import time
from collections.abc import Callable
from datetime import date
from typing import Any

from sqlalchemy import Connection, text

from app.web.parts import EXTENSION
from tests.servers import run_python_module, running_postgres, running_redis
from tests.web.conftest import make_app
from tests.web.pages.conftest import Person
from tests.web.pages.desk.conftest import log_in

ZONE = "Europe/Berlin"
FIRST, LAST = date(2026, 9, 1), date(2026, 11, 30)
PER_DAY, SLOT_MINUTES = 28, 20
MOST_SECONDS = 1.0
STATUSES = "{CONFIRMED,COMPLETED,COMPLETED,COMPLETED,NO_SHOW,CANCELLED,ARRIVED,CONFIRMED}"

SEED = (
    """INSERT INTO doctors (name, specialization, timezone, experience_years, version, created_at, updated_at)
       SELECT 'Dr. ' || lpad(n::text, 5, '0'), 'Cardiology', :zone, 5, 1, now(), now()
       FROM generate_series(1, :doctors) n""",
    """CREATE TEMP TABLE plan AS
       SELECT gen_random_uuid() AS booking_id, d.id AS doctor_id, day, k,
              day + interval '6 hours' + k * interval '20 minutes' AS starts_at,
              (CAST(:statuses AS text[]))[
                1 + (hashint8(d.id * 100000 + k * 1000 + extract(doy FROM day)::int) & 7)] AS status
       FROM doctors d, generate_series(CAST(:first AS timestamptz), :last, interval '1 day') day,
            generate_series(0, :per_day - 1) k""",
    """INSERT INTO slots (doctor_id, starts_at, ends_at, state, booking_id, fence, version, is_interval, lane,
                          created_at, updated_at)
       SELECT doctor_id, starts_at, starts_at + interval '20 minutes',
              CASE WHEN status = 'CANCELLED' THEN 'OPEN' ELSE 'BOOKED' END,
              CASE WHEN status = 'CANCELLED' THEN NULL ELSE booking_id END, 1, 1, false, 0, now(), now()
       FROM plan""",
    """INSERT INTO bookings (id, reference, status, doctor_id, starts_at, ends_at, patient_name,
                             is_appointment, extensions, sequence, processed_by, logical_clock,
                             vector_clock, hybrid_clock, created_at, confirmed_at, updated_at)
       SELECT booking_id, 'S' || row_number() OVER (), status, doctor_id, starts_at,
              starts_at + interval '20 minutes', 'Some Body', false, 0, 0, 'node-1', 0, '{}', 0,
              starts_at - k * interval '7 hours', starts_at - k * interval '7 hours', now()
       FROM plan""",
)
#: What the product gives a statement is too little for filling and for counting a million rows by hand.
PATIENCE = "SET LOCAL statement_timeout = 0"
KEPT = "status IN ('CONFIRMED', 'COMPLETED', 'NO_SHOW', 'ARRIVED')"
IN_SPAN = (
    "starts_at >= CAST(:begin AS timestamp) AT TIME ZONE :zone"
    " AND starts_at < CAST(:end AS timestamp) AT TIME ZONE :zone"
)
#: What the page counts in quarters of an hour, counted once more by local day and hour in SQL.
AGAIN = {
    "day": f"""SELECT to_char(starts_at AT TIME ZONE :zone, 'YYYY-MM-DD'), count(*) FILTER (WHERE {KEPT}),
                      count(*) FILTER (WHERE status = 'CANCELLED')
               FROM bookings WHERE {IN_SPAN} GROUP BY 1""",
    "hour": f"""SELECT to_char(starts_at AT TIME ZONE :zone, 'HH24:00'), count(*)
                FROM bookings WHERE {KEPT} AND {IN_SPAN} GROUP BY 1""",
    "doctor": f"""SELECT d.name, count(*) FILTER (WHERE s.state = 'BOOKED'), count(*)
                  FROM slots s JOIN doctors d ON d.id = s.doctor_id WHERE {IN_SPAN} GROUP BY 1""",
    "attempt": f"SELECT 'booked', count(*) FROM bookings WHERE {IN_SPAN.replace('starts_at', 'created_at')}",
}  # fmt: skip


def seed(tx: Connection, bookings: int) -> int:
    """Fill the quarter; how many bookings there are."""
    days = (LAST - FIRST).days + 1
    doctors = max(1, round(bookings / days / PER_DAY))
    values = {
        "zone": ZONE, "doctors": doctors, "first": f"{FIRST} 00:00+00", "last": f"{LAST} 00:00+00",
        "per_day": PER_DAY, "statuses": STATUSES,
    }  # fmt: skip
    for statement in (PATIENCE, *SEED):
        tx.execute(text(statement), values)
    return int(tx.execute(text("SELECT count(*) FROM bookings")).scalar_one())


def counted_again(connection: Connection) -> dict[str, set[tuple[str, ...]]]:
    connection.execute(text(PATIENCE))
    span = {"zone": ZONE, "begin": str(FIRST), "end": str(date.fromordinal(LAST.toordinal() + 1))}
    return {
        what: {tuple(map(str, row)) for row in connection.execute(text(query), span)}
        for what, query in AGAIN.items()
    }


def told(file: str) -> dict[str, set[tuple[str, ...]]]:
    """The same from the file beside the page."""
    found: dict[str, set[tuple[str, ...]]] = {what: set() for what in AGAIN}
    for what, which, kept, cancelled, offered in list(csv.reader(io.StringIO(file)))[1:]:
        found[what].add(tuple(each for each in (which, kept, cancelled, offered) if each))
    return found


def timed(ask: Callable[[], Any]) -> tuple[Any, list[float]]:
    """The last of five answers, and how long each took."""
    took = []
    for _ in range(5):
        begin = time.perf_counter()
        answer = ask()
        took.append(time.perf_counter() - begin)
    return answer, took


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.statistics_of_a_million")
    parser.add_argument("--bookings", type=int, default=1_000_000)
    options = parser.parse_args()
    with running_postgres() as server, running_redis() as redis:
        url = server.create_database("statistics")
        run_python_module("app.migrate", DATABASE_URL=url)
        return measure(url, redis.url, options.bookings)


def measure(url: str, redis_url: str, wanted: int) -> int:
    app = make_app(url, redis_url, CLINIC_TIMEZONE=ZONE)
    database = app.extensions[EXTENSION].database
    begin = time.perf_counter()
    bookings = database.run(lambda tx: seed(tx, wanted))
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
    print(f"{bookings:,} bookings seeded in {time.perf_counter() - begin:.0f} s", flush=True)
    client = log_in(app, Person(app.test_client()), "admin", "/admin").client
    span = f"?first={FIRST}&last={LAST}"
    page, took = timed(lambda: client.get(f"/admin/statistics{span}"))
    file = client.get(f"/admin/statistics.csv{span}").get_data(as_text=True)
    with database.transaction() as connection:
        again = counted_again(connection)
    is_exact = told(file) == again
    seconds, sizes = (
        " ".join(f"{each:.2f}" for each in took),
        ", ".join(f"{len(again[each])} {each}s" for each in again),
    )
    print(f"page of {(LAST - FIRST).days + 1} days: {page.status_code}, seconds {seconds}")
    print(f"equal to SQL: {is_exact} ({sizes})")
    database.dispose()
    return 0 if is_exact and page.status_code == 200 and sorted(took)[2] < MOST_SECONDS else 1


if __name__ == "__main__":
    sys.exit(main())
