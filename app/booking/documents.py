"""Bookings and slots as the JSON-ready documents of the public API."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, case, select

from app.database import db_now
from app.tables.booking import Booking, BookingSlot, BookingStatus, Slot
from app.tables.directory import Doctor

Document = dict[str, Any]


def instant(moment: datetime | None) -> str | None:
    """ISO 8601 in UTC; whole seconds carry no fraction."""
    return moment.isoformat().replace("+00:00", "Z") if moment else None


def shown_status() -> Any:
    """A hold whose deadline has passed reads as EXPIRED even before anybody sweeps it."""
    is_lapsed = and_(Booking.status == BookingStatus.PENDING, Booking.expires_at <= db_now())
    return case((is_lapsed, BookingStatus.EXPIRED), else_=Booking.status)


def select_bookings() -> Select[*tuple[Any, ...]]:
    return select(
        *Booking.__table__.columns,
        shown_status().label("shown_status"),
        Doctor.name.label("doctor_name"),
        Doctor.specialization,
        Doctor.hospital,
        Doctor.timezone,
    ).join(Doctor, Doctor.id == Booking.doctor_id)


def booking_document(connection: Connection, booking_id: uuid.UUID) -> Document | None:
    """The booking as its owner sees it, without the manage token; None when there is none."""
    row = connection.execute(select_bookings().where(Booking.id == booking_id)).first()
    return booking_documents(connection, [row])[0] if row else None


def booking_documents(connection: Connection, rows: list[Row[Any]]) -> list[Document]:
    """Documents for rows of select_bookings(), in their order, with one query for all slots."""
    slots: dict[uuid.UUID, list[Row[Any]]] = {row.id: [] for row in rows}
    for claim in connection.execute(_claims(list(slots))):
        slots[claim.booking_id].append(claim)
    return [_booking(row, slots[row.id]) for row in rows]


def _claims(booking_ids: list[uuid.UUID]) -> Select[*tuple[Any, ...]]:
    """Every slot a booking has or had; of a slot claimed twice, the last claim."""
    return (
        select(
            BookingSlot.booking_id,
            BookingSlot.slot_id,
            BookingSlot.fence,
            BookingSlot.live,
            Slot.starts_at,
            Slot.ends_at,
        )
        .join(Slot, Slot.id == BookingSlot.slot_id)
        .where(BookingSlot.booking_id.in_(booking_ids))
        .order_by(BookingSlot.live.desc(), BookingSlot.fence.desc(), BookingSlot.slot_id)
    )


def _booking(row: Row[Any], claims: list[Row[Any]]) -> Document:
    current = [claim for claim in claims if claim.live] or claims[:1]
    status = BookingStatus(row.shown_status)
    return {
        "id": str(row.id),
        "reference": row.reference,
        "confirmation_id": row.reference,
        "status": status.value,
        "slot_id": str(current[0].slot_id),
        "slot_time": instant(row.starts_at),
        "slots": [_claimed_slot(claim) for claim in sorted(current, key=lambda c: c.slot_id)],
        "starts_at": instant(row.starts_at),
        "ends_at": instant(row.ends_at),
        "doctor_id": str(row.doctor_id),
        "doctor": {
            "id": str(row.doctor_id),
            "name": row.doctor_name,
            "specialization": row.specialization,
            "hospital": row.hospital,
            "timezone": row.timezone,
        },
        "user_id": str(row.user_id) if row.user_id else None,
        "patient_id": str(row.patient_id) if row.patient_id else None,
        "patient_name": row.patient_name,
        "patient_email": row.patient_email,
        "patient_phone": row.patient_phone,
        "reason": row.reason,
        "is_appointment": row.is_appointment,
        "expires_at": instant(row.expires_at) if status is BookingStatus.PENDING else None,
        "extensions": row.extensions,
        "confirmed_at": instant(row.confirmed_at),
        "cancelled_at": instant(row.cancelled_at),
        "cancel_reason": row.cancel_reason,
        "sequence": row.sequence,
        "created_at": instant(row.created_at),
        "booking_time": instant(row.created_at),
        "updated_at": instant(row.updated_at),
        "processed_by": row.processed_by,
        "server_id": row.processed_by,
        "logical_clock": row.logical_clock,
        "vector_clock": row.vector_clock,
        "fence": max(claim.fence for claim in current),
    }


def _claimed_slot(claim: Row[Any]) -> Document:
    return {
        "id": str(claim.slot_id),
        "starts_at": instant(claim.starts_at),
        "ends_at": instant(claim.ends_at),
        "duration_minutes": int((claim.ends_at - claim.starts_at).total_seconds() // 60),
        "fence": claim.fence,
    }
