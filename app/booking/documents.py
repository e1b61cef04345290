"""Bookings and slots as the JSON-ready documents of the public API."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, case, select

from app.database import db_now
from app.tables.accounts import User
from app.tables.booking import Booking, BookingSlot, BookingStatus, Slot
from app.tables.cinema import Hall, Movie, Showtime
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
    query = select(
        *Booking.__table__.columns,
        shown_status().label("shown_status"),
        User.name.label("owner_name"),
        Doctor.name.label("doctor_name"),
        Doctor.specialization,
        Doctor.hospital,
        Doctor.timezone,
        Showtime.movie_id,
        Showtime.hall_id,
        Showtime.timezone.label("show_timezone"),
        Movie.title,
        Movie.minutes,
        Movie.rating,
        Movie.genre,
        Movie.poster_seed,
        Hall.name.label("hall_name"),
        Hall.place,
        Hall.currency,
    )
    whose = query.outerjoin(User, User.id == Booking.user_id)
    whose = whose.outerjoin(Doctor, Doctor.id == Booking.doctor_id)
    shown = whose.outerjoin(Showtime, Showtime.id == Booking.showtime_id)
    return shown.outerjoin(Movie, Movie.id == Showtime.movie_id).outerjoin(Hall, Hall.id == Showtime.hall_id)


def booking_document(connection: Connection, booking_id: uuid.UUID) -> Document | None:
    """The booking as its owner sees it, without the manage token; None when there is none."""
    row = connection.execute(select_bookings().where(Booking.id == booking_id)).first()
    return booking_documents(connection, [row])[0] if row else None


def booking_documents(connection: Connection, rows: list[Row[Any]]) -> list[Document]:
    """Documents for rows of select_bookings(), in their order, with one query for all slots."""
    slots: dict[uuid.UUID, list[Row[Any]]] = {row.id: [] for row in rows}
    for claim in connection.execute(_claims(list(slots))):
        slots[claim.booking_id].append(claim)
    return [document_of(row, slots[row.id]) for row in rows]


def _claims(booking_ids: list[uuid.UUID]) -> Select[*tuple[Any, ...]]:
    """Every slot a booking has, or had when it ended."""
    return (
        select(
            BookingSlot.booking_id,
            BookingSlot.slot_id,
            BookingSlot.fence,
            BookingSlot.live,
            Slot.starts_at,
            Slot.ends_at,
            Slot.seat_row,
            Slot.seat_number,
            Slot.seat_zone,
            Slot.seat_kind,
            Slot.price_cents,
        )
        .join(Slot, Slot.id == BookingSlot.slot_id)
        .where(BookingSlot.booking_id.in_(booking_ids), BookingSlot.left_behind.is_(False))
        .order_by(BookingSlot.live.desc(), BookingSlot.fence.desc(), BookingSlot.slot_id)
    )


def document_of(row: Any, claims: list[Any]) -> Document:
    """The document of one row of select_bookings() and its claims."""
    current = [claim for claim in claims if claim.live] or _last_of_each(claims)
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
        "timezone": row.show_timezone or row.timezone,
        **_doctor(row),
        **_showtime(row, current),
        "user_id": str(row.user_id) if row.user_id else None,
        "dependant_id": str(row.dependant_id) if row.dependant_id else None,
        "booked_by": row.owner_name if row.dependant_id else None,
        "patient_id": str(row.patient_id) if row.patient_id else None,
        "patient_name": row.patient_name,
        "patient_email": row.patient_email,
        "patient_phone": row.patient_phone,
        "reason": row.reason,
        "is_appointment": row.is_appointment,
        "series_id": str(row.series_id) if row.series_id else None,
        "expires_at": instant(row.expires_at) if status is BookingStatus.PENDING else None,
        "extensions": row.extensions,
        "confirmed_at": instant(row.confirmed_at),
        "arrived_at": instant(row.arrived_at),
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


def _doctor(row: Row[Any]) -> Document:
    if row.doctor_id is None:
        return {"doctor_id": None, "doctor": None}
    doctor = {
        "id": str(row.doctor_id),
        "name": row.doctor_name,
        "specialization": row.specialization,
        "hospital": row.hospital,
        "timezone": row.timezone,
    }
    return {"doctor_id": doctor["id"], "doctor": doctor}


def _showtime(row: Row[Any], claims: list[Row[Any]]) -> Document:
    if row.showtime_id is None:
        return {"showtime_id": None, "showtime": None}
    total = sum(claim.price_cents for claim in claims)
    showtime = {
        "id": str(row.showtime_id),
        "movie": {
            "id": str(row.movie_id),
            "title": row.title,
            "minutes": row.minutes,
            "rating": row.rating,
            "genre": row.genre,
            "poster_seed": row.poster_seed,
        },
        "hall": {"id": str(row.hall_id), "name": row.hall_name, "place": row.place},
        "timezone": row.show_timezone,
        "currency": row.currency,
        "total": price_text(total),
        "total_cents": total,
    }
    return {"showtime_id": showtime["id"], "showtime": showtime}


def _last_of_each(claims: list[Row[Any]]) -> list[Row[Any]]:
    """What a booking had when it ended; of a slot claimed twice, the last claim."""
    last: dict[int, Row[Any]] = {}
    for claim in claims:
        last.setdefault(claim.slot_id, claim)
    return list(last.values())


def price_text(cents: int) -> str:
    """1250 -> 12.50: a decimal number, never a float."""
    return f"{cents // 100}.{cents % 100:02}"


def _claimed_slot(claim: Row[Any]) -> Document:
    seat = (
        {
            "row": claim.seat_row,
            "number": claim.seat_number,
            "zone": claim.seat_zone,
            "kind": claim.seat_kind,
            "price": price_text(claim.price_cents),
            "price_cents": claim.price_cents,
        }
        if claim.seat_row is not None
        else {}
    )
    return {
        "id": str(claim.slot_id),
        "starts_at": instant(claim.starts_at),
        "ends_at": instant(claim.ends_at),
        "duration_minutes": int((claim.ends_at - claim.starts_at).total_seconds() // 60),
        "fence": claim.fence,
        **seat,
    }
