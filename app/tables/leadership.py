"""Who leads, and which term's writes count; which nodes have been seen."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Float, String
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Base, BigId, UtcDateTime, db_now


class LeaderState(Base):
    """One row per role; its epoch only grows. Every leader transaction names its epoch."""

    __tablename__ = "leader_state"

    role: Mapped[str] = mapped_column(String(32), primary_key=True)
    epoch: Mapped[int] = mapped_column(BigId, default=0)
    node: Mapped[str | None] = mapped_column(String(40))
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)


class LeaderTerm(Base):
    """The history of terms."""

    __tablename__ = "leader_terms"

    role: Mapped[str] = mapped_column(String(32), primary_key=True)
    epoch: Mapped[int] = mapped_column(BigId, primary_key=True)
    node: Mapped[str] = mapped_column(String(40))
    algorithm: Mapped[str] = mapped_column(String(16))
    started_at: Mapped[datetime] = mapped_column(UtcDateTime, default=db_now())
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: Why the leader stepped down; none when it was found gone and replaced.
    end_reason: Mapped[str | None] = mapped_column(String(200))


class Node(Base):
    """A gunicorn server and its coordinator, as last seen."""

    __tablename__ = "server_nodes"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    address: Mapped[str] = mapped_column(String(200))
    incarnation: Mapped[int] = mapped_column(BigId, default=0)
    started_at: Mapped[datetime] = mapped_column(UtcDateTime, default=db_now())
    last_heartbeat: Mapped[datetime] = mapped_column(UtcDateTime, default=db_now())
    connections: Mapped[int] = mapped_column(default=0)
    load: Mapped[float] = mapped_column(Float, default=0.0)
    status: Mapped[str] = mapped_column(String(16), default="up")
    #: Where its coordinator answers calls; a loopback address counts on its own machine only.
    rpc_address: Mapped[str | None] = mapped_column(String(200))
    machine: Mapped[str] = mapped_column(String(200), default="")
    #: The heavier leads rather.
    weight: Mapped[int] = mapped_column(default=1)
    #: The operator's wish: take no new visitors, do not lead.
    draining: Mapped[bool] = mapped_column(default=False)
    #: The last times its coordinator is known to have given, so that its next life does not go back.
    lamport_last: Mapped[int] = mapped_column(BigId, default=0)
    hybrid_last: Mapped[int] = mapped_column(BigId, default=0)
    #: Highest Lamport value any process of this node may have used; see coordination.stamps.
    lamport_reserved: Mapped[int] = mapped_column(BigId, default=0)
