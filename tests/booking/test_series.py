"""Appointments that repeat (N24): all or nothing, or what is free with a report; changed in part or whole."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, insert, select, update

from app.booking.actions import (
    GUEST,
    SYSTEM,
    Actor,
    Scope,
    SeriesWish,
    WaitWish,
    book_series,
    cancel_booking,
    cancel_series,
    join_waitlist,
    move_series,
)
from app.booking.errors import SeriesConflict, TooLateToChange, WrongState
from app.booking.recurrence import Frequency, Repeat
from app.booking.series import preview_series, read_series
from app.database import db_now
from app.errors import NotFound, TooManyRequests, ValidationFailed
from app.idempotency import RequestKey
from app.tables import AuditEntry, Booking, ClinicRule, Notice, Series, User, WaitlistEntry
from tests.booking.conftest import ANNA, Desk, owner_of

BERLIN = ZoneInfo("Europe/Berlin")
HALF_AN_HOUR = timedelta(minutes=30)
WEEKLY = Repeat(Frequency.WEEKLY, 1, count=4)
STAFF = Actor("user:desk", is_staff=True)


def weekly_slots(desk: Desk, weeks: int = 4, hour: int = 9, first_week: int = 1) -> list[int]:
    """One free time a week, at the same hour of the clinic's clocks."""
    day = datetime.now(BERLIN).date() + timedelta(weeks=first_week)
    first = datetime(day.year, day.month, day.day, hour, tzinfo=BERLIN)
    starts = [(first + timedelta(weeks=week)).astimezone(UTC) for week in range(weeks)]
    return [desk.add_slot_between(start, start + HALF_AN_HOUR) for start in starts]


def book(
    desk: Desk, slot_id: int, repeat: Repeat = WEEKLY, *, free: bool = False, actor: Actor = STAFF
) -> dict[str, Any]:
    wish = SeriesWish(repeat, slot_id=slot_id, patient=ANNA, takes_what_is_free=free)
    return book_series(desk.engine, wish, actor).value


def id_of(booking: dict[str, Any]) -> uuid.UUID:
    return uuid.UUID(booking["id"])


def states(desk: Desk, slots: list[int]) -> list[str]:
    return [str(desk.slot(slot).state) for slot in slots]


def count(desk: Desk, table: Any) -> int:
    with desk.database.read() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def test_all_times_are_booked_each_as_a_booking_of_its_own(desk: Desk) -> None:
    slots = weekly_slots(desk)

    series = book(desk, slots[0])

    assert states(desk, slots) == ["BOOKED"] * 4
    assert [int(each["slot_id"]) for each in series["bookings"]] == slots
    assert len({each["reference"] for each in series["bookings"]}) == 4
    assert {each["series_id"] for each in series["bookings"]} == {series["id"]}
    assert (series["rule"], series["refused"]) == ("FREQ=WEEKLY;INTERVAL=1;COUNT=4", [])


def test_one_notice_tells_of_all_and_the_audit_has_each(desk: Desk) -> None:
    series = book(desk, weekly_slots(desk)[0])

    ids = [each["id"] for each in series["bookings"]]
    with desk.database.read() as connection:
        notices = connection.execute(select(Notice.kind, Notice.about)).all()
        actions = connection.execute(select(AuditEntry.action)).scalars().all()
    assert [(each.kind, each.about) for each in notices] == [("series", ids)]
    assert sorted(actions) == ["book"] * 4 + ["series"]
    assert len(desk.enqueued) == 1


def test_one_taken_time_and_nothing_is_booked(desk: Desk) -> None:
    slots = weekly_slots(desk)
    wanted = desk.slot(slots[2])
    spare = desk.add_slot_between(wanted.ends_at, wanted.ends_at + HALF_AN_HOUR)
    desk.book(slots[2])

    with pytest.raises(SeriesConflict) as refused:
        book(desk, slots[0])

    told = refused.value.extras["refused"]
    assert [(each["reason"], int(each["slot_id"])) for each in told] == [("SLOT_TAKEN", slots[2])]
    assert spare in [int(each["id"]) for each in told[0]["alternatives"]]
    assert states(desk, slots) == ["OPEN", "OPEN", "BOOKED", "OPEN"]
    assert (count(desk, Series), count(desk, Booking)) == (0, 1)


def test_by_choice_what_is_free_is_booked_and_the_rest_is_reported(desk: Desk) -> None:
    slots = weekly_slots(desk, weeks=3)
    desk.book(slots[1])

    series = book(desk, slots[0], free=True)

    assert [int(each["slot_id"]) for each in series["bookings"]] == [slots[0], slots[2]]
    assert [each["reason"] for each in series["refused"]] == ["SLOT_TAKEN", "SLOT_BLOCKED"]
    assert series["refused"][1]["slot_id"] is None, "nobody offers the fourth week"


def test_when_nothing_is_free_there_is_no_series(desk: Desk) -> None:
    slots = weekly_slots(desk, weeks=1)
    desk.book(slots[0])

    with pytest.raises(SeriesConflict):
        book(desk, slots[0], free=True)

    assert count(desk, Series) == 0


def test_a_booking_is_repeated_and_becomes_the_first_of_its_series(desk: Desk) -> None:
    slots = weekly_slots(desk)
    booking = desk.book(slots[0])
    wish = SeriesWish(WEEKLY, booking_id=id_of(booking))

    with desk.database.read() as connection:
        preview = preview_series(connection, wish, owner_of(booking))
    series = book_series(desk.engine, wish, owner_of(booking)).value

    found = [(int(each["slot_id"]), each["is_free"]) for each in preview]
    assert found == [(each, True) for each in slots[1:]]
    assert [each["patient_email"] for each in series["bookings"]] == [ANNA.email] * 4
    assert series["bookings"][0]["id"] == booking["id"]
    with pytest.raises(WrongState):
        book_series(desk.engine, wish, owner_of(booking))
    with pytest.raises(NotFound):
        book_series(desk.engine, wish, GUEST)


def test_the_same_key_books_one_series(desk: Desk) -> None:
    slots = weekly_slots(desk)
    key = RequestKey.of("scope", "key", {})
    wish = SeriesWish(WEEKLY, slot_id=slots[0], patient=ANNA)

    first, second = (book_series(desk.engine, wish, STAFF, key) for _ in range(2))

    assert (first.value, second.replayed) == (second.value, True)
    assert count(desk, Series) == 1


def test_a_patient_repeats_within_what_an_account_may_book(desk: Desk) -> None:
    slots = weekly_slots(desk, weeks=11)
    patient = Actor("guest", origin="somewhere")

    with pytest.raises(ValidationFailed, match="count"):
        book(desk, slots[0], Repeat(Frequency.WEEKLY, count=11), actor=patient)

    assert len(book(desk, slots[0], Repeat(Frequency.WEEKLY, count=10), actor=patient)["bookings"]) == 10


def test_a_series_counts_against_the_allowance(desk: Desk) -> None:
    slots, later = weekly_slots(desk, weeks=8), weekly_slots(desk, weeks=3, hour=15)
    ann = {"email": "ann@example.org", "name": "Ann", "password_hash": "x", "role": "patient"}
    with desk.database.transaction() as tx:
        user_id = tx.execute(insert(User).values(ann).returning(User.id)).scalar_one()
    owner = Actor(f"user:{user_id}", user_id, origin="somewhere")
    book(desk, slots[0], Repeat(Frequency.WEEKLY, count=8), actor=owner)

    with pytest.raises(TooManyRequests):
        book(desk, later[0], Repeat(Frequency.WEEKLY, count=3), actor=owner)

    assert states(desk, later) == ["OPEN"] * 3


def test_racing_series_never_share_a_time_and_the_losers_have_nothing(
    make_desk: Callable[..., Desk], database_url: str
) -> None:
    desk = make_desk(database_url)
    slots = weekly_slots(desk, weeks=7)
    # They share the fourth time: 1 to 4 against 4 to 7, asked for three times each at one moment.
    rivals = [make_desk(database_url, node_id=f"node-{n}", doctor_id=desk.doctor_id) for n in range(6)]
    barrier = threading.Barrier(len(rivals))
    outcomes: list[str | None] = []

    def ask(rival: Desk, slot_id: int) -> None:
        barrier.wait()
        try:
            outcomes.append(book(rival, slot_id)["id"])
        except SeriesConflict:
            outcomes.append(None)

    threads = [
        threading.Thread(target=ask, args=(rival, slots[0] if number % 2 else slots[3]))
        for number, rival in enumerate(rivals)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    won = [each for each in outcomes if each]
    assert (len(outcomes), len(won), count(desk, Series)) == (6, 1, 1)
    assert sorted(states(desk, slots)) == ["BOOKED"] * 4 + ["OPEN"] * 3
    assert count(desk, Booking) == 4


def test_cancelling_the_following_leaves_those_before(desk: Desk) -> None:
    slots = weekly_slots(desk)
    second = book(desk, slots[0])["bookings"][1]

    done = cancel_series(desk.engine, id_of(second), Scope.FOLLOWING, owner_of(second), "moving away").value

    assert states(desk, slots) == ["BOOKED", "OPEN", "OPEN", "OPEN"]
    assert len(done["changed"]) == 3
    with desk.database.read() as connection:
        about = select(Notice.about).where(Notice.kind == "series_cancelled")
        assert connection.execute(about).scalar_one() == done["changed"]
    with pytest.raises(WrongState):
        cancel_series(desk.engine, id_of(second), Scope.FOLLOWING, owner_of(second))


def test_cancelling_all_keeps_what_the_deadline_protects(desk: Desk) -> None:
    with desk.database.transaction() as tx:
        tx.execute(insert(ClinicRule).values(name="change_until_hours", value=8 * 24))
    first = book(desk, weekly_slots(desk)[0])["bookings"][0]

    done = cancel_series(desk.engine, id_of(first), Scope.ALL, owner_of(first)).value

    assert (done["kept"], len(done["changed"])) == (1, 3)
    with pytest.raises(TooLateToChange):
        cancel_series(desk.engine, id_of(first), Scope.ALL, owner_of(first))


def test_what_a_series_frees_is_offered_to_who_waits(desk: Desk) -> None:
    slots = weekly_slots(desk)
    first = book(desk, slots[0])["bookings"][0]
    third = desk.slot(slots[2])
    join_waitlist(desk.engine, WaitWish(desk.doctor_id, third.starts_at, third.ends_at, ANNA), GUEST)

    cancel_series(desk.engine, id_of(first), Scope.ALL, SYSTEM)

    assert states(desk, slots) == ["OPEN", "OPEN", "HELD", "OPEN"]
    with desk.database.read() as connection:
        assert connection.execute(select(WaitlistEntry.status)).scalar_one() == "OFFERED"


def test_moving_the_following_moves_each_by_the_same_wall_clock(desk: Desk) -> None:
    slots, later = weekly_slots(desk), weekly_slots(desk, hour=15)
    second = book(desk, slots[0])["bookings"][1]

    done = move_series(desk.engine, id_of(second), later[1], Scope.FOLLOWING, owner_of(second)).value

    assert states(desk, slots) == ["BOOKED", "OPEN", "OPEN", "OPEN"]
    assert states(desk, later) == ["OPEN", "BOOKED", "BOOKED", "BOOKED"]
    assert [each["sequence"] for each in done["bookings"]] == [0, 1, 1, 1]
    assert done["bookings"][1]["reference"] == second["reference"]


@pytest.mark.parametrize("weeks", [1, -1])
def test_a_series_moves_into_its_own_times(desk: Desk, weeks: int) -> None:
    slots = weekly_slots(desk, weeks=6, first_week=2)
    first = book(desk, slots[1])["bookings"][0]

    move_series(desk.engine, id_of(first), slots[1 + weeks], Scope.ALL, owner_of(first))

    assert states(desk, slots[1 + weeks : 5 + weeks]) == ["BOOKED"] * 4
    assert sorted(states(desk, slots)) == ["BOOKED"] * 4 + ["OPEN"] * 2


def test_one_new_time_that_is_taken_and_nothing_moves(desk: Desk) -> None:
    slots, later = weekly_slots(desk), weekly_slots(desk, hour=15)
    first = book(desk, slots[0])["bookings"][0]
    desk.book(later[3])

    with pytest.raises(SeriesConflict, match="1 of 4 times is not free"):
        move_series(desk.engine, id_of(first), later[0], Scope.ALL, owner_of(first))

    assert states(desk, slots) == ["BOOKED"] * 4
    assert states(desk, later) == ["OPEN"] * 3 + ["BOOKED"]


def test_one_time_is_changed_alone(desk: Desk) -> None:
    slots, later = weekly_slots(desk), weekly_slots(desk, hour=15)
    bookings = book(desk, slots[0])["bookings"]

    move_series(desk.engine, id_of(bookings[1]), later[1], Scope.ONE, SYSTEM)
    cancel_series(desk.engine, id_of(bookings[2]), Scope.ONE, SYSTEM)

    assert states(desk, slots) == ["BOOKED", "OPEN", "OPEN", "BOOKED"]
    assert states(desk, later) == ["OPEN", "BOOKED", "OPEN", "OPEN"]


def test_what_is_over_or_cancelled_is_never_changed(desk: Desk) -> None:
    slots = weekly_slots(desk)
    bookings = book(desk, slots[0])["bookings"]
    cancel_booking(desk.engine, id_of(bookings[3]), SYSTEM)
    with desk.database.transaction() as tx:
        past = update(Booking).where(Booking.id == id_of(bookings[0]))
        tx.execute(past.values(starts_at=db_now(-7200), ends_at=db_now(-3600)))

    done = cancel_series(desk.engine, id_of(bookings[1]), Scope.ALL, SYSTEM).value

    assert done["changed"] == [bookings[1]["id"], bookings[2]["id"]]
    assert states(desk, slots) == ["BOOKED", "OPEN", "OPEN", "OPEN"]


def test_a_stranger_learns_nothing_of_a_series(desk: Desk) -> None:
    series = book(desk, weekly_slots(desk)[0])
    first, stranger = series["bookings"][0], Actor("guest", token_for=uuid.uuid4())

    with desk.database.read() as connection:
        assert len(read_series(connection, id_of(first), owner_of(first))["bookings"]) == 4
        with pytest.raises(NotFound):
            read_series(connection, id_of(first), stranger)
    with pytest.raises(NotFound):
        cancel_series(desk.engine, id_of(first), Scope.ALL, stranger)
    with pytest.raises(NotFound):
        move_series(desk.engine, id_of(first), 1, Scope.ALL, stranger)
