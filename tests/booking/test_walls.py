"""Behind the guards stand constraints: what they refuse is a conflict for the person, not a crash."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, update
from sqlalchemy.exc import IntegrityError

from app.booking import claims, overlap, rules
from app.booking.actions import GUEST, Claim, Interval, book_interval, hold_slot
from app.booking.errors import BookingConflict
from app.booking.glance import Glance
from app.errors import Refusal
from app.tables import Slot
from tests.booking.conftest import ANNA, NO_REDIS, Desk
from tests.booking.test_redis_faults import book_and_cancel
from tests.lineup import is_waiting
from tests.servers import eventually


class TooEarly(Glance):
    """A look that came before whoever took the slots."""

    def refusal(self, _slot_ids: tuple[int, ...]) -> Refusal | None:
        return None

    confirmed_refusal = refusal


@pytest.fixture
def hasty(desk: Desk) -> Desk:
    """A desk that goes to the claim itself, whatever is taken."""
    return replace(desk, engine=replace(desk.engine, glance=TooEarly(desk.database)))


def by_hand(desk: Desk, slot_id: int, **values: object) -> None:
    """As somebody with a database console may do."""
    with desk.database.transaction() as tx:
        tx.execute(update(Slot).where(Slot.id == slot_id).values(**values))


@pytest.mark.parametrize(("take", "reason"), [(Desk.book, "SLOT_TAKEN"), (Desk.hold, "SLOT_HELD")])
def test_a_claim_that_looked_too_early_is_refused_with_the_truth(
    desk: Desk, hasty: Desk, take: Callable[..., Any], reason: str
) -> None:
    slot, next_slot = desk.add_slot(24), desk.add_slot(25)
    take(desk, slot)

    with pytest.raises(BookingConflict) as caught:
        hasty.book(slot)

    assert caught.value.extras["reason"] == reason
    assert [free["id"] for free in caught.value.extras["alternatives"]] == [str(next_slot)]


def test_a_claim_on_several_slots_that_looked_too_early_takes_none(desk: Desk, hasty: Desk) -> None:
    free, taken = desk.add_slot(24), desk.add_slot(25)
    desk.book(taken)

    with pytest.raises(BookingConflict) as caught:
        hold_slot(hasty.engine, Claim((free, taken), ANNA), GUEST)

    assert caught.value.extras["slot_id"] == str(taken)
    assert desk.slot(free).state == "OPEN"


def test_a_claim_that_looked_too_early_takes_over_a_lapsed_hold(desk: Desk, hasty: Desk) -> None:
    slot = desk.add_slot()
    desk.hold(slot)
    desk.lapse(slot)

    assert hasty.book(slot)["status"] == "CONFIRMED"


def test_a_slot_opened_by_hand_under_a_live_booking_is_not_given_twice(desk: Desk) -> None:
    slot = desk.add_slot()
    desk.book(slot)
    by_hand(desk, slot, state="OPEN", booking_id=None)

    with pytest.raises(BookingConflict) as caught:
        desk.book(slot)

    assert caught.value.extras["reason"] == "SLOT_TAKEN"


def test_a_fence_set_back_by_hand_is_not_used_again(
    make_desk: Callable[..., Desk], database_url: str
) -> None:
    desk = make_desk(database_url, redis=NO_REDIS)
    slot = desk.add_slot()
    used = book_and_cancel(desk, slot)
    by_hand(desk, slot, fence=used - 1)

    with pytest.raises(BookingConflict):
        desk.book(slot)

    assert desk.slot(slot).state == "OPEN"


def test_an_interval_makes_room_for_a_slot_that_appears_while_it_is_booked(
    make_desk: Callable[..., Desk], postgres_url: str
) -> None:
    desk = make_desk(postgres_url)
    start = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
    interval = Interval(desk.doctor_id, start, start + timedelta(minutes=45))
    span = {"starts_at": start, "ends_at": start + timedelta(minutes=30)}

    with ThreadPoolExecutor(1) as pool:
        with desk.database.transaction() as tx:
            slot = tx.execute(
                insert(Slot).values(doctor_id=desk.doctor_id, **span).returning(Slot.id)
            ).scalar_one()
            running = pool.submit(book_interval, desk.engine, interval, ANNA, GUEST)
            eventually(lambda: is_waiting(desk.database), 2, "the interval waits")
        booking = running.result().value

    assert booking["status"] == "CONFIRMED"
    assert desk.slot(slot).block_reason == "stepped_aside"


def test_two_bookings_that_draw_the_same_reference_get_two(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = iter(["QX7-4RM", "QX7-4RM", "ACD-EFG"])
    monkeypatch.setattr(rules, "new_reference", lambda: next(drawn))

    references = [desk.book(desk.add_slot(hours))["reference"] for hours in (24, 25)]

    assert references == ["QX7-4RM", "ACD-EFG"]


@pytest.mark.parametrize("explain", [claims._constraints_speak, overlap.overlap_means_look_again])
def test_what_no_wall_of_ours_explains_stays_a_bug(explain: Callable[[], Any]) -> None:
    other = IntegrityError("INSERT", {}, Exception("some_other_rule"))

    with pytest.raises(IntegrityError), explain():
        raise other


def test_a_booking_that_is_not_there_was_not_written(desk: Desk) -> None:
    with desk.database.read() as connection, pytest.raises(AssertionError, match="in this transaction"):
        claims.read_booking(connection, uuid.uuid4())
