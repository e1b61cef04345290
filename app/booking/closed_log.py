"""Who left a closed time, and where to: read from the claims themselves, so it is true however they left."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, or_, select

from app.booking.documents import Document, booking_documents, select_bookings
from app.booking.overlap import Interval, overlaps
from app.tables.booking import Booking, BookingSlot, BookingStatus, Slot


def left_since(connection: Connection, interval: Interval, since: datetime) -> list[Document]:
    """Confirmed bookings that had a slot there and were moved away or cancelled since, by their time now."""
    had = (
        select(BookingSlot.booking_id)
        .join(Slot, Slot.id == BookingSlot.slot_id)
        .where(overlaps(interval), BookingSlot.live.is_(False))
    )
    query = select_bookings().where(
        Booking.id.in_(had),
        Booking.confirmed_at.is_not(None),
        Booking.updated_at >= since,
        or_(
            Booking.status == BookingStatus.CANCELLED,
            ~((Booking.starts_at < interval.ends_at) & (Booking.ends_at > interval.starts_at)),
            Booking.doctor_id != interval.doctor_id,
        ),
    )
    rows = connection.execute(query.order_by(Booking.starts_at, Booking.id))
    return booking_documents(connection, list(rows))
