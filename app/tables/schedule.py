"""When a doctor usually works, who waits for a time that is taken, and what repeats."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Base, BigId, UtcDateTime, db_now
from app.sealed_columns import Sealed, mark_of
from app.sealing import EMAIL, PHONE


class OpeningHours(Base):
    """A stretch of a weekday in the doctor's wall clock; a break is the gap between two of them."""

    __tablename__ = "opening_hours"
    __table_args__ = (
        CheckConstraint("weekday BETWEEN 0 AND 6", name="weekday_is_known"),
        CheckConstraint("opens_minute >= 0 AND opens_minute < closes_minute AND closes_minute <= 1440",
                        name="opens_before_it_closes"),
        CheckConstraint("duration_minutes BETWEEN 5 AND 480", name="duration_is_plausible"),
    )  # fmt: skip

    doctor_id: Mapped[int] = mapped_column(
        BigId, ForeignKey("doctors.id", ondelete="RESTRICT"), primary_key=True
    )
    #: Monday is 0.
    weekday: Mapped[int] = mapped_column(primary_key=True)
    opens_minute: Mapped[int] = mapped_column(primary_key=True)
    closes_minute: Mapped[int]
    duration_minutes: Mapped[int]


class WaitlistEntry(Base):
    """Somebody who wants a time of a doctor that is taken now. First come, first offered."""

    __tablename__ = "waitlist"
    __table_args__ = (
        CheckConstraint("status IN ('WAITING','OFFERED','BOOKED','LEFT')", name="status_is_known"),
        CheckConstraint("(status = 'OFFERED') = (offer_id IS NOT NULL)", name="offer_while_offered"),
        CheckConstraint("starts_before > starts_from", name="ends_after_start"),
        Index("ix_waitlist_line", "doctor_id", "created_at", "id",
              postgresql_where=text("status = 'WAITING'"), sqlite_where=text("status = 'WAITING'")),
        Index("one_entry_per_offer", "offer_id", unique=True),
    )  # fmt: skip

    id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True, default=uuid.uuid4)
    doctor_id: Mapped[int] = mapped_column(BigId, ForeignKey("doctors.id", ondelete="RESTRICT"))
    starts_from: Mapped[datetime] = mapped_column(UtcDateTime)
    starts_before: Mapped[datetime] = mapped_column(UtcDateTime)
    patient_name: Mapped[str] = mapped_column(String(100))
    patient_email: Mapped[str] = mapped_column(Sealed(EMAIL))
    #: To count the lines that one address stands in.
    email_mark: Mapped[str] = mapped_column(String(32), default=mark_of("patient_email", EMAIL))
    patient_phone: Mapped[str | None] = mapped_column(Sealed(PHONE))
    language: Mapped[str | None] = mapped_column(String(8))
    status: Mapped[str] = mapped_column(String(8), default="WAITING")
    #: The hold that is theirs to confirm: an ordinary PENDING booking with its own fence and deadline.
    offer_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("bookings.id", ondelete="RESTRICT"))
    #: How often an offer went by; whoever lets one lapse goes on waiting, behind those who came meanwhile.
    offers: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=db_now())


class Series(Base):
    """An appointment that repeats: by which rule its times were chosen. Each of them is a booking."""

    __tablename__ = "series"

    id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True, default=uuid.uuid4)
    doctor_id: Mapped[int] = mapped_column(BigId, ForeignKey("doctors.id", ondelete="RESTRICT"))
    #: As RFC 5545 writes it, such as FREQ=WEEKLY;INTERVAL=2;COUNT=6, on the wall clock of the zone.
    rule: Mapped[str] = mapped_column(String(120))
    timezone: Mapped[str] = mapped_column(String(64))
    first_starts_at: Mapped[datetime] = mapped_column(UtcDateTime)
    made_by: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=db_now())
