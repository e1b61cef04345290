"""A node dies at the worst moment: what it had begun is gone, what it had committed is complete."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select

from app.booking import batch_claims, claims
from app.booking.actions import cancel_booking
from app.booking.engine import Engine
from app.tables import AuditEntry, Booking, Notice, OutboxEntry
from tests.booking.conftest import Desk, owner_of
from tests.booking.promises import broken_promises


class Died(BaseException):
    """Nothing of the product catches the end of the process."""


def dies(*_: Any) -> Any:
    raise Died


def count(desk: Desk, *tables: Any) -> list[int]:
    with desk.database.read() as connection:
        return [connection.execute(select(func.count()).select_from(table)).scalar_one() for table in tables]


def test_a_node_that_dies_before_its_commit_leaves_no_trace(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    slot = desk.add_slot()
    with monkeypatch.context() as patch:
        patch.setattr(claims, "read_booking", dies)
        patch.setattr(batch_claims, "document_of", dies)
        with pytest.raises(Died):
            desk.book(slot)

    assert desk.slot(slot).state == "OPEN"
    assert count(desk, Booking, OutboxEntry, AuditEntry, Notice) == [0, 0, 0, 0]
    assert desk.book(slot)["status"] == "CONFIRMED"


@pytest.mark.parametrize("change", ["book", "cancel"])
def test_a_node_that_dies_right_after_its_commit_has_written_all_that_others_must_hear_of(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    slot = desk.add_slot()
    booking = desk.book(slot) if change == "cancel" else None
    already_told = 1 if booking else 0

    def act() -> object:
        if booking:
            return cancel_booking(desk.engine, uuid.UUID(booking["id"]), owner_of(booking))
        return desk.book(slot)

    with monkeypatch.context() as patch:
        patch.setattr(Engine, "announce", dies)
        with pytest.raises(Died):
            act()

    assert count(desk, OutboxEntry, AuditEntry, Notice) == [already_told + 1] * 3
    assert broken_promises(desk.database) == []


def test_a_lock_of_a_dead_node_refuses_nobody(make_desk: Callable[..., Desk], database_url: str) -> None:
    first = make_desk(database_url)
    second = make_desk(database_url, node_id="node-2", doctor_id=first.doctor_id)
    slot = first.add_slot()
    first.engine.locks.acquire([slot], "a node that died before it could claim", 120_000)

    assert second.book(slot)["status"] == "CONFIRMED"
