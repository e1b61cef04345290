"""The end of an interval: its own slot is retired, and what stepped aside for it returns."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, case, select, update
from sqlalchemy.orm import aliased

from app.booking.overlap import Interval, overlap_means_look_again, overlaps
from app.booking.statements import IN_CLOSURE, SLOT_COLUMNS, SlotRow, is_closed
from app.tables.booking import Slot, SlotState

STEPPED_ASIDE, RETIRED = "stepped_aside", "retired"


def retire_interval(tx: Connection, freed: list[SlotRow]) -> list[SlotRow]:
    """Slots just freed: an interval's own slot is retired and what stepped aside for it returns."""
    changed: list[SlotRow] = []
    for row in freed:
        if not row.is_interval:
            changed.append(row)
            continue
        changed += tx.execute(
            update(Slot)
            .where(Slot.id == row.id)
            .values(state=SlotState.BLOCKED, block_reason=RETIRED, version=Slot.version + 1)
            .returning(*SLOT_COLUMNS)
        )
        changed += _come_back(tx, Interval(row.doctor_id, row.starts_at, row.ends_at))
    return changed


def _come_back(tx: Connection, interval: Interval) -> list[SlotRow]:
    """Reopen the slots that stepped aside here, save those another slot still covers."""
    aside = select(Slot.id).where(overlaps(interval), Slot.block_reason == STEPPED_ASIDE).order_by(Slot.id)
    changed: list[SlotRow] = []
    # Locked: of two intervals that end at once the second must see that the first has ended.
    for slot_id in tx.execute(aside.with_for_update()).scalars().all():
        # One at a time: of two that overlap each other only the first may come back.
        with overlap_means_look_again():
            changed += tx.execute(
                update(Slot)
                .where(Slot.id == slot_id, Slot.block_reason == STEPPED_ASIDE, ~still_covered())
                .values(
                    state=case((is_closed(), SlotState.BLOCKED), else_=SlotState.OPEN),
                    block_reason=case((is_closed(), IN_CLOSURE), else_=None),
                    version=Slot.version + 1,
                )
                .returning(*SLOT_COLUMNS)
            )
    return changed


def still_covered() -> ColumnElement[bool]:
    other = aliased(Slot)
    return (
        select(other.id)
        .where(
            other.doctor_id == Slot.doctor_id,
            other.state != SlotState.BLOCKED,
            other.starts_at < Slot.ends_at,
            other.ends_at > Slot.starts_at,
        )
        .exists()
    )
