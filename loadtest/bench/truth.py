"""What the database says about a run: every answer that promised a booking has one, and only one."""

from __future__ import annotations

import psycopg

#: Each finds rows that must not exist.
FORBIDDEN = {
    "a slot with two live bookings":
        "SELECT slot_id FROM booking_slots WHERE live GROUP BY slot_id HAVING count(*) > 1",
    "two live bookings of a doctor that overlap": """
        SELECT doctor_id FROM (
          SELECT doctor_id, ends_at,
                 lead(starts_at) OVER (PARTITION BY doctor_id ORDER BY starts_at) AS following
            FROM slots JOIN booking_slots ON slot_id = slots.id AND live
           WHERE doctor_id IS NOT NULL AND lane = 0
        ) AS live WHERE following < ends_at""",
    "a taken slot without its live booking": """
        SELECT slots.id FROM slots LEFT JOIN booking_slots AS claim
               ON slot_id = slots.id AND claim.booking_id = slots.booking_id AND live
         WHERE state IN ('HELD', 'BOOKED') AND claim.booking_id IS NULL""",
    "a counter that differs from the count": """
        SELECT status FROM (
          SELECT status, amount FROM booking_counts UNION ALL SELECT status, -1 FROM bookings
        ) AS difference GROUP BY status HAVING sum(amount) <> 0""",
    "a gap in a stream of the outbox":
        "SELECT stream FROM outbox GROUP BY stream HAVING count(*) <> max(seq) - min(seq) + 1",
}  # fmt: skip
#: What belongs to each booking that an answer of this run promised.
KEPT = """
    SELECT count(*), count(*) FILTER (WHERE bookings.status = 'CONFIRMED' AND slots.booking_id = bookings.id
             AND slots.state = 'BOOKED' AND claim.live
             AND (SELECT count(*) FROM audit WHERE audit.booking_id = bookings.id AND action = 'book') = 1
             AND (SELECT count(*) FROM notices WHERE notices.booking_id = bookings.id) = 1)
      FROM idempotency
      LEFT JOIN bookings ON bookings.id = (answer -> 'value' ->> 'id')::uuid
      LEFT JOIN booking_slots AS claim ON claim.booking_id = bookings.id
      LEFT JOIN slots ON slots.id = claim.slot_id
     WHERE idempotency.key LIKE %s AND answer -> 'value' IS NOT NULL"""


def faults_of(database_url: str) -> list[str]:
    """Broken promises anywhere, in words; asked once, at the end."""
    with psycopg.connect(database_url, autocommit=True) as database:
        return [name for name, query in FORBIDDEN.items() if database.execute(query.encode()).fetchone()]


def faults_of_run(database_url: str, run: str, promised: int, connections: int) -> list[str]:
    """Whether the bookings under this run's keys are those that were promised. Requests that were under way
    when the generator stopped may have been booked without anybody hearing of it."""
    with psycopg.connect(database_url, autocommit=True) as database:
        kept, whole = database.execute(KEPT, [f"{run}-%"]).fetchone() or (0, 0)
    faults = []
    if kept < promised:
        faults.append(f"{promised - kept} promised bookings are lost")
    if kept > promised + connections:
        faults.append(f"{kept - promised} bookings more than promised")
    if whole < kept:
        faults.append(f"{kept - whole} bookings are not whole")
    return faults
