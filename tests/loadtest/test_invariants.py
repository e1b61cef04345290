"""Each forbidden state, planted row by row, is found on both databases, and nothing else is."""

import sqlite3
from pathlib import Path

import psycopg
import pytest

from loadtest.control import ledger
from loadtest.invariants import find_broken_invariants, live_owners, open_database

SCHEMA = (Path(ledger.__file__).parent / "schema.sql").read_text()

GOOD = """
INSERT INTO slots VALUES (1, 1, '2026-11-23T09:00', '2026-11-23T09:30', 'BOOKED', 'b1', 3, NULL, 1, NULL, 0);
INSERT INTO slots VALUES (2, 1, '2026-11-23T09:30', '2026-11-23T10:00', 'HELD', 'b2', 1, '2026', 1, NULL, 0);
INSERT INTO bookings VALUES ('b1', 'CONFIRMED', 1, '2026-11-23T09:00', '2026-11-23T09:30', 'A', NULL, 't');
INSERT INTO bookings VALUES ('b2', 'PENDING', 1, '2026-11-23T09:30', '2026-11-23T10:00', 'B', '2026', 't');
INSERT INTO bookings VALUES ('b0', 'CANCELLED', 1, '2026-11-23T09:00', '2026-11-23T09:30', 'C', NULL, 't');
INSERT INTO booking_slots VALUES ('b0', 1, 2, FALSE), ('b1', 1, 3, TRUE), ('b2', 2, 1, TRUE);
INSERT INTO slots VALUES (5, NULL, '2026-11-23T20:00', '2026-11-23T22:00', 'BOOKED', 'b5', 1, NULL, 1, 7, 0);
INSERT INTO slots VALUES (6, NULL, '2026-11-23T20:00', '2026-11-23T22:00', 'BOOKED', 'b5', 1, NULL, 1, 7, 0);
INSERT INTO bookings VALUES ('b5', 'CONFIRMED', NULL, '2026-11-23T20:00', '2026-11-23T22:00', 'E', NULL, 't');
INSERT INTO booking_slots VALUES ('b5', 5, 1, TRUE), ('b5', 6, 1, TRUE);
"""


@pytest.fixture
def database(empty_database_url):
    def holding(sql):
        _execute(empty_database_url, SCHEMA + GOOD + sql)
        return empty_database_url

    return holding


def _execute(url, sql):
    if url.startswith("sqlite"):
        with sqlite3.connect(url.removeprefix("sqlite:///")) as lite:
            lite.executescript(sql)
        lite.close()
        return
    with psycopg.connect("postgresql://" + url.partition("://")[2]) as postgres:
        postgres.execute(sql)


def broken(url):
    with open_database(url) as ask:
        return {finding.invariant for finding in find_broken_invariants(ask) if not finding.holds}


def test_a_sound_database_breaks_nothing(database):
    assert broken(database("")) == set()


PLANTED = [
    (
        "INSERT INTO booking_slots VALUES ('b9', 1, 1, TRUE)",
        {
            "no slot has two live bookings",
            "no two live bookings of a doctor overlap",
            "every live booking is named by its slot",
        },
    ),
    (
        "INSERT INTO slots"
        " VALUES (3, 1, '2026-11-23T09:15', '2026-11-23T09:45', 'BOOKED', 'b9', 1, NULL, 1, NULL, 0);"
        "INSERT INTO booking_slots VALUES ('b9', 3, 1, TRUE)",
        {"no two live bookings of a doctor overlap"},
    ),
    (
        "UPDATE bookings SET ends_at = '2026-11-23T09:40' WHERE id = 'b1'",
        {"no two bookings of a doctor overlap by the times they carry"},
    ),
    (
        "UPDATE slots SET booking_id = 'b9' WHERE id = 2;"
        "UPDATE booking_slots SET live = FALSE WHERE slot_id = 2",
        {"every taken slot names its live booking"},
    ),
    (
        "UPDATE slots SET state = 'OPEN', booking_id = NULL WHERE id = 2",
        {
            "every live booking is named by its slot",
            "every slot of a live booking is in the state of the booking",
        },
    ),
    (
        "INSERT INTO bookings"
        " VALUES ('b9', 'CONFIRMED', 1, '2026-11-24T09:00', '2026-11-24T09:30', 'D', NULL, 't')",
        {"every confirmed booking owns a slot"},
    ),
    (
        "UPDATE slots SET state = 'HELD' WHERE id = 6",
        {"every slot of a live booking is in the state of the booking"},
    ),
    ("UPDATE slots SET showtime_id = 8 WHERE id = 6", {"the seats of a booking are of one showtime"}),
    ("UPDATE slots SET fence = 2 WHERE id = 1", {"no claim carries a fence above its slot's"}),
    ("UPDATE booking_slots SET fence = 3 WHERE booking_id = 'b0'", {"no fence was given twice"}),
    (
        "DROP VIEW booking_counts;"
        "CREATE TABLE booking_counts AS SELECT status, 1 AS amount FROM bookings WHERE status <> 'PENDING'",
        {"the counters say what counting finds"},
    ),
]


@pytest.mark.parametrize(("sql", "found"), PLANTED)
def test_a_forbidden_state_is_found(database, sql, found):
    assert broken(database(sql)) == found


def test_owners_are_told_apart_by_whether_they_confirmed(database):
    with open_database(database("")) as ask:
        owners = live_owners(ask)

    assert (owners["1"].confirmed, owners["1"].holding) == ({"b1"}, set())
    assert (owners["2"].confirmed, owners["2"].holding) == (set(), {"b2"})
