"""What a mail or a calendar entry may tell of a booking: when, where, with whom. Never why."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from app.notices.typed_text import one_line
from app.tables.booking import Booking
from app.tables.directory import Doctor

TITLE = re.compile(r"(dr|prof(essor)?)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Appointment:
    """A booking as its patient may see it in a mailbox that others read too."""

    booking_id: uuid.UUID
    reference: str
    starts_at: datetime
    ends_at: datetime
    #: Where the appointment takes place; all times are shown there.
    zone: ZoneInfo
    doctor: str
    place: str | None
    patient_name: str | None
    patient_email: str | None

    @classmethod
    def from_document(cls, booking: Mapping[str, Any]) -> Appointment:
        """From a booking document of the API."""
        return cls.of(
            booking_id=uuid.UUID(booking["id"]),
            reference=booking["reference"],
            starts_at=datetime.fromisoformat(booking["starts_at"]),
            ends_at=datetime.fromisoformat(booking["ends_at"]),
            zone=booking["doctor"]["timezone"],
            doctor=booking["doctor"]["name"],
            place=booking["doctor"]["hospital"],
            patient_name=booking["patient_name"],
            patient_email=booking["patient_email"],
        )

    @classmethod
    def of(cls, *, zone: str, doctor: str, place: str | None, **booking: Any) -> Appointment:
        return cls(
            zone=ZoneInfo(zone),
            doctor=with_title(one_line(doctor)),
            place=one_line(place) if place else None,
            **booking,
        )

    @property
    def local_start(self) -> datetime:
        return self.starts_at.astimezone(self.zone)

    @property
    def local_end(self) -> datetime:
        return self.ends_at.astimezone(self.zone)


def read_appointment(connection: Connection, booking_id: uuid.UUID) -> Appointment:
    """The appointment as the database has it now."""
    row = connection.execute(
        select(
            Booking.id.label("booking_id"),
            Booking.reference,
            Booking.starts_at,
            Booking.ends_at,
            Booking.patient_name,
            Booking.patient_email,
            Doctor.name.label("doctor"),
            Doctor.hospital.label("place"),
            Doctor.timezone.label("zone"),
        )
        .join(Doctor, Doctor.id == Booking.doctor_id)
        .where(Booking.id == booking_id)
    ).one()
    return Appointment.of(**row._mapping)


def with_title(name: str) -> str:
    """The doctor's name with a title: Ada Lind becomes Dr Ada Lind, Prof. Lind stays."""
    return name if TITLE.match(name) else f"Dr {name}"
