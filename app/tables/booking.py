"""Slots and bookings, and the constraints that keep one live booking per slot."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, Text, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Base, BigId, UtcDateTime, db_now
from app.sealed_columns import Sealed
from app.sealing import EMAIL, PHONE


class SlotState(StrEnum):
    OPEN = "OPEN"
    HELD = "HELD"
    BOOKED = "BOOKED"
    BLOCKED = "BLOCKED"


class BookingStatus(StrEnum):
    PENDING = "PENDING"
    CONFIRMED = "CONFIRMED"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"
    FAILED = "FAILED"
    ARRIVED = "ARRIVED"
    IN_ROOM = "IN_ROOM"
    COMPLETED = "COMPLETED"
    NO_SHOW = "NO_SHOW"


class SeatKind(StrEnum):
    STANDARD = "standard"
    #: A space for a wheelchair, without a chair.
    WHEELCHAIR = "wheelchair"
    #: Beside such a space, for whoever comes along.
    COMPANION = "companion"


#: What is kept about times need not be kept about thousands of seats.
OF_A_DOCTOR = "doctor_id IS NOT NULL"
SEAT_IS_WHOLE = (
    "showtime_id IS NULL OR (seat_row IS NOT NULL AND seat_number IS NOT NULL AND seat_y IS NOT NULL"
    " AND seat_x IS NOT NULL AND seat_zone IS NOT NULL AND seat_kind IS NOT NULL"
    " AND seat_kind IN ('standard','wheelchair','companion') AND price_cents IS NOT NULL"
    " AND price_cents >= 0 AND NOT is_interval)"
)


class Slot(Base):
    """The smallest thing only one booking can own: an interval of a doctor's time, or a seat at a showtime.

    Beside what is declared here the migrations add the rule that no two slots of a doctor
    overlap in one lane unless one is BLOCKED: an exclusion constraint in PostgreSQL, triggers in SQLite."""

    __tablename__ = "slots"
    __table_args__ = (
        CheckConstraint("state IN ('OPEN','HELD','BOOKED','BLOCKED')", name="state_is_known"),
        CheckConstraint("(state IN ('HELD','BOOKED')) = (booking_id IS NOT NULL)", name="owned_when_taken"),
        CheckConstraint("(state = 'HELD') = (hold_until IS NOT NULL)", name="deadline_when_held"),
        CheckConstraint("(state = 'BLOCKED') = (block_reason IS NOT NULL)", name="reason_when_blocked"),
        CheckConstraint("ends_at > starts_at", name="ends_after_start"),
        CheckConstraint("fence >= 0", name="fence_is_natural"),
        CheckConstraint("(doctor_id IS NULL) <> (showtime_id IS NULL)", name="of_a_doctor_or_a_showtime"),
        CheckConstraint(SEAT_IS_WHOLE, name="seat_is_whole"),
        Index("one_slot_per_seat", "showtime_id", "seat_row", "seat_number", unique=True,
              postgresql_where=text("showtime_id IS NOT NULL"),
              sqlite_where=text("showtime_id IS NOT NULL")),
        CheckConstraint("lane BETWEEN 0 AND 3", name="lane_is_known"),
        CheckConstraint("lane = 0 OR is_interval", name="extra_lane_is_never_offered"),
        Index("one_slot_per_doctor_and_start", "doctor_id", "starts_at", "lane", unique=True,
              postgresql_where=text(f"state <> 'BLOCKED' AND {OF_A_DOCTOR}"),
              sqlite_where=text(f"state <> 'BLOCKED' AND {OF_A_DOCTOR}")),
        Index("ix_slots_free", "doctor_id", "starts_at",
              postgresql_where=text(f"state = 'OPEN' AND {OF_A_DOCTOR}"),
              sqlite_where=text(f"state = 'OPEN' AND {OF_A_DOCTOR}")),
        Index("ix_slots_lapsing", "hold_until",
              postgresql_where=text("state = 'HELD'"), sqlite_where=text("state = 'HELD'")),
        Index(None, "starts_at", "id",
              postgresql_where=text(OF_A_DOCTOR), sqlite_where=text(OF_A_DOCTOR)),
        {"sqlite_autoincrement": True},
    )  # fmt: skip

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    doctor_id: Mapped[int | None] = mapped_column(ForeignKey("doctors.id", ondelete="RESTRICT"))
    showtime_id: Mapped[int | None] = mapped_column(ForeignKey("showtimes.id", ondelete="RESTRICT"))
    #: What is printed on the seat: row B, number 14.
    seat_row: Mapped[str | None] = mapped_column(String(4))
    seat_number: Mapped[int | None]
    #: Where it stands: rows from the screen, columns from the left with the gaps counted.
    seat_y: Mapped[int | None]
    seat_x: Mapped[int | None]
    seat_zone: Mapped[str | None] = mapped_column(String(40))
    seat_kind: Mapped[SeatKind | None] = mapped_column(String(12))
    price_cents: Mapped[int | None]
    starts_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ends_at: Mapped[datetime] = mapped_column(UtcDateTime)
    state: Mapped[SlotState] = mapped_column(String(8), default=SlotState.OPEN)
    #: Why nobody can book it: stepped_aside (for an interval), retired (an interval that ended), closed.
    block_reason: Mapped[str | None] = mapped_column(String(16))
    #: Set while HELD or BOOKED: the one booking that owns the slot.
    booking_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    hold_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: Only grows; every claim must bring a higher one.
    fence: Mapped[int] = mapped_column(BigId, default=0)
    #: Grows with every change; readers apply the higher one.
    version: Mapped[int] = mapped_column(BigId, default=1)
    #: Made for one interval appointment, never offered on its own.
    is_interval: Mapped[bool] = mapped_column(default=False)
    #: 0 is the doctor's own time. A higher one is capacity that somebody raised on purpose: an overbooking.
    lane: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=db_now())
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=db_now(), onupdate=db_now())


class Booking(Base):
    """A person's claim on slots, from the hold to its end."""

    __tablename__ = "bookings"
    __table_args__ = (
        CheckConstraint(
            "status IN ('PENDING','CONFIRMED','CANCELLED','EXPIRED','FAILED',"
            "'ARRIVED','IN_ROOM','COMPLETED','NO_SHOW')",
            name="status_is_known",
        ),
        CheckConstraint(
            "status IN ('PENDING','EXPIRED','CANCELLED','FAILED') OR patient_name IS NOT NULL",
            name="patient_is_named",
        ),
        CheckConstraint("(status = 'PENDING') = (expires_at IS NOT NULL)", name="deadline_while_pending"),
        CheckConstraint("(doctor_id IS NULL) <> (showtime_id IS NULL)", name="of_a_doctor_or_a_showtime"),
        Index(None, "status", "created_at"),
        Index(None, "created_at", "id"),
        Index(None, "doctor_id", "status", "starts_at"),
        Index(None, "showtime_id", "status"),
        Index(None, "user_id", "created_at"),
        Index(None, "patient_id"),
        Index(None, "starts_at"),
        Index("ix_bookings_of_series", "series_id", "starts_at",
              postgresql_where=text("series_id IS NOT NULL"), sqlite_where=text("series_id IS NOT NULL")),
        Index("ix_bookings_lapsing", "expires_at",
              postgresql_where=text("expires_at IS NOT NULL"),
              sqlite_where=text("expires_at IS NOT NULL")),
        Index("ix_bookings_holds_of_user", "user_id",
              postgresql_where=text("status = 'PENDING'"), sqlite_where=text("status = 'PENDING'")),
        Index("ix_bookings_holds_of_origin", "origin",
              postgresql_where=text("status = 'PENDING' AND origin IS NOT NULL"),
              sqlite_where=text("status = 'PENDING' AND origin IS NOT NULL")),
        Index("ix_bookings_origin", "origin", "created_at",
              postgresql_where=text("origin IS NOT NULL"), sqlite_where=text("origin IS NOT NULL")),
    )  # fmt: skip

    id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True, default=uuid.uuid4)
    reference: Mapped[str] = mapped_column(String(8), unique=True)
    status: Mapped[BookingStatus] = mapped_column(String(12))
    doctor_id: Mapped[int | None] = mapped_column(ForeignKey("doctors.id", ondelete="RESTRICT"))
    showtime_id: Mapped[int | None] = mapped_column(ForeignKey("showtimes.id", ondelete="RESTRICT"))
    #: Of which repeating appointment this is one time.
    series_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("series.id", ondelete="RESTRICT"))
    #: A copy of the slots' span, so that lists by day need no join.
    starts_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ends_at: Mapped[datetime] = mapped_column(UtcDateTime)
    user_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    #: For whom the owner of the account booked, when not for themselves.
    dependant_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("dependants.id", ondelete="SET NULL"))
    patient_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("patients.id", ondelete="RESTRICT"))
    patient_name: Mapped[str | None] = mapped_column(String(100))
    patient_email: Mapped[str | None] = mapped_column(Sealed(EMAIL))
    patient_phone: Mapped[str | None] = mapped_column(Sealed(PHONE))
    reason: Mapped[str | None] = mapped_column(Text)
    #: In which the patient booked and reads mails; None is as their account, else the clinic, speaks.
    language: Mapped[str | None] = mapped_column(String(8))
    is_appointment: Mapped[bool] = mapped_column(default=False)
    #: Of a booking without a login: a keyed digest of the network address, kept for a day to count with.
    origin: Mapped[str | None] = mapped_column(String(32))
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    extensions: Mapped[int] = mapped_column(default=0)
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: Since when the person has been here, for how long they have waited.
    arrived_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    cancelled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    cancel_reason: Mapped[str | None] = mapped_column(Text)
    #: So many hours before it begins a reminder goes out; 0 is never, None is as the clinic does.
    reminder_hours: Mapped[int | None]
    #: The SEQUENCE of its calendar entry (RFC 5545 3.8.7.4): grows when the time changes or it is cancelled.
    sequence: Mapped[int] = mapped_column(default=0)
    processed_by: Mapped[str] = mapped_column(String(40))
    logical_clock: Mapped[int] = mapped_column(BigId, default=0)
    vector_clock: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    #: 48 bits of milliseconds and 16 of counter; see HybridStamp.
    hybrid_clock: Mapped[int] = mapped_column(BigId, default=0)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=db_now())
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=db_now(), onupdate=db_now())


class BookingSlot(Base):
    """Which slot a booking claimed under which fence; the row stays when the claim ends."""

    __tablename__ = "booking_slots"
    __table_args__ = (
        Index("one_live_booking_per_slot", "slot_id", unique=True,
              postgresql_where=text("live"), sqlite_where=text("live")),
        Index("one_booking_per_fence", "slot_id", "fence", unique=True),
    )  # fmt: skip

    booking_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("bookings.id", ondelete="RESTRICT"), primary_key=True
    )
    slot_id: Mapped[int] = mapped_column(ForeignKey("slots.id", ondelete="RESTRICT"), primary_key=True)
    fence: Mapped[int] = mapped_column(BigId, primary_key=True)
    live: Mapped[bool] = mapped_column(default=True)
    #: The booking went on without this slot: a seat taken out of a hold, or the place before a move.
    left_behind: Mapped[bool] = mapped_column(default=False)
