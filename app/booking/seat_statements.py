"""What a batch of groups says to PostgreSQL about one hall: a look at it, and the claim of all their seats.

The rest is written by batch_statements.py. The claim is one UPDATE whose WHERE decides: a group whose
seats are not all free, or are locked by anybody, gets none of them, without waiting."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from app.booking.batch_statements import COUNTED

#: For calm alone: batches of two nodes would choose the same seats, and one of them again and again. In a
#: statement of its own, since the look after it must see what those before have committed.
IN_TURN = "SELECT pg_advisory_xact_lock(hashtextextended('best seats of ' || %(showtime_id)s::text, 0))"

#: One row, none when there is no such show to come: what a booking's document says of the show, who may go
#: on (their key is new and they are far from every limit), and which seats are not open. Seats come as text:
#: a row for each would cost ten times as much Python.
LOOK_AT_HALL = (
    """
    WITH wish AS MATERIALIZED (
      SELECT * FROM json_to_recordset(%(wishes)s::json)
        AS wish(booking_id uuid, scope text, key text,
                origin text, most_bookings int, most_holds int, window_seconds int)),
    used AS MATERIALIZED (
      SELECT wish.booking_id, counted.bookings FROM wish CROSS JOIN LATERAL (
        SELECT """  # noqa: S608 - of constants
    + COUNTED
    + """) AS counted
       WHERE wish.most_bookings IS NOT NULL AND counted.bookings < wish.most_bookings
         AND counted.holds < wish.most_holds),
    allowed AS (
      SELECT coalesce(json_object_agg(wish.booking_id, coalesce(used.bookings, 0)), '{}') AS bookings
        FROM wish LEFT JOIN used ON used.booking_id = wish.booking_id
       WHERE (wish.most_bookings IS NULL OR used.booking_id IS NOT NULL)
         AND NOT EXISTS (SELECT FROM idempotency AS known
                          WHERE known.scope = wish.scope AND known.key = wish.key)),
    seats AS (
      SELECT string_agg(id::text, ',') FILTER (WHERE NOT has_lapsed) AS taken,
             string_agg(id::text, ',') FILTER (WHERE has_lapsed) AS lapsed
        FROM (SELECT id, state = 'HELD' AND hold_until <= (SELECT clock_timestamp()) AS has_lapsed
                FROM slots WHERE showtime_id = %(showtime_id)s AND state <> 'OPEN') AS unfree)
    SELECT allowed.bookings, coalesce(seats.taken, ''), coalesce(seats.lapsed, ''),
           showtimes.timezone, showtimes.movie_id, showtimes.hall_id, movies.title, movies.minutes,
           movies.rating, movies.genre, movies.poster_seed, halls.name, halls.place, halls.currency
      FROM allowed, seats, showtimes
      JOIN movies ON movies.id = showtimes.movie_id JOIN halls ON halls.id = showtimes.hall_id
     WHERE showtimes.id = %(showtime_id)s AND showtimes.starts_at > clock_timestamp()"""
)

#: Every seat that could be locked; one that was not taken, as its group would not be whole, has no fence.
#: Free is checked twice: when the row is locked, and in the write itself. A group that wants a seat which its
#: address held in vain is not served here: the ordinary way knows since when.
#:
#: Seats are found by their ids, not by their hall (hence showtime_id + 0), and whoever had one by the seat,
#: not by the address (hence a subquery for its origin): an address may have booked for years.
TAKE_GROUPS = """
    WITH wanted AS MATERIALIZED (
      SELECT * FROM json_to_recordset(%(wanted)s::json)
        AS wanted(booking_id uuid, slot_id bigint, origin text)),
    free AS MATERIALIZED (
      SELECT slots.id, wanted.booking_id,
             slots.fence > 0 AND EXISTS (
               SELECT FROM booking_slots AS earlier
                WHERE earlier.slot_id = slots.id AND wanted.origin = (
                  SELECT origin FROM bookings
                   WHERE bookings.id = earlier.booking_id AND status IN ('PENDING', 'EXPIRED'))) AS was_held
        FROM wanted JOIN slots ON slots.id = wanted.slot_id
       WHERE slots.state = 'OPEN' AND slots.starts_at > clock_timestamp()
         AND slots.showtime_id + 0 = %(showtime_id)s
       ORDER BY slots.id FOR UPDATE OF slots SKIP LOCKED),
    whole AS MATERIALIZED (
      SELECT wanted.booking_id FROM wanted LEFT JOIN free ON free.id = wanted.slot_id
       GROUP BY wanted.booking_id HAVING count(*) = count(free.id) AND NOT bool_or(free.was_held)),
    taken AS (
      UPDATE slots SET state = 'BOOKED', booking_id = free.booking_id, fence = slots.fence + 1,
             version = slots.version + 1, updated_at = clock_timestamp()
        FROM free JOIN whole ON whole.booking_id = free.booking_id
       WHERE slots.id = free.id AND slots.state = 'OPEN' AND slots.starts_at > clock_timestamp()
      RETURNING slots.id, slots.starts_at, slots.ends_at, slots.fence, slots.version,
                clock_timestamp() AS now)
    SELECT free.id, free.booking_id, free.was_held, taken.starts_at, taken.ends_at,
           taken.fence, taken.version, taken.now
      FROM free FULL JOIN taken ON taken.id = free.id ORDER BY free.id"""

#: As APPEND_ALL for the one stream that a hall has. An entry carries all seats of its group.
APPEND_GROUPS = """
    WITH counter AS (
      INSERT INTO streams (name, last_seq) VALUES (%(stream)s, %(count)s)
      ON CONFLICT (name) DO UPDATE SET last_seq = streams.last_seq + excluded.last_seq RETURNING last_seq)
    INSERT INTO outbox (stream, seq, id, kind, payload, created_at)
    SELECT %(stream)s, counter.last_seq - %(count)s + change.place, change.id, change.kind, change.payload,
           clock_timestamp()
      FROM counter,
           json_to_recordset(%(changes)s::json) AS change(place int, id uuid, kind text, payload json)
    RETURNING id, seq"""


class HallLook(NamedTuple):
    """The row of LOOK_AT_HALL."""

    #: By booking: how many its address has in the time of its allowance; 0 when they were not counted.
    bookings: dict[str, int]
    taken: str
    lapsed: str
    show_timezone: str
    movie_id: int
    hall_id: int
    title: str
    minutes: int
    rating: str
    genre: str
    poster_seed: int
    hall_name: str
    place: str
    currency: str


class TakenSeat(NamedTuple):
    """A row of TAKE_GROUPS whose seat was taken, as statements.SLOT_COLUMNS has it."""

    id: int
    starts_at: datetime
    ends_at: datetime
    fence: int
    version: int
    now: datetime
    showtime_id: int
    doctor_id: None = None
    state: str = "BOOKED"
    hold_until: None = None
    is_interval: bool = False
