"""Which events there are, and what is told with each. Never who, never why, no way to reach anybody."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, select

from app.tables.booking import Booking, BookingSlot

#: What the audit calls an action, and what it is to a receiver. An instant booking is both at once.
KINDS_OF_ACTION: Mapping[str, tuple[str, ...]] = {
    "hold": ("booking.created",),
    "book": ("booking.created", "booking.confirmed"),
    "confirm": ("booking.confirmed",),
    "extend": ("booking.extended",),
    "add": ("booking.changed",),
    "drop": ("booking.changed",),
    "reschedule": ("booking.moved",),
    "cancel": ("booking.cancelled",),
    "release": ("booking.released",),
    "expire": ("booking.expired",),
    "attendance": ("booking.attendance",),
}
#: In the order in which a booking lives through them.
KINDS = tuple(dict.fromkeys(kind for kinds in KINDS_OF_ACTION.values() for kind in kinds))
TEST = "webhook.test"
NAMESPACE = uuid.UUID("4f6e6573-6c6f-4774-8000-776562686f6f")


@dataclass(frozen=True)
class Event:
    """Something that happened to a booking, once, whoever tells of it how often."""

    id: uuid.UUID
    kind: str
    booking_id: uuid.UUID
    at: datetime

    def body(self, booking: Mapping[str, Any]) -> str:
        """What is sent: the event, and the booking as it was when the event was relayed."""
        return _text(self.id, self.kind, self.at, {"booking": booking})


def events_of(entries: Iterable[Any]) -> list[Event]:
    """What audit entries tell of. Several seats are several entries of one action under one stamp."""
    found: dict[uuid.UUID, Event] = {}
    for entry in entries:
        for kind in KINDS_OF_ACTION.get(entry.action, ()) if entry.booking_id else ():
            stamp = f"{entry.booking_id}:{kind}:{entry.node}:{entry.lamport}:{entry.hybrid_clock}"
            event_id = uuid.uuid5(NAMESPACE, stamp)
            found.setdefault(event_id, Event(event_id, kind, entry.booking_id, entry.at))
    return list(found.values())


def delivery_id(endpoint_id: uuid.UUID, event_id: uuid.UUID) -> uuid.UUID:
    """The same for every relay and every try: receivers tell repeats by it."""
    return uuid.uuid5(endpoint_id, str(event_id))


def trial_body(event_id: uuid.UUID, at: datetime) -> str:
    """An event about nothing, to see whether deliveries arrive."""
    return _text(event_id, TEST, at, {"message": "It works."})


def bookings_told(connection: Connection, ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, dict[str, Any]]:
    """What may be told of these bookings."""
    wanted = list(ids)
    slots: dict[uuid.UUID, list[str]] = {}
    held = select(BookingSlot.booking_id, BookingSlot.slot_id).where(
        BookingSlot.booking_id.in_(wanted), BookingSlot.left_behind.is_(False)
    )
    for row in connection.execute(held.order_by(BookingSlot.slot_id).distinct()):
        slots.setdefault(row.booking_id, []).append(str(row.slot_id))
    columns = (
        Booking.id, Booking.reference, Booking.status, Booking.doctor_id, Booking.showtime_id,
        Booking.starts_at, Booking.ends_at, Booking.sequence,
    )  # fmt: skip
    rows = connection.execute(select(*columns).where(Booking.id.in_(wanted)))
    return {row.id: _told(row, slots.get(row.id, [])) for row in rows}


def _told(row: Any, slot_ids: list[str]) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "reference": row.reference,
        "status": str(row.status),
        "doctor_id": _id(row.doctor_id),
        "showtime_id": _id(row.showtime_id),
        "slot_ids": slot_ids,
        "starts_at": _instant(row.starts_at),
        "ends_at": _instant(row.ends_at),
        # Grows with every move and with the end: of two states the one with the higher number is newer.
        "sequence": row.sequence,
    }


def _text(event_id: uuid.UUID, kind: str, at: datetime, data: Mapping[str, Any]) -> str:
    told = {"id": str(event_id), "type": kind, "timestamp": _instant(at), "data": data}
    return orjson.dumps(told).decode()


def _id(number: int | None) -> str | None:
    return None if number is None else str(number)


def _instant(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
