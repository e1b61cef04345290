"""What a mail or a calendar entry may tell of a booking: when, where, with whom or what. Never why."""

from __future__ import annotations

import re
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, func, select

from app.languages.texts import _
from app.notices.typed_text import one_line
from app.tables.accounts import User
from app.tables.booking import Booking, BookingSlot, Slot
from app.tables.cinema import Hall, Movie, Showtime
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
    #: None at the cinema.
    doctor: str | None
    place: str | None
    patient_name: str | None
    patient_email: str | None
    movie: str | None = None
    #: In which they read; None is as the clinic speaks.
    language: str | None = None
    #: What is printed on the seats, such as B14.
    seats: tuple[str, ...] = ()
    #: In which zone its reader lives, as far as they said so.
    reader_zone: ZoneInfo | None = None

    @classmethod
    def from_document(cls, booking: Mapping[str, Any]) -> Appointment:
        """From a booking document of the API."""
        doctor, show = booking["doctor"] or {}, booking.get("showtime")
        return cls.of(
            booking_id=uuid.UUID(booking["id"]),
            reference=booking["reference"],
            starts_at=datetime.fromisoformat(booking["starts_at"]),
            ends_at=datetime.fromisoformat(booking["ends_at"]),
            zone=booking.get("timezone") or doctor["timezone"],
            doctor=doctor.get("name"),
            place=hall_and_house(show["hall"]["name"], show["hall"]["place"]) if show else doctor["hospital"],
            movie=show["movie"]["title"] if show else None,
            seats=tuple(f"{slot['row']}{slot['number']}" for slot in booking["slots"]) if show else (),
            patient_name=booking["patient_name"],
            patient_email=booking["patient_email"],
        )

    @classmethod
    def of(
        cls,
        *,
        zone: str,
        doctor: str | None,
        place: str | None,
        movie: str | None = None,
        reader_zone: str | None = None,
        **booking: Any,
    ) -> Appointment:
        return cls(
            zone=ZoneInfo(zone),
            reader_zone=ZoneInfo(reader_zone) if reader_zone else None,
            doctor=with_title(one_line(doctor)) if doctor else None,
            place=one_line(place) if place else None,
            movie=one_line(movie) if movie else None,
            **booking,
        )

    @property
    def summary(self) -> str:
        """What a calendar shows."""
        if self.movie:
            return f"{self.movie} ({', '.join(self.seats)})"
        return _("Appointment with %(doctor)s", doctor=self.doctor)

    @property
    def local_start(self) -> datetime:
        return self.starts_at.astimezone(self.zone)

    @property
    def is_elsewhere(self) -> bool:
        """The reader's clocks show another time than the clinic's at this moment."""
        read = self.reader_zone and self.starts_at.astimezone(self.reader_zone)
        return bool(read and read.utcoffset() != self.local_start.utcoffset())

    @property
    def local_end(self) -> datetime:
        return self.ends_at.astimezone(self.zone)


def read_appointments(
    connection: Connection, booking_ids: Collection[uuid.UUID]
) -> dict[uuid.UUID, Appointment]:
    """The appointments as the database has them now."""
    rows = connection.execute(
        select(
            Booking.id.label("booking_id"),
            Booking.reference,
            Booking.starts_at,
            Booking.ends_at,
            Booking.patient_name,
            Booking.patient_email,
            Doctor.name.label("doctor"),
            func.coalesce(Doctor.hospital, hall_and_house(Hall.name, Hall.place)).label("place"),
            func.coalesce(Doctor.timezone, Showtime.timezone).label("zone"),
            Movie.title.label("movie"),
            User.timezone.label("reader_zone"),
            func.coalesce(Booking.language, User.language).label("language"),
        )
        .outerjoin(User, User.id == Booking.user_id)
        .outerjoin(Doctor, Doctor.id == Booking.doctor_id)
        .outerjoin(Showtime, Showtime.id == Booking.showtime_id)
        .outerjoin(Movie, Movie.id == Showtime.movie_id)
        .outerjoin(Hall, Hall.id == Showtime.hall_id)
        .where(Booking.id.in_(booking_ids))
    ).all()
    seats = _seats(connection, [row.booking_id for row in rows if row.movie])
    return {
        row.booking_id: Appointment.of(**row._mapping, seats=tuple(seats.get(row.booking_id, ())))
        for row in rows
    }


def _seats(connection: Connection, booking_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, list[str]]:
    """The seats the bookings have, or had when they ended."""
    if not booking_ids:
        return {}
    rows = connection.execute(
        select(BookingSlot.booking_id, Slot.seat_row, Slot.seat_number)
        .join(BookingSlot, BookingSlot.slot_id == Slot.id)
        .where(
            BookingSlot.booking_id.in_(booking_ids),
            BookingSlot.left_behind.is_(False),
            Slot.seat_row.is_not(None),
        )
        .distinct()
        .order_by(Slot.seat_row, Slot.seat_number)
    )
    seats: dict[uuid.UUID, list[str]] = {}
    for booking_id, row, number in rows:
        seats.setdefault(booking_id, []).append(f"{row}{number}")
    return seats


def hall_and_house(hall: Any, place: Any) -> Any:
    """Hall 1, Palace Cinema: of two texts, or of two columns."""
    return hall + ", " + place


def with_title(name: str) -> str:
    """The doctor's name with a title: Ada Lind becomes Dr Ada Lind, Prof. Lind stays."""
    return name if TITLE.match(name) else f"Dr {name}"
