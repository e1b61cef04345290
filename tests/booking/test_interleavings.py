"""Two actions meet in the middle: each has read the old state when the other commits the new one."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Select, select, update

from app.booking import actions
from app.booking.actions import PatientDetails
from app.booking.errors import HoldExpired, WrongState
from app.database import db_now
from app.tables import Booking, Slot
from tests.booking.conftest import Desk, owner_of
from tests.booking.promises import broken_promises
from tests.lineup import line_up


@pytest.fixture
def desk(make_desk: Callable[..., Desk], postgres_url: str) -> Desk:
    return make_desk(postgres_url)


def the_slot(slot_id: int) -> Select[Any]:
    return select(Slot.id).where(Slot.id == slot_id)


def the_booking(booking: dict[str, Any]) -> Select[Any]:
    return select(Booking.id).where(Booking.id == uuid.UUID(booking["id"]))


def doing(desk: Desk, action: Callable[..., Any], booking: dict[str, Any], *more: Any) -> Callable[[], Any]:
    """The owner does this with the booking."""
    arguments = (desk.engine, uuid.UUID(booking["id"]), *more)
    return lambda: action(*arguments, owner_of(booking)).value


def status(desk: Desk, booking: dict[str, Any]) -> str:
    with desk.database.read() as connection:
        query = select(Booking.status).where(Booking.id == uuid.UUID(booking["id"]))
        return str(connection.execute(query).scalar_one())


def test_of_two_confirmations_the_second_hears_that_it_is_confirmed_and_not_that_it_lapsed(
    desk: Desk,
) -> None:
    slot = desk.add_slot()
    held = desk.hold(slot)
    confirm = doing(desk, actions.confirm_booking, held)

    first, second = line_up(desk.database, the_slot(slot), confirm, confirm)

    assert first["status"] == "CONFIRMED"
    assert isinstance(second, WrongState)
    assert second.extras["status_now"] == "CONFIRMED"


def test_a_confirmation_behind_a_release_hears_that_the_booking_was_cancelled(desk: Desk) -> None:
    slot = desk.add_slot()
    held = desk.hold(slot)

    released, confirmed = line_up(
        desk.database,
        the_slot(slot),
        doing(desk, actions.release_hold, held),
        doing(desk, actions.confirm_booking, held),
    )

    assert released["status"] == "CANCELLED"
    assert isinstance(confirmed, WrongState)
    assert confirmed.extras["status_now"] == "CANCELLED"
    assert broken_promises(desk.database) == []


def test_an_extension_behind_a_release_hears_that_the_booking_was_cancelled(desk: Desk) -> None:
    slot = desk.add_slot()
    held = desk.hold(slot)

    released, extended = line_up(
        desk.database,
        the_slot(slot),
        doing(desk, actions.release_hold, held),
        doing(desk, actions.extend_hold, held),
    )

    assert released["status"] == "CANCELLED"
    assert isinstance(extended, WrongState)
    assert desk.slot(slot).state == "OPEN"


def test_a_cancellation_behind_a_confirmation_cancels_what_was_confirmed(desk: Desk) -> None:
    slot = desk.add_slot()
    held = desk.hold(slot)

    confirmed, cancelled = line_up(
        desk.database,
        the_slot(slot),
        doing(desk, actions.confirm_booking, held),
        doing(desk, actions.cancel_booking, held),
    )

    assert confirmed["status"] == "CONFIRMED"
    assert cancelled["status"] == "CANCELLED"
    assert desk.slot(slot).state == "OPEN"
    assert broken_promises(desk.database) == []


def test_a_release_behind_a_confirmation_leaves_the_booking_alone(desk: Desk) -> None:
    slot = desk.add_slot()
    held = desk.hold(slot)

    confirmed, released = line_up(
        desk.database,
        the_slot(slot),
        doing(desk, actions.confirm_booking, held),
        doing(desk, actions.release_hold, held),
    )

    assert confirmed["status"] == "CONFIRMED"
    assert isinstance(released, WrongState)
    assert desk.slot(slot).state == "BOOKED"
    assert broken_promises(desk.database) == []


def test_a_confirmation_that_waited_past_the_deadline_is_refused(desk: Desk) -> None:
    slot = desk.add_slot()
    held = desk.hold(slot)

    def time_passes(tx: Any) -> None:
        tx.execute(update(Slot).where(Slot.id == slot).values(hold_until=db_now()))
        tx.execute(update(Booking).where(Booking.status == "PENDING").values(expires_at=db_now()))

    (confirmed,) = line_up(
        desk.database,
        the_slot(slot),
        doing(desk, actions.confirm_booking, held),
        before_they_go_on=time_passes,
    )

    assert isinstance(confirmed, HoldExpired)
    assert desk.slot(slot).state == "HELD"


def test_a_cancellation_behind_a_move_frees_the_slot_the_booking_moved_to(desk: Desk) -> None:
    old, new = desk.add_slot(24), desk.add_slot(25)
    booking = desk.book(old)

    moved, cancelled = line_up(
        desk.database,
        the_slot(old),
        doing(desk, actions.reschedule_booking, booking, new),
        doing(desk, actions.cancel_booking, booking),
    )

    assert moved["slot_id"] == str(new)
    assert cancelled["status"] == "CANCELLED"
    assert [desk.slot(slot).state for slot in (old, new)] == ["OPEN", "OPEN"]
    assert broken_promises(desk.database) == []


def test_a_move_behind_a_cancellation_takes_no_slot(desk: Desk) -> None:
    old, new = desk.add_slot(24), desk.add_slot(25)
    booking = desk.book(old)

    cancelled, moved = line_up(
        desk.database,
        the_slot(old),
        doing(desk, actions.cancel_booking, booking),
        doing(desk, actions.reschedule_booking, booking, new),
    )

    assert cancelled["status"] == "CANCELLED"
    assert isinstance(moved, WrongState)
    assert [desk.slot(slot).state for slot in (old, new)] == ["OPEN", "OPEN"]
    assert broken_promises(desk.database) == []


def test_of_two_moves_of_one_booking_the_second_starts_where_the_first_ended(desk: Desk) -> None:
    old, first, second = desk.add_slot(24), desk.add_slot(25), desk.add_slot(26)
    booking = desk.book(old)

    outcomes = line_up(
        desk.database,
        the_slot(old),
        doing(desk, actions.reschedule_booking, booking, first),
        doing(desk, actions.reschedule_booking, booking, second),
    )

    assert [moved["slot_id"] for moved in outcomes] == [str(first), str(second)]
    assert outcomes[1]["sequence"] == 2
    assert [desk.slot(slot).state for slot in (old, first, second)] == ["OPEN", "OPEN", "BOOKED"]
    assert broken_promises(desk.database) == []


def test_details_typed_while_the_hold_is_given_back_are_refused_and_not_swallowed(desk: Desk) -> None:
    held = desk.hold(desk.add_slot())
    bo = PatientDetails("Bo Example", "bo@example.org")

    released, described = line_up(
        desk.database,
        the_booking(held),
        doing(desk, actions.release_hold, held),
        doing(desk, actions.describe_hold, held, bo),
    )

    assert released["status"] == "CANCELLED"
    assert isinstance(described, WrongState)
    assert status(desk, held) == "CANCELLED"


def test_a_double_click_on_cancel_cancels_once(desk: Desk) -> None:
    slot = desk.add_slot()
    booking = desk.book(slot)
    cancel = doing(desk, actions.cancel_booking, booking)

    first, second = line_up(desk.database, the_slot(slot), cancel, cancel)

    assert first["status"] == "CANCELLED"
    assert isinstance(second, WrongState)
    assert second.extras["status_now"] == "CANCELLED"
    assert len(desk.enqueued) == 2  # the confirmation and one cancellation
    assert broken_promises(desk.database) == []
