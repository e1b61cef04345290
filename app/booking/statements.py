"""The statements that keep the promise. Each guard stands inside the write it protects.

Lock order in every action: idempotency key, slots by ascending id, booking, stream."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Executable,
    Row,
    and_,
    bindparam,
    case,
    literal,
    or_,
    select,
    update,
)

from app.booking.rules import SeatLabel, SlotFacts
from app.database import UtcDateTime, db_now
from app.tables.booking import Booking, BookingSlot, BookingStatus, Slot, SlotState
from app.tables.desk import Closure

SLOT_COLUMNS = (
    Slot.id, Slot.doctor_id, Slot.showtime_id, Slot.seat_row, Slot.seat_number, Slot.starts_at, Slot.ends_at,
    Slot.state, Slot.hold_until, Slot.fence, Slot.version, Slot.is_interval,
)  # fmt: skip
SlotRow = Row[*tuple[Any, ...]]
#: The block_reason of a slot in a time that is closed; it opens again with that time.
IN_CLOSURE = "closure"


def lapsed() -> ColumnElement[bool]:
    """A hold is dead at its deadline by the database's clock, whether anybody noticed or not."""
    return and_(Slot.state == SlotState.HELD, Slot.hold_until <= db_now())


def can_be_claimed() -> ColumnElement[bool]:
    """To come, and open or under a hold that has lapsed."""
    return and_(Slot.starts_at > db_now(), or_(Slot.state == SlotState.OPEN, lapsed()))


#: Built once: every loser looks, and building it costs more than asking.
LOOK = (
    select(*SLOT_COLUMNS, db_now().label("now"))
    .where(Slot.id.in_(bindparam("slot_ids", expanding=True)))
    .order_by(Slot.id)
)
LOOK_AND_LOCK = LOOK.with_for_update()


def look_at_slots(tx: Connection, slot_ids: Sequence[int], lock: bool = False) -> list[SlotFacts]:
    """The slots as they are now, by ascending id; locked against change when asked."""
    rows = tx.execute(LOOK_AND_LOCK if lock else LOOK, {"slot_ids": list(slot_ids)})
    return [_facts(row) for row in rows]


def lock_what_is_free(tx: Connection, slot_ids: Sequence[int]) -> set[int]:
    """Lock those of the slots that can be claimed and that nobody else is at; never waits.

    SQLite has one writer, so there nobody else is at anything."""
    free = select(Slot.id).where(Slot.id.in_(slot_ids), can_be_claimed()).order_by(Slot.id)
    return set(tx.execute(free.with_for_update(skip_locked=True)).scalars())


def _facts(row: SlotRow) -> SlotFacts:
    seat = None if row.seat_row is None else SeatLabel(row.seat_row, row.seat_number)
    return SlotFacts(row.id, SlotState(row.state), row.starts_at, row.hold_until, row.fence, row.now, seat)


def take_slots(
    tx: Connection,
    slot_ids: Sequence[int],
    booking_id: uuid.UUID,
    fences: Mapping[int, int] | None,
    hold: float | datetime | None,
) -> list[SlotRow]:
    """Claim those of the slots that can be claimed; the caller rolls back unless it got all.

    With fences (from locks) each must be higher than the slot's; without, the slot's own is
    raised. hold is how many seconds or until when; None books at once."""
    fence = case(dict(fences), value=Slot.id) if fences else Slot.fence + 1
    statement = (
        update(Slot)
        .where(Slot.id.in_(slot_ids), can_be_claimed())
        .values(
            state=SlotState.BOOKED if hold is None else SlotState.HELD,
            hold_until=_deadline(hold, len(slot_ids)),
            booking_id=booking_id,
            fence=fence,
            version=Slot.version + 1,
        )
    )
    if fences:
        statement = statement.where(Slot.fence < fence)
    return _in_order(tx, statement.returning(*SLOT_COLUMNS))


def _deadline(hold: float | datetime | None, slots: int) -> ColumnElement[Any] | None:
    if hold is None:
        return None
    return literal(hold, UtcDateTime) if isinstance(hold, datetime) else _moment(hold, slots)


def _moment(seconds: float, slots: int) -> ColumnElement[Any]:
    """So many seconds from now: for several slots one moment, or each row would get its own.

    A single slot may have to be waited for, and its clock is read after that."""
    return db_now(seconds) if slots == 1 else select(db_now(seconds)).scalar_subquery()


def book_held_slots(tx: Connection, booking_id: uuid.UUID, fences: Mapping[int, int]) -> list[SlotRow]:
    """HELD -> BOOKED for the slots this booking still holds under its own fences, before the deadline."""
    if not fences:
        return []
    _lock_in_order(tx, list(fences))
    return _in_order(
        tx,
        update(Slot)
        .where(
            Slot.id.in_(fences),
            Slot.booking_id == booking_id,
            Slot.fence == case(dict(fences), value=Slot.id),
            Slot.state == SlotState.HELD,
            Slot.hold_until > db_now(),
        )
        .values(state=SlotState.BOOKED, hold_until=None, version=Slot.version + 1)
        .returning(*SLOT_COLUMNS),
    )


def extend_held_slots(
    tx: Connection, booking_id: uuid.UUID, slot_ids: Sequence[int], seconds: float, latest: datetime
) -> list[SlotRow]:
    """Move the deadline of the slots this booking still holds, but not beyond the latest one."""
    _lock_in_order(tx, slot_ids)
    at_latest, wanted = literal(latest, UtcDateTime), _moment(seconds, len(slot_ids))
    return _in_order(
        tx,
        update(Slot)
        .where(
            Slot.id.in_(slot_ids),
            Slot.booking_id == booking_id,
            Slot.state == SlotState.HELD,
            Slot.hold_until > db_now(),
        )
        .values(
            hold_until=case((wanted < at_latest, wanted), else_=at_latest),
            version=Slot.version + 1,
        )
        .returning(*SLOT_COLUMNS),
    )


def free_slots(tx: Connection, slot_ids: Sequence[int], booking_id: uuid.UUID | None) -> list[SlotRow]:
    """Give slots back: those of this booking, or with None only those whose hold has lapsed.

    They are open then, or closed where the time was closed meanwhile."""
    # Before the update even for one: its statement must see what whoever held the row has committed.
    _lock(tx, slot_ids)
    whose = lapsed() if booking_id is None else Slot.booking_id == booking_id
    return _in_order(
        tx,
        update(Slot)
        .where(Slot.id.in_(slot_ids), whose)
        .values(
            state=case((is_closed(), SlotState.BLOCKED), else_=SlotState.OPEN),
            block_reason=case((is_closed(), IN_CLOSURE), else_=None),
            hold_until=None,
            booking_id=None,
            version=Slot.version + 1,
        )
        .returning(*SLOT_COLUMNS),
    )


def is_closed() -> ColumnElement[bool]:
    """The slot lies, or reaches, into a time of its doctor that is closed."""
    return (
        select(Closure.id)
        .where(
            Closure.doctor_id == Slot.doctor_id,
            Closure.ended_at.is_(None),
            Closure.starts_at < Slot.ends_at,
            Closure.ends_at > Slot.starts_at,
        )
        .correlate(Slot)
        .exists()
    )


def touch_slots(tx: Connection, slot_ids: Sequence[int], booking_id: uuid.UUID) -> list[SlotRow]:
    """A new version of the booking's slots, so that every screen looks at its booking again."""
    _lock(tx, slot_ids)
    return _in_order(
        tx,
        update(Slot)
        .where(Slot.id.in_(slot_ids), Slot.booking_id == booking_id)
        .values(version=Slot.version + 1)
        .returning(*SLOT_COLUMNS),
    )


def end_claims(
    tx: Connection, slot_ids: Sequence[int], booking_id: uuid.UUID, *, goes_on: bool = False
) -> None:
    """This booking no longer owns these slots; when it goes on with others, they are no longer part of it."""
    tx.execute(
        update(BookingSlot)
        .where(BookingSlot.slot_id.in_(slot_ids), BookingSlot.booking_id == booking_id, BookingSlot.live)
        .values(live=False, left_behind=goes_on)
    )


def expire_lapsed_claims(tx: Connection, slot_ids: Sequence[int]) -> dict[int, uuid.UUID]:
    """End the claims of lapsed holds on these slots and expire their bookings; whose each slot was.

    Only lapsed ones: a live claim must stay, so that the unique index can refuse a second."""
    dead = select(Booking.id).where(
        or_(
            Booking.status == BookingStatus.EXPIRED,
            and_(Booking.status == BookingStatus.PENDING, Booking.expires_at <= db_now()),
        )
    )
    ended = tx.execute(
        update(BookingSlot)
        .where(BookingSlot.slot_id.in_(slot_ids), BookingSlot.live, BookingSlot.booking_id.in_(dead))
        .values(live=False)
        .returning(BookingSlot.slot_id, BookingSlot.booking_id)
    )
    owners = {row.slot_id: row.booking_id for row in ended}
    if owners:
        tx.execute(
            update(Booking)
            .where(Booking.id.in_(set(owners.values())), Booking.status == BookingStatus.PENDING)
            .values(status=BookingStatus.EXPIRED, expires_at=None)
        )
    return owners


def slots_of(tx: Connection, booking_id: uuid.UUID) -> list[SlotRow]:
    """The slots a booking owns, ascending."""
    query = select(*SLOT_COLUMNS).join(BookingSlot, BookingSlot.slot_id == Slot.id)
    return _in_order(tx, query.where(BookingSlot.booking_id == booking_id, BookingSlot.live))


def fences_of(tx: Connection, booking_id: uuid.UUID) -> dict[int, int]:
    """The slots a booking owns and the fence of each, ascending."""
    rows = tx.execute(
        select(BookingSlot.slot_id, BookingSlot.fence)
        .where(BookingSlot.booking_id == booking_id, BookingSlot.live)
        .order_by(BookingSlot.slot_id)
    )
    return {row.slot_id: row.fence for row in rows}


def _lock_in_order(tx: Connection, slot_ids: Sequence[int]) -> None:
    """An UPDATE of several rows locks them in any order, and two of those wait for each other forever."""
    if len(slot_ids) > 1:
        _lock(tx, slot_ids)


def _lock(tx: Connection, slot_ids: Sequence[int]) -> None:
    tx.execute(select(Slot.id).where(Slot.id.in_(slot_ids)).order_by(Slot.id).with_for_update())


def _in_order(tx: Connection, statement: Executable) -> list[SlotRow]:
    return sorted(tx.execute(statement), key=lambda row: int(row.id))
