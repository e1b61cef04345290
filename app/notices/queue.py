"""The queue of mails in the database: written with the booking, claimed by one sender at a time.

Who claims gets an attempt number that only grows; a failure is recorded under it, so a sender that
slept through its claim cannot disturb the next one. Only the database's clock decides."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, exists, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import aliased

from app.database import db_now
from app.tables.booking import Booking
from app.tables.journal import Notice

#: Longer than any sender may work on a group of mails, shorter than a patient's patience.
CLAIM_SECONDS = 75
BACK_OFF_SECONDS = (5, 15, 60, 300, 900)
LONGEST_BACK_OFF_SECONDS = 3600
GIVE_UP_AFTER_SECONDS = 48 * 3600
LONGEST_ERROR = 300


class Kind(StrEnum):
    CONFIRMATION = "confirmation"
    CANCELLATION = "cancellation"
    RESCHEDULE = "reschedule"
    #: A time was freed and is held for somebody of the waitlist.
    OFFER = "offer"
    REMINDER = "reminder"
    #: Of an appointment that repeats: one mail for all of its times that are concerned.
    SERIES = "series"
    SERIES_MOVED = "series_moved"
    SERIES_CANCELLED = "series_cancelled"


#: Notices of what is to come, and the state in which the booking must be for them to be true.
ANNOUNCES = {Kind.REMINDER: "CONFIRMED", Kind.OFFER: "PENDING"}


@dataclass(frozen=True)
class Due:
    """A notice that somebody should send now, and for how long it has been waiting for that."""

    id: uuid.UUID
    overdue_seconds: float


@dataclass(frozen=True)
class Claim:
    """Permission to send one notice until it lapses."""

    notice_id: uuid.UUID
    booking_id: uuid.UUID
    kind: Kind
    sequence: int
    #: The fence of this claim: grows with every claim of the notice.
    attempt: int
    #: When the change it tells of was made.
    created_at: datetime
    #: It failed before, and a newer notice of the booking tells something else by now.
    is_superseded: bool
    #: What it announces is not so any more: the appointment was cancelled, moved or has begun.
    is_void: bool = False
    #: The bookings it tells of when they are several; empty for a mail about one.
    about: tuple[uuid.UUID, ...] = ()


@dataclass(frozen=True)
class Troubled:
    """A notice that failed at least once and has not been sent since."""

    id: uuid.UUID
    kind: Kind
    attempts: int
    last_error: str | None
    is_given_up: bool


def add(
    tx: Connection,
    booking_id: uuid.UUID,
    kind: Kind | str,
    sequence: int,
    about: Sequence[uuid.UUID] | None = None,
) -> uuid.UUID:
    """Queue one mail in the transaction of the change it tells of; the same id when it is there already."""
    insert = (postgresql if tx.dialect.name == "postgresql" else sqlite).insert(Notice)
    row = {"booking_id": booking_id, "kind": Kind(kind).value, "sequence": sequence}
    added: uuid.UUID | None = tx.execute(
        insert.values(id=uuid.uuid4(), about=[str(each) for each in about] if about else None, **row)
        .on_conflict_do_nothing()
        .returning(Notice.id)
    ).scalar()
    return added or tx.execute(select(Notice.id).filter_by(**row)).scalar_one()


def due(connection: Connection, most: int = 50) -> list[Due]:
    """What should be sent now, the longest waiting first."""
    rows = connection.execute(
        select(Notice.id, Notice.next_attempt_at, Notice.claimed_until, db_now().label("now"))
        .where(_can_be_claimed())
        .order_by(Notice.next_attempt_at)
        .limit(most)
    )
    return [
        # Ready since its back-off ended, or since a dead sender's claim lapsed.
        Due(notice_id, (now - max(next_attempt_at, claimed_until or next_attempt_at)).total_seconds())
        for notice_id, next_attempt_at, claimed_until, now in rows
    ]


def troubled(connection: Connection, most: int = 20) -> list[Troubled]:
    """What a person should look at: given up first, then what waits for another try."""
    rows = connection.execute(
        select(Notice.id, Notice.kind, Notice.attempts, Notice.last_error, Notice.status)
        .where(
            or_(Notice.status == "FAILED", and_(Notice.status == "QUEUED", Notice.last_error.is_not(None)))
        )
        .order_by(Notice.status, Notice.created_at.desc())
        .limit(most)
    )
    return [
        Troubled(row.id, Kind(row.kind), row.attempts, row.last_error, row.status == "FAILED") for row in rows
    ]


def claim(tx: Connection, notice_id: uuid.UUID) -> Claim | None:
    """Take the notice for CLAIM_SECONDS; None when it is done, not due, or another sender has it."""
    return next(iter(claim_all(tx, [notice_id])), None)


def claim_all(tx: Connection, notice_ids: Sequence[uuid.UUID]) -> list[Claim]:
    """Those that can be claimed now, by sequence and as given. The others are done, not due, in other hands,
    or must wait for an earlier one of their booking to go out.

    The next attempt is scheduled here and not on failure: a sender that dies backs off as well."""
    # Whoever has a row locked claims it or finishes it at this moment: nobody waits, so nobody deadlocks.
    free = (
        select(Notice.id)
        .where(Notice.id.in_(notice_ids), _can_be_claimed())
        .with_for_update(skip_locked=True, of=Notice)
    )
    rows = tx.execute(
        update(Notice)
        .where(Notice.id.in_(free))
        .values(
            attempts=Notice.attempts + 1,
            claimed_until=db_now(CLAIM_SECONDS),
            next_attempt_at=db_now(_BACK_OFF),
        )
        .returning(
            Notice.id, Notice.booking_id, Notice.kind, Notice.sequence, Notice.attempts, Notice.created_at,
            Notice.about,
        )
    ).all()  # fmt: skip
    outdated, standing = _outdated(tx, rows), _standing(tx, rows)
    given = {notice_id: place for place, notice_id in enumerate(notice_ids)}
    return [
        Claim(
            row.id, row.booking_id, Kind(row.kind), row.sequence, row.attempts, row.created_at,
            is_superseded=row.id in outdated,
            is_void=row.kind in ANNOUNCES and row.id not in standing,
            about=tuple(map(uuid.UUID, row.about or ())),
        )
        for row in sorted(rows, key=lambda row: (row.sequence, given[row.id]))
    ]  # fmt: skip


def mark_all_sent(tx: Connection, claims: Sequence[Claim]) -> None:
    """The mail server has them, whoever holds the claims by now: what is sent is sent."""
    _finish(tx, claims, status="SENT", sent_at=db_now(), last_error=None)


def mark_skipped(tx: Connection, claim: Claim, reason: str) -> bool:
    """There is nothing to send: nobody to tell, or a newer notice tells the truth."""
    return _finish(tx, [claim], status="SKIPPED", last_error=reason[:LONGEST_ERROR])


def mark_undeliverable(tx: Connection, claim: Claim, reason: str) -> bool:
    """No later attempt can succeed; it stays visible as FAILED."""
    return _finish(tx, [claim], status="FAILED", last_error=reason[:LONGEST_ERROR])


def mark_failed(tx: Connection, claim: Claim, reason: str) -> bool:
    """Give the claim back; the next attempt comes when the back-off is over. False when it had lapsed."""
    return (
        tx.execute(
            update(Notice)
            .where(Notice.id == claim.notice_id, Notice.status == "QUEUED", Notice.attempts == claim.attempt)
            .values(claimed_until=None, last_error=reason[:LONGEST_ERROR])
            .returning(Notice.id)
        ).first()
        is not None
    )


def give_up(tx: Connection) -> list[uuid.UUID]:
    """Notices that could not be sent for 48 hours become FAILED; which those are."""
    return list(
        tx.execute(
            update(Notice)
            .where(
                _can_be_claimed(), Notice.attempts > 0, Notice.created_at <= db_now(-GIVE_UP_AFTER_SECONDS)
            )
            .values(status="FAILED", claimed_until=None)
            .returning(Notice.id)
        ).scalars()
    )


def _can_be_claimed() -> ColumnElement[bool]:
    """Due, nobody works on it, and no earlier notice of the booking is about to go out before it."""
    earlier = aliased(Notice)
    goes_first = exists().where(
        earlier.booking_id == Notice.booking_id,
        earlier.sequence < Notice.sequence,
        earlier.status == "QUEUED",
        or_(earlier.attempts == 0, earlier.claimed_until > db_now()),
    )
    return and_(
        Notice.status == "QUEUED",
        Notice.next_attempt_at <= db_now(),
        or_(Notice.claimed_until.is_(None), Notice.claimed_until <= db_now()),
        ~goes_first,
    )


#: How long to wait after the attempt that begins, by the number of those before.
_BACK_OFF = case(dict(enumerate(BACK_OFF_SECONDS)), value=Notice.attempts, else_=LONGEST_BACK_OFF_SECONDS)


def _standing(tx: Connection, rows: Sequence[Any]) -> set[uuid.UUID]:
    """Those that announce what is so, at this moment."""
    announcing = [row.id for row in rows if row.kind in ANNOUNCES]
    if not announcing:
        return set()
    is_so = or_(*(and_(Notice.kind == kind, Booking.status == status) for kind, status in ANNOUNCES.items()))
    standing = (
        select(Notice.id)
        .join(Booking, Booking.id == Notice.booking_id)
        .where(Notice.id.in_(announcing), is_so, Booking.sequence == Notice.sequence)
        .where(Booking.starts_at > db_now())
    )
    return set(tx.execute(standing).scalars())


def _outdated(tx: Connection, rows: Sequence[Any]) -> set[uuid.UUID]:
    """Those that failed before while a newer notice of the booking came.

    A mail about several is written from what they are when it is sent; none of them outdates it alone."""
    again = [row.id for row in rows if row.attempts > 1 and row.about is None]
    if not again:
        return set()
    newer = aliased(Notice)
    is_outdated = exists().where(newer.booking_id == Notice.booking_id, newer.sequence > Notice.sequence)
    return set(tx.execute(select(Notice.id).where(Notice.id.in_(again), is_outdated)).scalars())


def _finish(tx: Connection, claims: Sequence[Claim], **outcome: object) -> bool:
    return (
        tx.execute(
            update(Notice)
            .where(Notice.id.in_([claim.notice_id for claim in claims]), Notice.status == "QUEUED")
            .values(claimed_until=None, **outcome)
            .returning(Notice.id)
        ).first()
        is not None
    )
