"""Success against conflict (N11, N15): counted exactly, by the hour, apart from any booking."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

from app.booking.tally import Attempts, build_tally, count_refusals, read_attempts
from app.clock import ManualClock
from tests.booking.conftest import Desk
from tests.servers import eventually

NOON = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)


def read(desk: Desk, begin: datetime, end: datetime) -> Attempts:
    with desk.database.read() as connection:
        return read_attempts(connection, begin, end)


def test_each_hour_keeps_its_own_numbers(desk: Desk) -> None:
    for reasons, now in ((["SLOT_TAKEN", "SLOT_HELD", "SLOT_TAKEN"], NOON), (["SLOT_TAKEN"], NOON + HOUR)):
        desk.database.run(lambda tx, reasons=reasons, now=now: count_refusals(tx, reasons, now))

    this_hour = read(desk, NOON.replace(minute=0), NOON.replace(minute=0) + HOUR)
    both = read(desk, NOON.replace(minute=0), NOON.replace(minute=0) + 2 * HOUR)

    assert this_hour.refused == {"SLOT_TAKEN": 2, "SLOT_HELD": 1}
    assert both.refused == {"SLOT_TAKEN": 3, "SLOT_HELD": 1}


def test_what_many_report_at_once_is_all_counted(desk: Desk) -> None:
    tallies = [build_tally(desk.database, ManualClock(NOON)) for _ in range(3)]
    threads = [
        threading.Thread(target=lambda tally=tally: [tally.put("SLOT_TAKEN") for _ in range(100)])
        for tally in tallies
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    eventually(lambda: read(desk, NOON - HOUR, NOON).refused == {"SLOT_TAKEN": 300}, what="the count")


def test_what_was_booked_stands_against_it(desk: Desk) -> None:
    desk.book(desk.add_slot())
    desk.hold(desk.add_slot(30))
    now = datetime.now(UTC)
    desk.database.run(lambda tx: count_refusals(tx, ["SLOT_TAKEN"] * 3, now))

    found = read(desk, now - HOUR, now + HOUR)

    assert (found.booked, found.conflicts, found.success_percent) == (1, 3, 25.0)
    assert Attempts(0, {}).success_percent is None
