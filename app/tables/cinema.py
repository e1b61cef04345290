"""Movies, halls and showtimes; the seats of a showtime are slots."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Base, BigId, UtcDateTime, db_now


class Movie(Base):
    __tablename__ = "movies"
    __table_args__ = (
        CheckConstraint("minutes BETWEEN 1 AND 600", name="length_is_plausible"),
        Index(None, "title", "id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    title: Mapped[str] = mapped_column(String(200))
    minutes: Mapped[int]
    rating: Mapped[str] = mapped_column(String(20))
    genre: Mapped[str] = mapped_column(String(60))
    description: Mapped[str | None] = mapped_column(Text)
    #: The poster is drawn from this number: the same number, the same poster.
    poster_seed: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=db_now())
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=db_now(), onupdate=db_now())


class Hall(Base):
    """A room with seats. Its layout is copied into the seats of each showtime, so that changing the
    room later moves nobody."""

    __tablename__ = "halls"
    __table_args__ = (
        CheckConstraint("seat_count > 0", name="has_seats"),
        Index("one_hall_per_name", "place", "name", unique=True),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    name: Mapped[str] = mapped_column(String(100))
    #: The house it is in.
    place: Mapped[str] = mapped_column(String(200))
    timezone: Mapped[str] = mapped_column(String(64))
    currency: Mapped[str] = mapped_column(String(3))
    #: Rows, gaps, zones and their prices, as app.directory.layouts reads them.
    layout: Mapped[dict[str, Any]] = mapped_column(JSON)
    seat_count: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=db_now())


class Showtime(Base):
    """A movie in a hall at a time. Beside what is declared here the migration adds the rule that no two
    showtimes of a hall overlap: an exclusion constraint in PostgreSQL, triggers in SQLite."""

    __tablename__ = "showtimes"
    __table_args__ = (
        CheckConstraint("ends_at > starts_at", name="ends_after_start"),
        Index(None, "movie_id", "starts_at"),
        Index("one_showtime_per_hall_and_start", "hall_id", "starts_at", unique=True),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    movie_id: Mapped[int] = mapped_column(ForeignKey("movies.id", ondelete="RESTRICT"))
    hall_id: Mapped[int] = mapped_column(ForeignKey("halls.id", ondelete="RESTRICT"))
    starts_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ends_at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: The zone whose wall clock the start was given in.
    timezone: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=db_now())
