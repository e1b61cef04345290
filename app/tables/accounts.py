"""Who may log in, what they may do, the sessions they opened, and what was tried at the door."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Base, BigId, UtcDateTime, db_now
from app.sealed_columns import Sealed, mark_of
from app.sealing import EMAIL, TOTP

LARGEST_LIMIT_FACTOR = 100_000


class User(Base):
    __tablename__ = "users"
    __table_args__ = (
        CheckConstraint("role IN ('patient','staff','admin','operator')", name="role_is_known"),
        CheckConstraint(f"limit_factor BETWEEN 1 AND {LARGEST_LIMIT_FACTOR}", name="limits_stay_limits"),
    )

    id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True, default=uuid.uuid4)
    email: Mapped[str] = mapped_column(Sealed(EMAIL))
    #: One account per address: equal for equal addresses, and no way back.
    email_mark: Mapped[str] = mapped_column(String(32), unique=True, default=mark_of("email", EMAIL))
    name: Mapped[str] = mapped_column(String(100))
    password_hash: Mapped[str] = mapped_column(String(255))
    role: Mapped[str] = mapped_column(String(16), default="patient")
    #: Staff of the whole practice; otherwise of the doctors in staff_doctors only.
    all_doctors: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    #: So many times the usual limits: 1 for people, more for a load test or a call centre. Never none at all.
    limit_factor: Mapped[int] = mapped_column(default=1, server_default="1")
    totp_secret: Mapped[str | None] = mapped_column(Sealed(TOTP))
    #: When the second factor was confirmed; a secret without it is being set up.
    totp_since: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: The last time step whose code was used. Only grows: a code counts once (RFC 6238 5.2).
    totp_last_step: Mapped[int | None] = mapped_column(BigId)
    password_changed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    disabled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: An IANA zone in which times are shown beside the clinic's.
    timezone: Mapped[str | None] = mapped_column(String(64))
    #: So many hours before an appointment a reminder goes out; 0 is never, None is as the clinic does.
    reminder_hours: Mapped[int | None]
    #: The person asked to be forgotten: name and address are gone.
    erased_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: In which they read mails; None is as the clinic speaks.
    language: Mapped[str | None] = mapped_column(String(8))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=db_now())


class Dependant(Base):
    """Somebody for whom the owner of an account books: a child, a parent."""

    __tablename__ = "dependants"
    __table_args__ = (Index(None, "user_id"),)

    id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True, default=uuid.uuid4)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(100))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=db_now())


class SavedView(Base):
    """A list of bookings that somebody keeps by a name: its filters as in the address."""

    __tablename__ = "saved_views"

    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    query: Mapped[str] = mapped_column(String(300))


class StaffDoctor(Base):
    """Whose bookings a member of staff may see."""

    __tablename__ = "staff_doctors"
    __table_args__ = (Index(None, "doctor_id"),)

    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    doctor_id: Mapped[int] = mapped_column(ForeignKey("doctors.id", ondelete="CASCADE"), primary_key=True)


class Session(Base):
    """A login; every cookie and bearer token names one, so ending the session ends them on every node."""

    __tablename__ = "sessions"
    __table_args__ = (Index(None, "user_id"), Index("one_session_per_token", "token_hash", unique=True))

    id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True, default=uuid.uuid4)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    #: SHA-256 of what a browser's cookie holds; a program's session has none.
    token_hash: Mapped[str | None] = mapped_column(String(64))
    #: The password was right; until the second factor is too, this is nobody's login.
    awaits_code: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    #: A second factor was shown.
    is_strong: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    #: What it was opened with, for its owner to recognise: "Firefox on Linux".
    device: Mapped[str | None] = mapped_column(String(80))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=db_now())
    last_seen_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class RecoveryCode(Base):
    """A way in without the telephone, once."""

    __tablename__ = "recovery_codes"

    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    code_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class AccountMail(Base):
    """A mail about an account. A reset's link is derived from its id, so nothing that opens is stored."""

    __tablename__ = "account_mails"
    __table_args__ = (
        CheckConstraint("kind IN ('reset','changed')", name="kind_is_known"),
        Index(None, "user_id"),
        Index("ix_account_mails_due", "next_attempt_at",
              postgresql_where=text("sent_at IS NULL"), sqlite_where=text("sent_at IS NULL")),
    )  # fmt: skip

    id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True, default=uuid.uuid4)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(8))
    attempts: Mapped[int] = mapped_column(default=0)
    #: Moved ahead by whoever takes it, so that two senders do not.
    next_attempt_at: Mapped[datetime] = mapped_column(UtcDateTime, default=db_now())
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=db_now())


class Attempt(Base):
    """How often something was tried lately, counted for all nodes and without Redis."""

    __tablename__ = "attempts"
    __table_args__ = (Index(None, "since"),)

    #: A kind and a keyed digest: never an address in the clear.
    name: Mapped[str] = mapped_column(String(80), primary_key=True)
    count: Mapped[int] = mapped_column(default=1)
    since: Mapped[datetime] = mapped_column(UtcDateTime, default=db_now())
