"""What a batch says to PostgreSQL: two statements, each for all its bookings at once.

The guards stand here as they do in statements.py: the claim is one UPDATE whose WHERE decides. What is not
plainly free, or is locked by anybody, is left out without waiting."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

#: The count asks for the time once: a clock read per row would keep the index from passing over the past.
COUNTED = """(SELECT count(*) FROM (
                  SELECT FROM bookings WHERE bookings.origin = wish.origin
                     AND created_at > (SELECT clock_timestamp()) - make_interval(secs => wish.window_seconds)
                   LIMIT wish.most_bookings) AS made) AS bookings,
               (SELECT count(*) FROM bookings
                 WHERE bookings.origin = wish.origin AND status = 'PENDING') AS holds"""

#: Free is checked twice: when the row is locked, and in the write itself, against whoever was quicker. Who is
#: to be counted (most_bookings) is left out near any limit of allowances.py, which then says what is allowed.
#: Who held the slot before is found by the slot, not by the address (hence a subquery for its origin).
TAKE_FREE = (
    """
    WITH wish AS MATERIALIZED (
      SELECT * FROM json_to_recordset(%(wishes)s::json)
        AS wish(slot_id bigint, booking_id uuid, reference text, scope text, key text,
                origin text, most_bookings int, most_holds int, window_seconds int)),
    used AS MATERIALIZED (
      SELECT wish.booking_id, counted.bookings FROM wish CROSS JOIN LATERAL (
        SELECT """  # noqa: S608 - of constants
    + COUNTED
    + """,
               EXISTS (SELECT FROM booking_slots AS earlier
                        WHERE earlier.slot_id = wish.slot_id AND wish.origin = (
                          SELECT origin FROM bookings WHERE bookings.id = earlier.booking_id
                             AND status IN ('PENDING', 'EXPIRED'))) AS was_held) AS counted
       WHERE wish.most_bookings IS NOT NULL AND counted.bookings < wish.most_bookings
         AND counted.holds < wish.most_holds AND NOT counted.was_held),
    free AS MATERIALIZED (
      SELECT slots.id, wish.booking_id, used.bookings FROM wish JOIN slots ON slots.id = wish.slot_id
        LEFT JOIN used ON used.booking_id = wish.booking_id
       WHERE slots.state = 'OPEN' AND slots.starts_at > clock_timestamp()
         AND slots.doctor_id IS NOT NULL AND NOT slots.is_interval
         AND (wish.most_bookings IS NULL OR used.booking_id IS NOT NULL)
         AND NOT EXISTS (SELECT FROM idempotency AS known
                          WHERE known.scope = wish.scope AND known.key = wish.key)
         AND NOT EXISTS (SELECT FROM bookings AS other WHERE other.reference = wish.reference)
       ORDER BY slots.id FOR UPDATE OF slots SKIP LOCKED)
    UPDATE slots SET state = 'BOOKED', booking_id = free.booking_id, fence = slots.fence + 1,
           version = slots.version + 1, updated_at = clock_timestamp()
      FROM free, doctors
     WHERE slots.id = free.id AND doctors.id = slots.doctor_id
       AND slots.state = 'OPEN' AND slots.starts_at > clock_timestamp()
    RETURNING slots.id, slots.doctor_id, slots.starts_at, slots.ends_at, slots.fence, slots.version,
              clock_timestamp(), doctors.name, doctors.specialization, doctors.hospital, doctors.timezone,
              free.bookings"""
)

#: A batch that must wait for a key or a stream gives up and leaves each booking to its own transaction.
WAIT_BRIEFLY = "SET LOCAL lock_timeout = '250ms'"

#: A row for each slot; what is written once per booking stands in its first row alone, the others have
#: neither reference nor key nor notice.
WRITE_DOWN = """
    WITH made AS MATERIALIZED (
      SELECT * FROM json_to_recordset(%(made)s::json) AS made(
        id uuid, reference text, doctor_id bigint, showtime_id bigint, starts_at timestamptz,
        ends_at timestamptz, origin text, language text, patient_name text, patient_email text,
        patient_phone text, reason text, processed_by text, logical_clock bigint, vector_clock json,
        hybrid_clock bigint, created_at timestamptz,
        slot_id bigint, fence bigint, audit_id uuid, actor text, came_from text, notice_id uuid,
        scope text, key text, request_hash text, answer json)),
    remembered AS (
      INSERT INTO idempotency (scope, key, request_hash, answer, created_at)
      SELECT scope, key, request_hash, answer, created_at FROM made WHERE key IS NOT NULL
       ORDER BY scope, key),
    booked AS (
      INSERT INTO bookings (id, reference, status, doctor_id, showtime_id, starts_at, ends_at, origin,
             language, patient_name, patient_email, patient_phone, reason, is_appointment, extensions,
             confirmed_at, sequence, processed_by, logical_clock, vector_clock, hybrid_clock,
             created_at, updated_at)
      SELECT id, reference, 'CONFIRMED', doctor_id, showtime_id, starts_at, ends_at, origin,
             language, patient_name, patient_email, patient_phone, reason, false, 0,
             created_at, 0, processed_by, logical_clock, vector_clock, hybrid_clock, created_at, created_at
        FROM made WHERE reference IS NOT NULL),
    bound AS (
      INSERT INTO booking_slots (booking_id, slot_id, fence, live, left_behind)
      SELECT id, slot_id, fence, true, false FROM made),
    noted AS (
      INSERT INTO audit (id, at, node, actor, action, booking_id, slot_id, fence,
             lamport, vector_clock, hybrid_clock, detail, origin)
      SELECT audit_id, clock_timestamp(), processed_by, actor, 'book', id, slot_id, fence,
             logical_clock, vector_clock, hybrid_clock, '{}', came_from FROM made)
    INSERT INTO notices (id, booking_id, kind, sequence, status, attempts, next_attempt_at, created_at)
    SELECT notice_id, id, 'confirmation', 0, 'QUEUED', 0, clock_timestamp(), clock_timestamp()
      FROM made WHERE notice_id IS NOT NULL"""

#: Names in one order, so that two batches do not wait for each other's streams.
APPEND_ALL = """
    WITH change AS MATERIALIZED (
      SELECT change.*, row_number() OVER (PARTITION BY stream ORDER BY place) AS number
        FROM json_to_recordset(%(changes)s::json) AS change(place int, stream text, id uuid, payload json)),
    counter AS (
      INSERT INTO streams (name, last_seq) SELECT stream, count(*) FROM change GROUP BY stream ORDER BY stream
      ON CONFLICT (name) DO UPDATE SET last_seq = streams.last_seq + excluded.last_seq
      RETURNING name, last_seq),
    size AS (SELECT stream, count(*) AS changes FROM change GROUP BY stream)
    INSERT INTO outbox (stream, seq, id, kind, payload, created_at)
    SELECT change.stream, counter.last_seq - size.changes + change.number, change.id, 'slot',
           change.payload, clock_timestamp()
      FROM change JOIN size USING (stream) JOIN counter ON counter.name = change.stream
    RETURNING id, seq"""


class TakenSlot(NamedTuple):
    """A row of TAKE_FREE."""

    id: int
    doctor_id: int
    starts_at: datetime
    ends_at: datetime
    fence: int
    version: int
    now: datetime
    doctor_name: str
    specialization: str
    hospital: str | None
    timezone: str
    #: Of the same address, in the time of its allowance; None when they were not counted.
    bookings: int | None
    # As statements.SLOT_COLUMNS has them: these say the same of every slot a batch can take.
    showtime_id: None = None
    state: str = "BOOKED"
    hold_until: None = None
    is_interval: bool = False
