"""Slots and bookings, and the constraints that keep one live booking per slot."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, Text, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Base, BigId, UtcDateTime, db_now


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
    COMPLETED = "COMPLETED"
    NO_SHOW = "NO_SHOW"


class Slot(Base):
    """The smallest thing only one booking can own: an interval of a doctor's time.

    Beside what is declared here the first migration adds the rule that no two slots of a doctor
    overlap unless one is BLOCKED: an exclusion constraint in PostgreSQL, triggers in SQLite."""

    __tablename__ = "slots"
    __table_args__ = (
        CheckConstraint("state IN ('OPEN','HELD','BOOKED','BLOCKED')", name="state_is_known"),
        CheckConstraint("(state IN ('HELD','BOOKED')) = (booking_id IS NOT NULL)", name="owned_when_taken"),
        CheckConstraint("(state = 'HELD') = (hold_until IS NOT NULL)", name="deadline_when_held"),
        CheckConstraint("(state = 'BLOCKED') = (block_reason IS NOT NULL)", name="reason_when_blocked"),
        CheckConstraint("ends_at > starts_at", name="ends_after_start"),
        CheckConstraint("fence >= 0", name="fence_is_natural"),
        Index("one_slot_per_doctor_and_start", "doctor_id", "starts_at", unique=True,
              postgresql_where=text("state <> 'BLOCKED'"), sqlite_where=text("state <> 'BLOCKED'")),
        Index("ix_slots_free", "doctor_id", "starts_at",
              postgresql_where=text("state = 'OPEN'"), sqlite_where=text("state = 'OPEN'")),
        Index("ix_slots_lapsing", "hold_until",
              postgresql_where=text("state = 'HELD'"), sqlite_where=text("state = 'HELD'")),
        Index(None, "starts_at", "id"),
        {"sqlite_autoincrement": True},
    )  # fmt: skip

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    doctor_id: Mapped[int] = mapped_column(ForeignKey("doctors.id", ondelete="RESTRICT"))
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
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=db_now())
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=db_now(), onupdate=db_now())


class Booking(Base):
    """A person's claim on slots, from the hold to its end."""

    __tablename__ = "bookings"
    __table_args__ = (
        CheckConstraint(
            "status IN ('PENDING','CONFIRMED','CANCELLED','EXPIRED','FAILED',"
            "'ARRIVED','COMPLETED','NO_SHOW')",
            name="status_is_known",
        ),
        CheckConstraint(
            "status IN ('PENDING','EXPIRED','CANCELLED','FAILED') OR patient_name IS NOT NULL",
            name="patient_is_named",
        ),
        CheckConstraint("(status = 'PENDING') = (expires_at IS NOT NULL)", name="deadline_while_pending"),
        Index(None, "status", "created_at"),
        Index(None, "created_at", "id"),
        Index(None, "doctor_id", "status", "starts_at"),
        Index(None, "user_id", "created_at"),
        Index(None, "patient_id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True, default=uuid.uuid4)
    reference: Mapped[str] = mapped_column(String(8), unique=True)
    status: Mapped[BookingStatus] = mapped_column(String(12))
    doctor_id: Mapped[int] = mapped_column(ForeignKey("doctors.id", ondelete="RESTRICT"))
    #: A copy of the slots' span, so that lists by day need no join.
    starts_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ends_at: Mapped[datetime] = mapped_column(UtcDateTime)
    user_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    patient_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("patients.id", ondelete="RESTRICT"))
    patient_name: Mapped[str | None] = mapped_column(String(100))
    patient_email: Mapped[str | None] = mapped_column(String(254))
    patient_phone: Mapped[str | None] = mapped_column(String(40))
    reason: Mapped[str | None] = mapped_column(Text)
    is_appointment: Mapped[bool] = mapped_column(default=False)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    extensions: Mapped[int] = mapped_column(default=0)
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    cancelled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    cancel_reason: Mapped[str | None] = mapped_column(Text)
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
