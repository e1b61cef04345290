"""How often a time could not be had: numbers without anybody in them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Base, BigId, UtcDateTime


class RefusalTally(Base):
    """So many conflicts in an hour, by reason. Counted behind the request's back; a killed node's last
    moment may be missing."""

    __tablename__ = "refusal_tallies"

    hour: Mapped[datetime] = mapped_column(UtcDateTime, primary_key=True)
    reason: Mapped[str] = mapped_column(String(16), primary_key=True)
    count: Mapped[int] = mapped_column(BigId)
