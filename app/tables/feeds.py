"""Calendars that other programs subscribe to."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Base, BigId, UtcDateTime, db_now


class CalendarFeed(Base):
    """A secret address at which a calendar program reads somebody's bookings, or a doctor's."""

    __tablename__ = "calendar_feeds"
    __table_args__ = (
        CheckConstraint("shows IN ('busy','full')", name="shows_is_known"),
        Index("one_feed_per_token", "token_hash", unique=True),
        Index(None, "user_id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True, default=uuid.uuid4)
    #: SHA-256 of what the address holds: a copy of the table opens nothing.
    token_hash: Mapped[str] = mapped_column(String(64))
    #: Who made it. It ends with their account, and with their right to see the doctor's bookings.
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    #: None: the maker's own bookings.
    doctor_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("doctors.id", ondelete="RESTRICT"))
    shows: Mapped[str] = mapped_column(String(4))
    #: What its words are in.
    language: Mapped[str] = mapped_column(String(8))
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime, default=db_now())
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=db_now())
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
