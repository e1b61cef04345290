"""Doctors and patients."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, Index, String, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Base, BigId, UtcDateTime, db_now
from app.sealed_columns import Sealed, mark_of
from app.sealing import CONTACT, EMAIL, PHONE


class Doctor(Base):
    """Someone whose time can be booked. Deleting sets deleted_at: bookings keep their doctor."""

    __tablename__ = "doctors"
    __table_args__ = (
        CheckConstraint("experience_years BETWEEN 0 AND 80", name="experience_is_plausible"),
        Index(None, "specialization", "name"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    name: Mapped[str] = mapped_column(String(100))
    specialization: Mapped[str] = mapped_column(String(100))
    email: Mapped[str | None] = mapped_column(String(254), unique=True)
    phone: Mapped[str | None] = mapped_column(String(40))
    experience_years: Mapped[int] = mapped_column(default=0)
    hospital: Mapped[str | None] = mapped_column(String(200))
    timezone: Mapped[str] = mapped_column(String(64))
    deleted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: Grows with every change; readers apply the higher one.
    version: Mapped[int] = mapped_column(BigId, default=1, server_default="1")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=db_now())
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=db_now(), onupdate=db_now())


class Patient(Base):
    """Contact data kept by the front desk; only staff may read it."""

    __tablename__ = "patients"
    __table_args__ = (Index(None, "name", "id"), Index(None, "created_at", "id"), Index(None, "phone_mark"))

    id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True, default=uuid.uuid4)
    name: Mapped[str] = mapped_column(String(100))
    email: Mapped[str] = mapped_column(Sealed(EMAIL))
    #: One record per address: equal for equal addresses, and no way back.
    email_mark: Mapped[str] = mapped_column(String(32), unique=True, default=mark_of("email", EMAIL))
    phone: Mapped[str | None] = mapped_column(Sealed(PHONE))
    #: Of its last digits, to be found by.
    phone_mark: Mapped[str | None] = mapped_column(String(32), default=mark_of("phone", PHONE))
    contact: Mapped[str | None] = mapped_column(Sealed(CONTACT))
    #: Who put them on file, and so sees them whoever's patients they become.
    created_by: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=db_now())
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=db_now(), onupdate=db_now())
