"""Finding new times for everybody a closure affects, and moving them there one by one.

Each move is the ordinary reschedule with the mail it sends; one that meets somebody quicker tries the next
time nearby. Sent twice, nobody is moved twice: every booking has a key of its own."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection, select

from app.booking.changes import cancel_booking
from app.booking.engine import Engine
from app.booking.errors import BookingConflict, SlotInPast
from app.booking.free_slots import NOW, is_free
from app.booking.moves import reschedule_booking
from app.booking.overlap import Interval
from app.booking.rules import Actor
from app.directory.documents import Document, select_slots, slot_document
from app.directory.placing import NOT_BLOCKED
from app.errors import NotFound, Refusal
from app.idempotency import RequestKey
from app.tables.booking import BookingStatus, Slot
from app.tables.directory import Doctor

#: How far from the old time a new one is looked for.
REACH = timedelta(days=21)
#: Free times looked at per booking to be moved; there is one for each if there are so many.
PER_BOOKING = 12
SPARE_TIMES = 5


class Wish(StrEnum):
    """What is to become of an affected booking."""

    MOVE = "move"
    CANCEL = "cancel"
    KEEP = "keep"


@dataclass(frozen=True)
class Proposal:
    """A booking and the best time for it that no other proposal has; None when there is none."""

    booking: Document
    slot: Document | None
    #: Somebody who is here already is not moved.
    is_here: bool


@dataclass(frozen=True)
class Order:
    """What the desk decided for one booking."""

    booking_id: uuid.UUID
    wish: Wish
    slot_id: int | None = None


@dataclass(frozen=True)
class Outcome:
    """What became of one order, as the booking is now or as the reason why not."""

    booking_id: uuid.UUID
    wish: Wish
    booking: Document | None
    refusal: str | None = None


def propose(connection: Connection, bookings: Sequence[Document], closed: Interval) -> list[Proposal]:
    """A time for each: the own doctor first and the nearest first, else a colleague of the same specialty."""
    movable = [booking for booking in bookings if booking["status"] == BookingStatus.CONFIRMED]
    free = _free_times(connection, movable, closed) if movable else []
    given: set[str] = set()
    slots: dict[str, Document] = {}
    for booking in movable:
        best = min(
            (slot for slot in free if slot["id"] not in given and _fits(booking, slot)),
            key=lambda slot: _cost(booking, slot),
            default=None,
        )
        if best is not None:
            given.add(best["id"])
            slots[booking["id"]] = best
    return [
        Proposal(booking, slots.get(booking["id"]), booking["status"] != BookingStatus.CONFIRMED)
        for booking in bookings
    ]


def rebook(
    engine: Engine, orders: Iterable[Order], reason: str, actor: Actor, request: RequestKey | None
) -> list[Outcome]:
    """Carry out every order, each in a transaction of its own; one that fails leaves the others done."""
    return [_carry_out(engine, order, reason, actor, request) for order in orders]


def _carry_out(
    engine: Engine, order: Order, reason: str, actor: Actor, request: RequestKey | None
) -> Outcome:
    key = request and RequestKey.of(
        request.scope, f"{request.key}:{order.booking_id}", {"wish": order.wish, "slot": order.slot_id}
    )
    try:
        if order.wish is Wish.MOVE and order.slot_id is not None:
            booking = _move(engine, order.booking_id, order.slot_id, actor, key)
        elif order.wish is Wish.CANCEL:
            booking = cancel_booking(engine, order.booking_id, actor, reason, key).value
        else:
            return Outcome(order.booking_id, Wish.KEEP, None)
    except Refusal as refusal:
        return Outcome(order.booking_id, order.wish, None, refusal.detail)
    return Outcome(order.booking_id, order.wish, booking)


def _move(
    engine: Engine, booking_id: uuid.UUID, slot_id: int, actor: Actor, key: RequestKey | None
) -> Document:
    tried: set[int] = set()
    waiting = [slot_id]
    while True:
        wanted = waiting.pop(0)
        tried.add(wanted)
        named = key and RequestKey(key.scope, f"{key.key}:{wanted}", key.request_hash)
        try:
            return reschedule_booking(engine, booking_id, wanted, actor, named).value
        except (BookingConflict, SlotInPast, NotFound) as refusal:
            others = [int(slot["id"]) for slot in refusal.extras.get("alternatives") or ()]
            waiting += [other for other in others if other not in tried and other not in waiting]
            if not waiting or len(tried) > SPARE_TIMES:
                raise


def _free_times(connection: Connection, bookings: Sequence[Document], closed: Interval) -> list[Document]:
    starts = [datetime.fromisoformat(booking["starts_at"]) for booking in bookings]
    colleagues = select(Doctor.specialization).where(Doctor.id == closed.doctor_id)
    query = (
        select_slots()
        .where(
            Doctor.deleted_at.is_(None),
            Doctor.specialization.in_(colleagues),
            NOT_BLOCKED,
            is_free(),
            Slot.is_interval.is_(False),
            Slot.starts_at > NOW,
            Slot.starts_at > min(starts) - REACH,
            Slot.starts_at < max(starts) + REACH,
        )
        .order_by(Slot.starts_at, Slot.id)
        .limit(200 + PER_BOOKING * len(bookings))
    )
    found = [slot_document(row) for row in connection.execute(query)]
    return [slot for slot in found if not _is_inside(slot, closed)]


def _is_inside(slot: Mapping[str, str], closed: Interval) -> bool:
    begins, ends = (datetime.fromisoformat(slot[name]) for name in ("starts_at", "ends_at"))
    return int(slot["doctor_id"]) == closed.doctor_id and begins < closed.ends_at and ends > closed.starts_at


def _fits(booking: Document, slot: Document) -> bool:
    """A shorter time than the one that was booked is no replacement."""
    booked = sum(each["duration_minutes"] for each in booking["slots"])
    return bool(slot["duration_minutes"] >= booked)


def _cost(booking: Document, slot: Document) -> tuple[bool, float]:
    """The own doctor beats a colleague; then the nearest."""
    distance = (
        datetime.fromisoformat(slot["starts_at"]) - datetime.fromisoformat(booking["starts_at"])
    ).total_seconds()
    # Later rather than earlier: an hour sooner than one expected is harder to keep than an hour later.
    away = distance if distance >= 0 else -1.5 * distance
    return slot["doctor_id"] != booking["doctor_id"], away
