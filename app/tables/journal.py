"""What is written beside a change in its own transaction: outbox, audit, notices, remembered answers."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Base, BigId, UtcDateTime, db_now
from app.sealed_columns import SealedAnswer


class Stream(Base):
    """A gapless counter per stream; its row lock makes commit order equal to sequence order."""

    __tablename__ = "streams"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    last_seq: Mapped[int] = mapped_column(BigId, default=0)


class OutboxEntry(Base):
    """A change others must hear of. Never holds patient data."""

    __tablename__ = "outbox"
    __table_args__ = (Index(None, "id", unique=True), Index(None, "created_at"))

    stream: Mapped[str] = mapped_column(String(64), primary_key=True)
    seq: Mapped[int] = mapped_column(BigId, primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(Uuid, default=uuid.uuid4)
    kind: Mapped[str] = mapped_column(String(32))
    payload: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=db_now())


class AuditEntry(Base):
    """Who did what to which booking, in the transaction that did it."""

    __tablename__ = "audit"
    __table_args__ = (Index(None, "booking_id"), Index(None, "at", "id"))

    id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True, default=uuid.uuid4)
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=db_now())
    node: Mapped[str] = mapped_column(String(40))
    actor: Mapped[str] = mapped_column(String(64))
    action: Mapped[str] = mapped_column(String(32))
    booking_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    slot_id: Mapped[int | None] = mapped_column(BigId)
    fence: Mapped[int | None] = mapped_column(BigId)
    lamport: Mapped[int] = mapped_column(BigId, default=0)
    vector_clock: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    #: 48 bits of milliseconds and 16 of counter; see HybridStamp.
    hybrid_clock: Mapped[int] = mapped_column(BigId, default=0)
    detail: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    #: From where: a keyed digest of the network address, equal for equal addresses and no more.
    origin: Mapped[str | None] = mapped_column(String(32))
    #: Why personal data was looked at, or an order given.
    purpose: Mapped[str | None] = mapped_column(String(200))


class AuditLink(Base):
    """A link of a node's chain: this entry as it was, tied to all before it. Written within seconds of the
    entry, in a transaction of its own, so that bookings of one node do not queue for the chain's end."""

    __tablename__ = "audit_chain"
    __table_args__ = (Index("one_link_per_entry", "entry_id", unique=True),)

    node: Mapped[str] = mapped_column(String(40), primary_key=True)
    #: Without gaps.
    seq: Mapped[int] = mapped_column(BigId, primary_key=True)
    entry_id: Mapped[uuid.UUID] = mapped_column(Uuid)
    #: HMAC-SHA256 over the hash before and the entry, under a key the database never sees.
    hash: Mapped[str] = mapped_column(String(64))
    #: Which secret, so that it may be rotated.
    key_id: Mapped[str] = mapped_column(String(8))
    linked_at: Mapped[datetime] = mapped_column(UtcDateTime, default=db_now())


class AuditAnchor(Base):
    """How long a chain was and how it ended, noted here and outside of the database: a tail that is cut
    off leaves no gap behind."""

    __tablename__ = "audit_anchors"

    node: Mapped[str] = mapped_column(String(40), primary_key=True)
    seq: Mapped[int] = mapped_column(BigId, primary_key=True)
    hash: Mapped[str] = mapped_column(String(64))
    noted_at: Mapped[datetime] = mapped_column(UtcDateTime, default=db_now())


class Notice(Base):
    """A mail to send, queued with the change that caused it. One per booking, kind and sequence; one about
    several bookings stands with the first of them."""

    __tablename__ = "notices"
    __table_args__ = (
        CheckConstraint("status IN ('QUEUED','SENT','SKIPPED','FAILED')", name="status_is_known"),
        Index("one_notice_per_change", "booking_id", "kind", "sequence", unique=True),
        Index("ix_notices_due", "next_attempt_at",
              postgresql_where=text("status = 'QUEUED'"), sqlite_where=text("status = 'QUEUED'")),
    )  # fmt: skip

    id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True, default=uuid.uuid4)
    booking_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("bookings.id", ondelete="RESTRICT"))
    kind: Mapped[str] = mapped_column(String(24))
    sequence: Mapped[int] = mapped_column(default=0)
    #: The ids of all bookings it tells of, when they are several.
    about: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    status: Mapped[str] = mapped_column(String(8), default="QUEUED")
    attempts: Mapped[int] = mapped_column(default=0)
    next_attempt_at: Mapped[datetime] = mapped_column(UtcDateTime, default=db_now())
    #: While a sender works on it, nobody else does; a dead sender's claim lapses.
    claimed_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_error: Mapped[str | None] = mapped_column(String(300))
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=db_now())


class IdempotencyRecord(Base):
    """The answer given for an Idempotency-Key, written in the transaction of the request itself."""

    __tablename__ = "idempotency"
    __table_args__ = (Index(None, "created_at"),)

    scope: Mapped[str] = mapped_column(String(64), primary_key=True)
    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    request_hash: Mapped[str] = mapped_column(String(64))
    answer: Mapped[dict[str, Any] | None] = mapped_column(SealedAnswer)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=db_now())
