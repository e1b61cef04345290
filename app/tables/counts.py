"""How many bookings there are, kept with each change."""

from __future__ import annotations

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Base, BigId
from app.tables.booking import BookingStatus


class BookingCount(Base):
    """So many bookings more, or fewer, in a status; the sum of a status' rows is how many are in it.

    Triggers on `bookings`, which only the migrations know, add rows in the transaction that changes a
    booking. Rows are never changed, so nobody waits for anybody here. The leader folds many into few."""

    __tablename__ = "booking_counts"

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    status: Mapped[BookingStatus] = mapped_column(String(12))
    amount: Mapped[int] = mapped_column(BigId)
