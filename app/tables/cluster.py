"""What the operator has set for all nodes, and what the nodes said to each other and found out."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Base, BigId, UtcDateTime, db_now


class ClusterSetting(Base):
    """One setting of the whole cluster, read by every coordinator each second."""

    __tablename__ = "cluster_settings"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    value: Mapped[str] = mapped_column(String(200))
    changed_by: Mapped[str] = mapped_column(String(64), default="system")
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime, default=db_now(), onupdate=db_now())


class ClusterLogEntry(Base):
    """One thing a node sent, received or noticed. The oldest are deleted; nothing is decided by it."""

    __tablename__ = "cluster_log"
    __table_args__ = (Index(None, "kind", "id"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    #: When the database took it in; `noted_at` is the node's own clock, which may be wrong.
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=db_now())
    noted_at: Mapped[datetime] = mapped_column(UtcDateTime)
    node: Mapped[str] = mapped_column(String(40))
    #: sent, received (messages of elections) or noticed (everything else).
    kind: Mapped[str] = mapped_column(String(10))
    name: Mapped[str] = mapped_column(String(40))
    sender: Mapped[str | None] = mapped_column(String(40))
    receiver: Mapped[str | None] = mapped_column(String(40))
    #: Which election a message belongs to, such as bully-node-2-1763632800000.3.
    election: Mapped[str | None] = mapped_column(String(80))
    epoch: Mapped[int] = mapped_column(BigId, default=0)
    lamport: Mapped[int] = mapped_column(BigId, default=0)
    vector_clock: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    text: Mapped[str] = mapped_column(Text, default="")
