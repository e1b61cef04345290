"""Each guard of the statements alone, without locks or actions in front of it."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from app.booking import statements
from app.database import db_now
from app.tables import Slot
from tests.booking.conftest import Desk


def take(
    desk: Desk, slot_id: int, fences: dict[int, int] | None = None, seconds: float | None = 120
) -> list[Any]:
    with desk.database.transaction() as tx:
        return statements.take_slots(tx, [slot_id], uuid.uuid4(), fences, seconds)


def confirm(desk: Desk, slot_id: int, booking_id: uuid.UUID, fence: int) -> list[Any]:
    with desk.database.transaction() as tx:
        return statements.book_held_slots(tx, booking_id, {slot_id: fence})


def set_slot(desk: Desk, slot_id: int, **values: Any) -> None:
    with desk.database.transaction() as tx:
        tx.execute(update(Slot).where(Slot.id == slot_id).values(**values))


def test_a_booked_slot_cannot_be_taken(desk: Desk) -> None:
    slot = desk.add_slot()
    desk.book(slot)

    assert take(desk, slot) == []


def test_a_held_slot_cannot_be_taken_before_its_deadline(desk: Desk) -> None:
    slot = desk.add_slot()
    desk.hold(slot)

    assert take(desk, slot) == []


def test_a_held_slot_can_be_taken_at_its_deadline(desk: Desk) -> None:
    slot = desk.add_slot()
    desk.hold(slot)
    set_slot(desk, slot, hold_until=db_now())

    assert [row.id for row in take(desk, slot)] == [slot]


def test_a_blocked_slot_cannot_be_taken(desk: Desk) -> None:
    slot = desk.add_slot()
    set_slot(desk, slot, state="BLOCKED", block_reason="closed")

    assert take(desk, slot) == []


def test_a_slot_that_has_begun_cannot_be_taken(desk: Desk) -> None:
    slot = desk.add_slot()
    set_slot(desk, slot, starts_at=db_now())

    assert take(desk, slot) == []


@pytest.mark.parametrize("brought", [1, 5])
def test_an_open_slot_refuses_a_fence_that_is_not_higher_than_its_own(desk: Desk, brought: int) -> None:
    slot = desk.add_slot()
    set_slot(desk, slot, fence=5)

    assert take(desk, slot, {slot: brought}) == []


def test_a_lapsed_hold_refuses_a_fence_that_is_not_higher_than_its_own(desk: Desk) -> None:
    slot = desk.add_slot()
    held = desk.hold(slot)
    desk.lapse(slot)

    assert take(desk, slot, {slot: held["fence"]}) == []


def test_a_higher_fence_becomes_the_slots_own(desk: Desk) -> None:
    slot = desk.add_slot()
    set_slot(desk, slot, fence=5)

    (row,) = take(desk, slot, {slot: 9})

    assert row.fence == 9


def test_without_a_lock_the_slots_own_fence_is_raised(desk: Desk) -> None:
    slot = desk.add_slot()
    set_slot(desk, slot, fence=5)

    (row,) = take(desk, slot)

    assert row.fence == 6


def test_a_hold_is_confirmed_only_by_its_owner_and_under_its_fence(desk: Desk) -> None:
    slot = desk.add_slot()
    held = desk.hold(slot)
    owner, fence = uuid.UUID(held["id"]), held["fence"]

    refused = [confirm(desk, slot, uuid.uuid4(), fence), confirm(desk, slot, owner, fence - 1)]
    accepted = confirm(desk, slot, owner, fence)

    assert refused == [[], []]
    assert [row.state for row in accepted] == ["BOOKED"]


def test_a_hold_is_not_confirmed_at_its_deadline(desk: Desk) -> None:
    slot = desk.add_slot()
    held = desk.hold(slot)
    set_slot(desk, slot, hold_until=db_now())

    assert confirm(desk, slot, uuid.UUID(held["id"]), held["fence"]) == []


def test_a_transaction_that_began_before_the_deadline_sees_that_it_has_passed(
    make_desk: Callable[..., Desk], postgres_url: str
) -> None:
    """now() is the start of the transaction: one that waited for a lock would take the hold for live."""
    desk = make_desk(postgres_url)
    slot = desk.add_slot()
    desk.hold(slot)

    with desk.database.transaction() as early:
        early.execute(select(func.now()))
        set_slot(desk, slot, hold_until=db_now())
        taken = statements.take_slots(early, [slot], uuid.uuid4(), None, 120)
        began = early.execute(select(func.now())).scalar_one()

    assert [row.id for row in taken] == [slot]
    assert taken[0].hold_until > began + timedelta(seconds=120)


def test_only_lapsed_claims_are_ended(desk: Desk) -> None:
    """A live claim must stay, or the unique index behind the guard could not refuse a second one."""
    booked, held, lapsed = (desk.add_slot(hours) for hours in (24, 25, 26))
    desk.book(booked)
    desk.hold(held)
    sleeper = desk.hold(lapsed)
    desk.lapse(lapsed)

    with desk.database.transaction() as tx:
        ended = statements.expire_lapsed_claims(tx, [booked, held, lapsed])

    assert ended == {lapsed: uuid.UUID(sleeper["id"])}


def test_only_the_owner_gives_a_slot_back(desk: Desk) -> None:
    slot = desk.add_slot()
    booking = desk.book(slot)

    with desk.database.transaction() as tx:
        by_stranger = statements.free_slots(tx, [slot], uuid.uuid4())
        by_sweep = statements.free_slots(tx, [slot], None)
        by_owner = statements.free_slots(tx, [slot], uuid.UUID(booking["id"]))

    assert (by_stranger, by_sweep) == ([], [])
    assert [row.state for row in by_owner] == ["OPEN"]


def test_every_change_of_a_slot_raises_its_version(desk: Desk) -> None:
    slot = desk.add_slot()
    versions = [desk.slot(slot).version]

    booking = desk.hold(slot)
    versions.append(desk.slot(slot).version)
    with desk.database.transaction() as tx:
        statements.free_slots(tx, [slot], uuid.UUID(booking["id"]))
    versions.append(desk.slot(slot).version)

    assert versions == [1, 2, 3]
