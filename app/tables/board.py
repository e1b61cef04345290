"""The status board's copy in the database: one more member of the cluster, never the only one."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Base, BigId, UtcDateTime, db_now


class BoardState(Base):
    """How far the copy is: one row, whose lock makes hand-overs take turns."""

    __tablename__ = "board_state"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    vector: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)


class BoardWrite(Base):
    """A value of a field; more than one where the writers had not seen each other."""

    __tablename__ = "board_writes"
    __table_args__ = (Index(None, "kind", "notice", "field"),)

    origin: Mapped[str] = mapped_column(String(60), primary_key=True)
    counter: Mapped[int] = mapped_column(BigId, primary_key=True)
    kind: Mapped[str] = mapped_column(String(24))
    notice: Mapped[str] = mapped_column(String(64))
    field: Mapped[str] = mapped_column(String(24))
    value: Mapped[str | None] = mapped_column(Text)
    author: Mapped[str] = mapped_column(String(120))
    node: Mapped[str] = mapped_column(String(40))
    #: 48 bits of milliseconds, 16 of counter.
    hybrid_clock: Mapped[int] = mapped_column(BigId)
    #: Every write that its node had when it was made.
    context: Mapped[dict[str, Any]] = mapped_column(JSON)


class ConflictLogEntry(Base):
    """A value that lost against one whose author had not seen it; both as documents of the API."""

    __tablename__ = "conflict_log"

    origin: Mapped[str] = mapped_column(String(60), primary_key=True)
    counter: Mapped[int] = mapped_column(BigId, primary_key=True)
    loser: Mapped[dict[str, Any]] = mapped_column(JSON)
    winner: Mapped[dict[str, Any]] = mapped_column(JSON)
    logged_at: Mapped[datetime] = mapped_column(UtcDateTime, default=db_now())
