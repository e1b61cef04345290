"""The invariants of bookings, as queries over what is stored: an empty answer means they hold."""

from __future__ import annotations

from sqlalchemy import JSON, text

from app.database import Database

LAPSED = {
    "postgresql": "s.hold_until <= clock_timestamp()",
    "sqlite": "s.hold_until <= strftime('%Y-%m-%d %H:%M:%f000', 'now')",
}

PROMISES = {
    "at most one live booking per slot": """
        SELECT slot_id FROM booking_slots WHERE live GROUP BY slot_id HAVING count(*) > 1""",
    "no two live bookings overlap on a doctor": """
        SELECT a.id, b.id FROM slots a
        JOIN slots b ON b.doctor_id = a.doctor_id AND b.lane = a.lane AND b.id > a.id
                    AND b.starts_at < a.ends_at AND b.ends_at > a.starts_at
        JOIN booking_slots ca ON ca.slot_id = a.id AND ca.live
        JOIN booking_slots cb ON cb.slot_id = b.id AND cb.live""",
    "a taken slot names its one live claim, with the same fence": """
        SELECT s.id FROM slots s WHERE s.state IN ('HELD', 'BOOKED') AND NOT EXISTS (
          SELECT 1 FROM booking_slots c
          WHERE c.slot_id = s.id AND c.booking_id = s.booking_id AND c.fence = s.fence AND c.live)""",
    "a live claim is on a taken slot": """
        SELECT c.slot_id FROM booking_slots c JOIN slots s ON s.id = c.slot_id
        WHERE c.live AND (s.booking_id IS NULL OR s.booking_id <> c.booking_id)""",
    "a booked slot belongs to a booking that stands": """
        SELECT s.id FROM slots s JOIN bookings b ON b.id = s.booking_id
        WHERE s.state = 'BOOKED'
          AND b.status NOT IN ('CONFIRMED', 'ARRIVED', 'IN_ROOM', 'COMPLETED', 'NO_SHOW')""",
    "a held slot belongs to a hold, or to one that has lapsed": """
        SELECT s.id FROM slots s JOIN bookings b ON b.id = s.booking_id
        WHERE s.state = 'HELD' AND b.status <> 'PENDING' AND NOT (b.status = 'EXPIRED' AND {lapsed})""",
    "a live booking has a live claim": """
        SELECT b.id FROM bookings b WHERE b.status IN ('PENDING', 'CONFIRMED') AND NOT EXISTS (
          SELECT 1 FROM booking_slots c WHERE c.booking_id = b.id AND c.live)""",
    "a booking spans exactly the slots it owns": """
        SELECT b.id FROM bookings b JOIN booking_slots c ON c.booking_id = b.id AND c.live
        JOIN slots s ON s.id = c.slot_id WHERE b.status IN ('PENDING', 'CONFIRMED')
        GROUP BY b.id, b.starts_at, b.ends_at, b.doctor_id
        HAVING min(s.starts_at) <> b.starts_at OR max(s.ends_at) <> b.ends_at
            OR min(s.doctor_id) <> b.doctor_id OR max(s.doctor_id) <> b.doctor_id""",
    "a booking's seats are of its showtime, and a doctor's booking has none": """
        SELECT b.id FROM bookings b JOIN booking_slots c ON c.booking_id = b.id AND c.live
        JOIN slots s ON s.id = c.slot_id
        WHERE coalesce(s.showtime_id, 0) <> coalesce(b.showtime_id, 0)
           OR coalesce(s.doctor_id, 0) <> coalesce(b.doctor_id, 0)""",
    "a hold has one deadline": """
        SELECT b.id FROM bookings b JOIN slots s ON s.booking_id = b.id AND s.state = 'HELD'
        WHERE b.status = 'PENDING' AND NOT {lapsed}
        GROUP BY b.id, b.expires_at HAVING min(s.hold_until) <> b.expires_at""",
    "no claim has a fence above its slot's": """
        SELECT s.id FROM slots s JOIN booking_slots c ON c.slot_id = s.id WHERE c.fence > s.fence""",
    "the counters say what counting finds": """
        SELECT status, sum(amount) FROM (
          SELECT status, amount FROM booking_counts
          UNION ALL SELECT status, -1 FROM bookings) AS difference
        GROUP BY status HAVING sum(amount) <> 0""",
    "streams have no gap": """
        SELECT t.name FROM streams t LEFT JOIN outbox o ON o.stream = t.name
        GROUP BY t.name, t.last_seq HAVING count(o.seq) <> t.last_seq OR max(o.seq) <> t.last_seq""",
}

#: A change tells of one slot, or of seats that changed together.
TOLD = "SELECT payload FROM outbox WHERE kind = 'slot' OR kind = 'slots' ORDER BY seq"


def broken_promises(database: Database) -> list[str]:
    """Every promise that does not hold, with the rows that break it."""
    broken = []
    with database.read() as connection:
        dialect = connection.dialect.name
        for promise, query in PROMISES.items():
            rows = connection.execute(text(query.format(lapsed=LAPSED[dialect]))).all()
            if rows:
                broken.append(f"{promise}: {rows}")
        # A slot stays with its doctor, so the order of its doctor's stream is the order of its changes.
        told = {
            slot["id"]: (slot["state"], slot["version"])
            for payload in connection.execute(text(TOLD).columns(payload=JSON)).scalars()
            for slot in payload.get("slots", [payload])
        }
        stored = connection.execute(text("SELECT id, state, version FROM slots WHERE version > 1")).all()
        untold = [row for row in stored if told.get(str(row.id)) != (row.state, row.version)]
        if untold:
            broken.append(f"the last news of a slot is its state: {untold}")
    return broken
