"""Bookings are counted as they change: exact at every moment, and nobody waits for a counter (P6).

That every action keeps the counters is among the promises that all tests of bookings ask for."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Connection, event, insert, select, update

from app.booking import counters
from app.booking.actions import GUEST, cancel_booking, expire_due_holds
from app.booking.batch_claims import Wish, book_together
from app.booking.counters import count_everything, fold_counts
from app.booking.reading import BookingFilter, _count, count_bookings
from app.booking.rules import Actor
from app.booking.wall import read_for
from app.coordination.leadership import Deposed, Term
from app.migrate import alembic_config, migrate
from app.tables import Booking, BookingCount, User
from tests.booking.conftest import ANNA, Desk, a_doctor, owner_of
from tests.booking.promises import broken_promises
from tests.keys import KEYRING
from tests.together import together

BEFORE_COUNTERS = "0073_saved_views"


@pytest.fixture
def fold_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counters, "FOLDED_FROM", 3)
    monkeypatch.setattr(counters, "FOLDED_AT_ONCE", 7)


def both_counts(desk: Desk) -> list[dict[str, int]]:
    """As kept and as counted, of one moment."""
    with desk.database.snapshot() as connection:
        return [dict(count_everything(connection)), _count(connection, BookingFilter())]


def kept(desk: Desk) -> list[tuple[str, int]]:
    with desk.database.read() as connection:
        query = select(BookingCount.status, BookingCount.amount).order_by(BookingCount.id)
        return [(row.status, row.amount) for row in connection.execute(query)]


def cancel(desk: Desk, booking: dict[str, Any]) -> object:
    return cancel_booking(desk.engine, uuid.UUID(booking["id"]), owner_of(booking))


def test_a_hold_counts_as_expired_from_its_deadline_on_whoever_notices(desk: Desk) -> None:
    slot = desk.add_slot()
    desk.hold(slot)
    held = both_counts(desk)
    desk.lapse(slot)
    lapsed = both_counts(desk)
    expire_due_holds(desk.engine)

    assert held == [{"PENDING": 1}] * 2
    assert lapsed == both_counts(desk) == [{"EXPIRED": 1}] * 2
    assert broken_promises(desk.database) == []


def test_what_is_undone_was_never_counted(desk: Desk) -> None:
    desk.book(desk.add_slot())

    with desk.database.transaction() as tx:
        tx.execute(update(Booking).values(status="COMPLETED"))
        meanwhile = count_everything(tx)
        tx.rollback()

    assert meanwhile == {"COMPLETED": 1}
    assert both_counts(desk) == [{"CONFIRMED": 1}] * 2


def test_a_change_that_leaves_the_status_adds_nothing(desk: Desk) -> None:
    desk.book(desk.add_slot())

    with desk.database.transaction() as tx:
        tx.execute(update(Booking).values(reason="a cough", status=Booking.status))

    assert kept(desk) == [("CONFIRMED", 1)]


def test_a_batch_adds_one_row(make_desk: Callable[..., Desk], postgres_url: str) -> None:
    desk = make_desk(postgres_url)
    stamp = desk.engine.stamper.stamp
    wishes = [Wish(desk.add_slot(24 + n), ANNA, GUEST, None, stamp()) for n in range(5)]

    book_together(desk.engine, wishes)

    assert kept(desk) == [("CONFIRMED", 5)]


def test_a_row_that_is_erased_past_the_product_is_counted_out(desk: Desk) -> None:
    desk.book(desk.add_slot())

    with desk.database.transaction() as tx:
        for table in ("notices", "booking_slots", "bookings"):
            tx.exec_driver_sql(f"DELETE FROM {table}")

    assert both_counts(desk) == [{}, {}]


@pytest.mark.usefixtures("fold_often")
def test_folding_keeps_every_sum(desk: Desk) -> None:
    bookings = [desk.book(desk.add_slot(24 + n)) for n in range(6)]
    for booking in bookings[:4]:
        cancel(desk, booking)
    before = both_counts(desk)

    rows = len(kept(desk))
    folded = fold_counts(desk.database)

    assert len(kept(desk)) == rows - folded <= 3
    assert both_counts(desk) == before == [{"CANCELLED": 4, "CONFIRMED": 2}] * 2
    assert fold_counts(desk.database) == 0


@pytest.mark.usefixtures("fold_often")
def test_a_leader_that_dies_while_folding_loses_nothing(desk: Desk) -> None:
    for number in range(4):
        desk.book(desk.add_slot(24 + number))

    def die(_connection, _cursor, statement, *_more: object) -> None:
        if statement.startswith("INSERT INTO booking_counts"):
            raise ZeroDivisionError

    event.listen(desk.database.engine, "before_cursor_execute", die)
    with pytest.raises(ZeroDivisionError):
        fold_counts(desk.database)
    event.remove(desk.database.engine, "before_cursor_execute", die)

    assert kept(desk) == [("CONFIRMED", 1)] * 4


@pytest.mark.usefixtures("fold_often")
def test_a_leader_whose_term_has_ended_folds_nothing(desk: Desk) -> None:
    for number in range(4):
        desk.book(desk.add_slot(24 + number))

    with pytest.raises(Deposed):
        fold_counts(desk.database, Term("node-1", 1, deadline=5.0))

    assert kept(desk) == [("CONFIRMED", 1)] * 4


def test_bookings_and_another_fold_go_on_while_one_folds(
    make_desk: Callable[..., Desk], postgres_url: str
) -> None:
    """SQLite has one writer at a time."""
    desk = make_desk(postgres_url)
    first = desk.book(desk.add_slot(24))

    with desk.database.transaction() as folding:
        counters._fold(folding, None)
        desk.book(desk.add_slot(25))
        cancel(desk, first)
        assert both_counts(desk) == [{"CONFIRMED": 1, "CANCELLED": 1}] * 2

    assert both_counts(desk) == [{"CONFIRMED": 1, "CANCELLED": 1}] * 2


@pytest.mark.usefixtures("fold_often")
def test_the_counters_equal_the_count_while_people_book_and_cancel_and_two_leaders_fold(desk: Desk) -> None:
    slots = [desk.add_slot(24 + number) for number in range(12)]
    looks: list[list[dict[str, int]]] = []

    def come_and_go(mine: list[int]) -> None:
        for slot in mine:
            cancel(desk, desk.book(slot))
            desk.hold(slot)

    def fold() -> None:
        for _ in range(6):
            fold_counts(desk.database)
            looks.append(both_counts(desk))

    ended = together([lambda n=n: come_and_go(slots[n::4]) for n in range(4)] + [fold, fold])
    fold_counts(desk.database)

    assert ended == [None] * 6
    assert [look for look in looks if look[0] != look[1]] == []
    assert both_counts(desk) == [{"PENDING": 12, "CANCELLED": 12}] * 2
    assert len(kept(desk)) <= 3
    assert broken_promises(desk.database) == []


def test_whoever_sees_only_some_bookings_counts_only_those(desk: Desk) -> None:
    other = a_doctor(desk.database)
    with desk.database.transaction() as tx:
        values = {"email": "p@example.org", "name": "P", "password_hash": "-"}
        user_id = tx.execute(insert(User).values(values).returning(User.id)).scalar_one()
    desk.book(desk.add_slot())
    desk.book(desk.add_slot(doctor_id=other))
    staff = Actor("user:s", uuid.uuid4(), is_staff=True, doctors=frozenset({other}))

    def total(reader: Actor, narrow: BookingFilter) -> int:
        with read_for(desk.database, reader) as connection:
            return int(count_bookings(connection, narrow)["total"])

    boss = Actor("user:b", uuid.uuid4(), is_staff=True)
    patient = Actor(f"user:{user_id}", user_id)
    assert total(boss, BookingFilter(seen_by=boss)) == 2
    assert total(staff, BookingFilter(seen_by=staff)) == 1
    assert total(patient, BookingFilter(user_id=user_id)) == 0


def past_booking(doctor_id: int, number: int) -> dict[str, Any]:
    begin = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(hours=number)
    who = {"patient_name": "Anna", "reference": f"R{number}", "processed_by": "node-1"}
    return {"doctor_id": doctor_id, "status": "COMPLETED", "starts_at": begin, "ends_at": begin, **who}


def plan_of(connection: Connection, read: Callable[[Connection], object]) -> str:
    asked: list[tuple[str, Any]] = []

    def note(_connection, _cursor, statement, parameters, *_more: object) -> None:
        asked.append((statement, parameters))

    event.listen(connection, "before_cursor_execute", note)
    read(connection)
    event.remove(connection, "before_cursor_execute", note)
    explain = "EXPLAIN QUERY PLAN " if connection.dialect.name == "sqlite" else "EXPLAIN "
    ((statement, parameters),) = asked
    return "\n".join(str(row) for row in connection.exec_driver_sql(explain + statement, parameters))


def test_however_many_bookings_there_are_none_is_read_but_lapsed_holds(desk: Desk) -> None:
    with desk.database.transaction() as tx:
        tx.execute(insert(Booking), [past_booking(desk.doctor_id, number) for number in range(1000)])
        tx.exec_driver_sql("ANALYZE bookings")

    with desk.database.snapshot() as connection:
        plan = plan_of(connection, count_everything)

    assert "ix_bookings_lapsing" in plan
    assert "Seq Scan on bookings" not in plan
    assert "SCAN bookings" not in plan
    assert "Bitmap" not in plan  # what PostgreSQL does when it expects many


def test_what_was_there_before_the_counters_is_counted(desk: Desk, database_url: str) -> None:
    desk.book(desk.add_slot(24))
    cancel(desk, desk.book(desk.add_slot(25)))
    command.downgrade(alembic_config(database_url, KEYRING), BEFORE_COUNTERS)

    migrate(database_url, keyring=KEYRING)

    assert both_counts(desk) == [{"CONFIRMED": 1, "CANCELLED": 1}] * 2
    desk.book(desk.add_slot(26))
    assert both_counts(desk) == [{"CONFIRMED": 2, "CANCELLED": 1}] * 2
