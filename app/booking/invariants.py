"""What must never be found in the database, as queries that find it. PostgreSQL and SQLite read them alike.

Each looks at some slots, `watched`, so that a database of any size can be looked through piece by piece. They
do not use what keeps the promises (indexes, constraints, states) as an assumption: they count rows."""

from __future__ import annotations

from dataclasses import dataclass

from app.languages.texts import N_

#: The slots of one stretch of time.
STRETCH = "SELECT id FROM slots WHERE starts_at > :after AND starts_at <= :upto"
#: The slots that somebody claimed just now.
FRESH = """SELECT DISTINCT bs.slot_id FROM booking_slots bs JOIN bookings b ON b.id = bs.booking_id
  WHERE b.created_at > :since"""


@dataclass(frozen=True)
class Invariant:
    """`query` finds what breaks it: first the slot, or what else says where to look."""

    name: str
    promise: str
    query: str


DOUBLE_BOOKING, OVERLAP = "double_booking", "overlap"
INVARIANTS = (
    Invariant(
        DOUBLE_BOOKING,
        N_("No slot has two live bookings."),
        """SELECT bs.slot_id, count(DISTINCT bs.booking_id) AS owners
  FROM booking_slots bs JOIN watched w ON w.id = bs.slot_id
 WHERE bs.live GROUP BY bs.slot_id HAVING count(DISTINCT bs.booking_id) > 1""",
    ),
    Invariant(
        OVERLAP,
        N_("No two live bookings of a doctor overlap, save in a lane that was added on purpose."),
        """SELECT slot_id, earlier_slot_id FROM (
  SELECT bs.slot_id, bs.booking_id, s.starts_at,
         lag(bs.slot_id) OVER by_start AS earlier_slot_id,
         lag(bs.booking_id) OVER by_start AS earlier_booking_id,
         lag(s.ends_at) OVER by_start AS earlier_end
    FROM booking_slots bs JOIN slots s ON s.id = bs.slot_id
   WHERE bs.live AND s.starts_at >= :floor AND s.starts_at <= :ceiling
     AND s.doctor_id IN (SELECT x.doctor_id FROM slots x JOIN watched w ON w.id = x.id)
  WINDOW by_start AS (PARTITION BY s.doctor_id, s.lane ORDER BY s.starts_at, s.ends_at)) AS neighbours
 WHERE earlier_end > starts_at AND earlier_booking_id <> booking_id""",
    ),
    Invariant(
        "named",
        N_("Every taken slot names the live booking that owns it."),
        """SELECT s.id FROM slots s JOIN watched w ON w.id = s.id
  LEFT JOIN booking_slots bs ON bs.slot_id = s.id AND bs.booking_id = s.booking_id AND bs.live
 WHERE s.state IN ('HELD', 'BOOKED') AND bs.booking_id IS NULL""",
    ),
    Invariant(
        "owned",
        N_("Every live claim is named by its slot."),
        """SELECT bs.slot_id FROM booking_slots bs
  JOIN watched w ON w.id = bs.slot_id JOIN slots s ON s.id = bs.slot_id
 WHERE bs.live AND (s.booking_id IS NULL OR s.booking_id <> bs.booking_id)""",
    ),
    Invariant(
        "confirmed",
        N_("Every confirmed booking owns a slot."),
        """SELECT bs.slot_id FROM booking_slots bs
  JOIN watched w ON w.id = bs.slot_id JOIN bookings b ON b.id = bs.booking_id
 WHERE b.status = 'CONFIRMED'
   AND NOT EXISTS (SELECT 1 FROM booking_slots mine WHERE mine.booking_id = b.id AND mine.live)""",
    ),
    Invariant(
        "fence",
        N_("No claim carries a fence above its slot's, and none was given twice."),
        """SELECT bs.slot_id FROM booking_slots bs
  JOIN watched w ON w.id = bs.slot_id JOIN slots s ON s.id = bs.slot_id
 GROUP BY bs.slot_id, bs.fence, s.fence HAVING bs.fence > s.fence OR count(*) > 1""",
    ),
)


def over(watched: str, query: str) -> str:
    """The query over these slots; a few broken rows tell as much as all."""
    return f"WITH watched(id) AS ({watched})\n{query}\n LIMIT 20"
