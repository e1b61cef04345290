"""How a person wants to be reminded."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Base, UtcDateTime, db_now
from app.sealed_columns import Sealed
from app.sealing import CONTACT


class ReminderChoice(Base):
    """By what a person is reminded, where it is not by mail."""

    __tablename__ = "reminder_choices"
    __table_args__ = (
        CheckConstraint("channel IN ('mail','sms','push')", name="channel_is_known"),
        CheckConstraint("channel = 'mail' OR address IS NOT NULL", name="somewhere_to_send_to"),
    )

    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    channel: Mapped[str] = mapped_column(String(4))
    #: A telephone number, or what the push gateway knows the person's device by.
    address: Mapped[str | None] = mapped_column(Sealed(CONTACT))
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime, default=db_now(), onupdate=db_now())
