"""Other programs that are told what happens to bookings: where, what each was sent, and how that went."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, Text, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Base, BigId, UtcDateTime, db_now


class WebhookEndpoint(Base):
    """An address an administrator registered. Its secrets are derived from its id and their generation, so
    a copy of the database signs nothing."""

    __tablename__ = "webhook_endpoints"
    __table_args__ = (CheckConstraint("generation >= 1", name="generation_is_natural"),)

    id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True, default=uuid.uuid4)
    url: Mapped[str] = mapped_column(String(500))
    description: Mapped[str] = mapped_column(String(200), default="")
    #: Names of the kinds that are wanted.
    events: Mapped[list[str]] = mapped_column(JSON)
    #: Only grows: a new one is a new secret.
    generation: Mapped[int] = mapped_column(default=1)
    #: Under which of our own secrets that one was derived.
    key_id: Mapped[str] = mapped_column(String(8))
    #: Until when the secret before is used beside it, and its key.
    earlier_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    earlier_key_id: Mapped[str | None] = mapped_column(String(8))
    #: Since when nothing was delivered although it was tried, and how often in a row.
    failing_since: Mapped[datetime | None] = mapped_column(UtcDateTime)
    failures: Mapped[int] = mapped_column(default=0)
    #: Until then nothing is tried: an address that hangs must not keep the workers busy.
    resting_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    paused_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    deleted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_by: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=db_now())


class WebhookDelivery(Base):
    """One event for one endpoint. The id is made of both, so that a second relay of an event adds nothing and
    the receiver sees the same one with every repeat."""

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        CheckConstraint("status IN ('QUEUED','DELIVERED','DEAD')", name="status_is_known"),
        Index(None, "endpoint_id", "created_at", "id"),
        Index(None, "created_at"),
        Index("ix_webhook_deliveries_due", "next_attempt_at",
              postgresql_where=text("status = 'QUEUED'"), sqlite_where=text("status = 'QUEUED'")),
    )  # fmt: skip

    id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True)
    endpoint_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("webhook_endpoints.id", ondelete="RESTRICT"))
    kind: Mapped[str] = mapped_column(String(32))
    booking_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    #: The very text that is sent and signed, the same each time.
    body: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(String(9), default="QUEUED")
    attempts: Mapped[int] = mapped_column(default=0)
    next_attempt_at: Mapped[datetime] = mapped_column(UtcDateTime, default=db_now())
    claimed_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: Since when it has been tried: at first, after a replay, after a pause. A day later it is given up.
    queued_at: Mapped[datetime] = mapped_column(UtcDateTime, default=db_now())
    delivered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=db_now())


class WebhookAttempt(Base):
    """One try of a delivery, and what came of it: a status, or why there was none."""

    __tablename__ = "webhook_attempts"

    delivery_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("webhook_deliveries.id", ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=db_now())
    status_code: Mapped[int | None]
    error: Mapped[str | None] = mapped_column(String(200))
    milliseconds: Mapped[int] = mapped_column(default=0)


class WebhookCursor(Base):
    """How far the audit's chain of a node has been relayed: its numbers follow the commits without gaps."""

    __tablename__ = "webhook_cursors"

    node: Mapped[str] = mapped_column(String(40), primary_key=True)
    seq: Mapped[int] = mapped_column(BigId)
