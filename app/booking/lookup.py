"""Finding a booking by what a person remembers of it."""

from __future__ import annotations

import uuid

from sqlalchemy import Connection, func, select

from app.booking.rules import parse_reference
from app.tables.booking import Booking


def find_by_reference(connection: Connection, reference: str, email: str) -> uuid.UUID | None:
    """The confirmed or ended booking with this reference, if it was made with this e-mail address.

    None says nothing about which of the two was wrong. A mere hold cannot be found."""
    canonical = parse_reference(reference)
    if canonical is None:
        return None
    booking_id: uuid.UUID | None = connection.execute(
        select(Booking.id).where(
            Booking.reference == canonical,
            func.lower(Booking.patient_email) == email.lower(),
            Booking.confirmed_at.is_not(None),
        )
    ).scalar()
    return booking_id
