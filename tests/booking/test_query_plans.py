"""Reads of slots go through indexes, however long the table is (C16)."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection, event, insert

from app.booking import availability
from app.booking.allowances import OF_AN_ADDRESS, _facts, _whose
from app.booking.availability import OpeningHours, SlotFilter
from app.booking.batch_statements import TAKE_FREE
from app.booking.rules import Actor
from app.booking.seat_statements import LOOK_AT_HALL, TAKE_GROUPS
from app.directory.placing import spans_in_the_way
from app.directory.spans import Span
from app.tables import Doctor, Slot, SlotState
from tests.booking.conftest import Desk

DOCTORS, DAYS, PER_DAY = 20, 60, 16
FIRST_DAY = datetime.now(UTC).replace(hour=8, minute=0, second=0, microsecond=0) - timedelta(days=30)
NOON = FIRST_DAY + timedelta(days=40, hours=4)
ZONE = ZoneInfo("UTC")


@pytest.fixture
def crowd(desk: Desk) -> list[int]:
    """Two months of slots of many doctors, as many past as to come."""
    with desk.database.transaction() as tx:
        names = [{"name": f"Dr {n}", "specialization": "GP", "timezone": "UTC"} for n in range(DOCTORS)]
        doctors = list(tx.execute(insert(Doctor).returning(Doctor.id), names).scalars())
        for doctor in doctors:
            starts = [
                FIRST_DAY + timedelta(days=day, minutes=30 * number)
                for day in range(DAYS)
                for number in range(PER_DAY)
            ]
            rows = [
                {"doctor_id": doctor, "starts_at": start, "ends_at": start + timedelta(minutes=30)}
                for start in starts
            ]
            tx.execute(insert(Slot), rows)
    with desk.database.transaction() as tx:
        tx.exec_driver_sql("ANALYZE")
    return doctors


READS: dict[str, Callable[[Connection, list[int]], Any]] = {
    "a doctor's day": lambda c, d: availability.list_slots(
        c, SlotFilter(d[0], NOON.date(), NOON.date()), limit=51
    ),
    "a doctor's free times": lambda c, d: availability.list_slots(
        c, SlotFilter(d[0], state=SlotState.OPEN), limit=51
    ),
    "the second page of everything": lambda c, d: availability.list_slots(c, SlotFilter(), (NOON, 1), 51),
    "what is booked on a day": lambda c, d: availability.list_slots(
        c, SlotFilter(None, NOON.date(), NOON.date(), state=SlotState.BOOKED), limit=51
    ),
    "what is left of a day": lambda c, d: availability.day_availability(
        c, d[0], NOON.date(), OpeningHours(9, 17)
    ),
    "the days of a month": lambda c, d: availability.days_with_free(
        c, d[0], ZONE, NOON.date(), NOON.date() + timedelta(days=30)
    ),
    "the next free times": lambda c, d: availability.next_free(c, d[:10]),
    "the nearest free times": lambda c, d: availability.nearest_free(c, d[0], NOON),
    "what is in the way": lambda c, d: spans_in_the_way(c, d[0], Span(NOON, NOON + timedelta(hours=1))),
}


def plans_of(
    connection: Connection, read: Callable[[Connection, list[int]], Any], crowd: list[int]
) -> list[str]:
    """How the database goes about each statement of the read that touches slots."""
    statements: list[tuple[str, Any]] = []

    def note(_connection, _cursor, statement, parameters, _context, _many) -> None:
        statements.append((statement, parameters))

    event.listen(connection, "before_cursor_execute", note)
    read(connection, crowd)
    event.remove(connection, "before_cursor_execute", note)
    explain = "EXPLAIN QUERY PLAN " if connection.dialect.name == "sqlite" else "EXPLAIN "
    return [
        "\n".join(str(row) for row in connection.exec_driver_sql(explain + statement, parameters))
        for statement, parameters in statements
        if "FROM slots" in statement
    ]


def test_no_read_looks_at_every_slot(desk: Desk, crowd: list[int]) -> None:
    with desk.database.read() as connection:
        plans = {name: plans_of(connection, read, crowd) for name, read in READS.items()}

    for name, found in plans.items():
        assert found, name
        assert not [plan for plan in found if "Seq Scan on slots" in plan or "SCAN slots" in plan], name


@pytest.fixture
def busy_hour(make_desk: Callable[..., Desk], postgres_url: str) -> Desk:
    """A thousand addresses have booked just now, and a thousand times are free, as the planner knows."""
    desk = make_desk(postgres_url)
    desk.hold(desk.add_slot())
    with desk.database.transaction() as tx:
        tx.exec_driver_sql(
            "INSERT INTO bookings SELECT (jsonb_populate_record(b, jsonb_build_object("
            "'id', gen_random_uuid(), 'reference', 'R' || n, 'origin', 'other ' || n))).*"
            " FROM bookings b, generate_series(1, 1000) n"
        )
        tx.exec_driver_sql(
            "INSERT INTO slots SELECT (jsonb_populate_record(s, jsonb_build_object("
            "'id', s.id + 1000 + n, 'state', 'OPEN', 'booking_id', NULL, 'hold_until', NULL,"
            " 'starts_at', s.starts_at + n * interval '1 day',"
            " 'ends_at', s.ends_at + n * interval '1 day'))).* FROM slots s, generate_series(1, 1000) n"
        )
        tx.exec_driver_sql("ANALYZE bookings, slots")
    return desk


def test_a_batch_finds_its_slots_and_counts_its_callers_by_index(busy_hour: Desk) -> None:
    desk = busy_hour
    wishes = json.dumps([{
        "slot_id": desk.add_slot(30), "booking_id": str(uuid.uuid4()), "scope": "s", "key": "k",
        "origin": "o", "most_bookings": 120, "most_holds": 40, "window_seconds": 3600,
    }])  # fmt: skip

    with desk.database.transaction() as tx:
        tx.exec_driver_sql("SET LOCAL enable_seqscan = off")  # tables this small would be read as a whole
        plan = [str(row) for row in tx.exec_driver_sql("EXPLAIN " + TAKE_FREE, {"wishes": wishes})]

    assert any("slots" in line and "Index" in line for line in plan)
    assert not [line for line in plan if "Seq Scan on" in line]
    # However much an address booked in the past, only the window is read.
    by_address = [line for line in plan if "Index Cond" in line and "origin" in line]
    assert any("created_at" in line for line in by_address)
    assert len(by_address) == 2  # the window and its holds: who held the slot before is found by the slot


@pytest.mark.parametrize("statement", [LOOK_AT_HALL, TAKE_GROUPS])
def test_a_batch_of_groups_finds_everything_by_index(busy_hour: Desk, statement: str) -> None:
    values = {"showtime_id": 1, "wishes": "[]", "wanted": "[]"}

    with busy_hour.database.transaction() as tx:
        tx.exec_driver_sql("SET LOCAL enable_seqscan = off")
        plan = [str(row) for row in tx.exec_driver_sql("EXPLAIN " + statement, values)]

    assert any("slots" in line and "Index" in line for line in plan)
    assert not [line for line in plan if "Seq Scan on" in line]


def test_a_claim_of_groups_reads_neither_the_whole_hall_nor_what_their_address_ever_booked(
    busy_hour: Desk,
) -> None:
    with busy_hour.database.transaction() as tx:
        for way in ("seqscan", "mergejoin", "hashjoin"):  # tables this small would be read as a whole
            tx.exec_driver_sql(f"SET LOCAL enable_{way} = off")
        asked = "EXPLAIN " + TAKE_GROUPS
        plan = [str(row) for row in tx.exec_driver_sql(asked, {"showtime_id": 1, "wanted": "[]"})]

    sought = [line for line in plan if "Index Cond" in line]
    assert len(sought) >= 3
    assert not [line for line in sought if "origin" in line or "showtime_id" in line]


def test_the_ordinary_count_reads_no_more_than_its_window(busy_hour: Desk) -> None:
    desk = busy_hour
    facts = _facts(_whose(Actor("guest", origin="o")), OF_AN_ADDRESS, [1])
    asked = facts.compile(desk.database.engine, compile_kwargs={"literal_binds": True})

    with desk.database.transaction() as tx:
        tx.exec_driver_sql("SET LOCAL enable_seqscan = off")
        tx.exec_driver_sql("SET LOCAL enable_bitmapscan = off")
        plan = [str(row) for row in tx.exec_driver_sql(f"EXPLAIN {asked}")]

    assert any("Index Cond" in line and "origin" in line and "created_at" in line for line in plan)
