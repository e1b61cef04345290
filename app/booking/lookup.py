"""Finding a booking by what a person remembers of it."""

from __future__ import annotations

import hmac
import uuid

from sqlalchemy import Connection, select

from app.booking.rules import parse_reference
from app.tables.booking import Booking


def find_by_reference(connection: Connection, reference: str, email: str) -> uuid.UUID | None:
    """The confirmed or ended booking with this reference, if it was made with this e-mail address.

    None says nothing about which of the two was wrong. A mere hold cannot be found."""
    canonical = parse_reference(reference)
    if canonical is None:
        return None
    found = connection.execute(
        select(Booking.id, Booking.patient_email).where(
            Booking.reference == canonical, Booking.confirmed_at.is_not(None)
        )
    ).first()
    # A reference is one booking's; its address is sealed and can only be compared here.
    is_theirs = found is not None and hmac.compare_digest(
        (found.patient_email or "").lower().encode(), email.lower().encode()
    )
    return found.id if found is not None and is_theirs else None
