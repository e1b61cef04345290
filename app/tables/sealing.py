"""Which keys something in this database may be sealed with."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Base, UtcDateTime, db_now


class SealingKey(Base):
    """A key that was in use; gone when nothing is sealed with it any more. Its name, never the key."""

    __tablename__ = "sealing_keys"

    id: Mapped[str] = mapped_column(String(8), primary_key=True)
    since: Mapped[datetime] = mapped_column(UtcDateTime, default=db_now())
