"""The sweep makes lapsed holds visible; whoever comes first, nobody loses a slot and none is given twice."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select, update

from app.booking import actions, expiry
from app.booking.actions import expire_due_holds
from app.booking.errors import BookingConflict, HoldExpired
from app.coordination.leadership import ROLE, Deposed, Term
from app.database import db_now
from app.tables import AuditEntry, Booking, LeaderState, OutboxEntry, Slot
from tests.booking.conftest import Desk, owner_of
from tests.booking.promises import broken_promises
from tests.together import together


def lapsed_holds(desk: Desk, count: int) -> list[int]:
    slots = [desk.add_slot(24 + number) for number in range(count)]
    for slot in slots:
        desk.hold(slot)
        desk.lapse(slot)
    return slots


def states(desk: Desk, slots: list[int]) -> list[str]:
    return [str(desk.slot(slot).state) for slot in slots]


def lead(desk: Desk, epoch: int) -> Term:
    """The term of the current leader."""
    with desk.database.transaction() as tx:
        values = {"role": ROLE, "epoch": epoch, "node": "node-1", "lease_until": db_now(6)}
        tx.execute(LeaderState.__table__.insert().values(values))
    return Term("node-1", epoch, deadline=5.0)


def status(desk: Desk, booking: dict[str, Any]) -> str:
    with desk.database.read() as connection:
        query = select(Booking.status).where(Booking.id == uuid.UUID(booking["id"]))
        return str(connection.execute(query).scalar_one())


def test_the_sweep_frees_lapsed_holds_and_nothing_else(desk: Desk) -> None:
    (lapsed,) = lapsed_holds(desk, 1)
    held, booked = desk.add_slot(48), desk.add_slot(49)
    desk.hold(held)
    desk.book(booked)

    freed = expire_due_holds(desk.engine)

    assert freed == 1
    assert states(desk, [lapsed, held, booked]) == ["OPEN", "HELD", "BOOKED"]
    assert broken_promises(desk.database) == []


def test_a_swept_booking_is_expired_and_the_change_is_told_and_audited(desk: Desk) -> None:
    slot = desk.add_slot()
    sleeper = desk.hold(slot)
    desk.lapse(slot)
    desk.published.clear()

    expire_due_holds(desk.engine)

    with desk.database.read() as connection:
        audit = connection.execute(
            select(AuditEntry.actor, AuditEntry.detail).where(AuditEntry.action == "expire")
        ).all()
    assert status(desk, sleeper) == "EXPIRED"
    assert [(change["id"], change["state"]) for change in desk.published] == [(str(slot), "OPEN")]
    assert [tuple(row) for row in audit] == [("system", {"noticed_by": "sweep"})]


def test_a_sweep_with_nothing_to_do_writes_nothing(desk: Desk) -> None:
    desk.hold(desk.add_slot())
    with desk.database.read() as connection:
        before = connection.execute(select(func.count()).select_from(OutboxEntry)).scalar_one()

    freed = expire_due_holds(desk.engine)

    with desk.database.read() as connection:
        after = connection.execute(select(func.count()).select_from(OutboxEntry)).scalar_one()
    assert freed == 0
    assert after == before


def test_a_long_backlog_is_freed_batch_by_batch(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    slots = lapsed_holds(desk, 7)
    monkeypatch.setattr(expiry, "AT_ONCE", 3)

    freed = expire_due_holds(desk.engine)

    assert freed == 7
    assert set(states(desk, slots)) == {"OPEN"}
    assert broken_promises(desk.database) == []


def test_a_slot_somebody_is_taking_over_is_left_to_them(
    make_desk: Callable[..., Desk], postgres_url: str
) -> None:
    desk = make_desk(postgres_url)
    slots = lapsed_holds(desk, 3)
    with desk.database.transaction() as tx:
        tx.execute(select(Slot.id).where(Slot.id == slots[1]).with_for_update())

        freed = expire_due_holds(desk.engine)

    assert freed == 2
    assert states(desk, slots) == ["OPEN", "HELD", "OPEN"]


def test_the_leader_may_sweep(desk: Desk) -> None:
    slots = lapsed_holds(desk, 2)

    freed = expire_due_holds(desk.engine, lead(desk, epoch=4))

    assert freed == 2
    assert states(desk, slots) == ["OPEN", "OPEN"]


def test_a_deposed_leader_that_wakes_late_sweeps_nothing(desk: Desk) -> None:
    slots = lapsed_holds(desk, 2)
    old = lead(desk, epoch=4)
    with desk.database.transaction() as tx:
        tx.execute(update(LeaderState).values(epoch=5, node="node-2"))

    with pytest.raises(Deposed):
        expire_due_holds(desk.engine, old)

    assert states(desk, slots) == ["HELD", "HELD"]


def test_sweeps_at_once_free_each_hold_once(make_desk: Callable[..., Desk], database_url: str) -> None:
    first = make_desk(database_url)
    slots = lapsed_holds(first, 9)
    second = make_desk(database_url, node_id="node-2", doctor_id=first.doctor_id)

    freed = together([lambda desk=desk: expire_due_holds(desk.engine) for desk in (first, second)])

    assert sum(freed) == 9
    assert set(states(first, slots)) == {"OPEN"}
    assert broken_promises(first.database) == []


def test_a_claim_that_meets_the_sweep_is_not_refused(
    make_desk: Callable[..., Desk], database_url: str
) -> None:
    first = make_desk(database_url)
    second = make_desk(database_url, node_id="node-2", doctor_id=first.doctor_id)
    for hours in range(24, 28):
        slot = first.add_slot(hours)
        first.hold(slot)
        first.lapse(slot)

        outcomes = together([lambda: expire_due_holds(first.engine), lambda slot=slot: second.book(slot)])

        assert isinstance(outcomes[1], dict), outcomes[1]
        assert first.slot(slot).state == "BOOKED"
    assert broken_promises(first.database) == []


def test_at_the_deadline_either_the_holder_or_the_next_gets_the_slot(
    make_desk: Callable[..., Desk], database_url: str
) -> None:
    nodes = [make_desk(database_url)]
    nodes += [make_desk(database_url, node_id=f"node-{n}", doctor_id=nodes[0].doctor_id) for n in (2, 3)]
    for hours in range(24, 30):
        slot = nodes[0].add_slot(hours)
        held = nodes[0].hold(slot)
        _ends_in(nodes[0], slot, seconds=0.004)

        confirmed, taken, _ = together(
            [
                lambda held=held: (
                    actions.confirm_booking(nodes[0].engine, uuid.UUID(held["id"]), owner_of(held)).value
                ),
                lambda slot=slot: nodes[1].book(slot),
                lambda: expire_due_holds(nodes[2].engine),
            ]
        )

        winners = [outcome for outcome in (confirmed, taken) if isinstance(outcome, dict)]
        assert len(winners) <= 1
        assert isinstance(confirmed, dict | HoldExpired), confirmed
        assert isinstance(taken, dict | BookingConflict), taken
        if winners:
            assert str(nodes[0].slot(slot).booking_id) == winners[0]["id"]
    assert broken_promises(nodes[0].database) == []


def _ends_in(desk: Desk, slot_id: int, seconds: float) -> None:
    with desk.database.transaction() as tx:
        until = tx.execute(select(db_now(seconds))).scalar_one()
        tx.execute(update(Slot).where(Slot.id == slot_id).values(hold_until=until))
        owner = select(Slot.booking_id).where(Slot.id == slot_id).scalar_subquery()
        tx.execute(update(Booking).where(Booking.id == owner).values(expires_at=until))
