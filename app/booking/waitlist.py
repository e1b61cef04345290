"""The line for a doctor's times. Whatever frees a time offers it at once to the first in line.

An offer is an ordinary hold with its own fence and deadline, so nobody else can be quicker and nothing is
promised twice: accepting is confirming, declining is releasing, and a lapsed offer goes to the next."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, case, func, insert, select, tuple_, update

from app.booking import statements
from app.booking.claims import Claim, PatientDetails, insert_booking
from app.booking.engine import Act, Engine
from app.booking.rules import Actor
from app.booking.statements import SlotRow
from app.clinic import rules
from app.database import db_now
from app.errors import Conflict, NotFound, ValidationFailed
from app.idempotency import Answer, Document, RequestKey
from app.sealed_columns import marks_of
from app.sealing import EMAIL
from app.tables.booking import Booking, BookingStatus, SlotState
from app.tables.directory import Doctor
from app.tables.schedule import WaitlistEntry

MOST_OFFERS = 3
MOST_WAITING_PER_ADDRESS = 5
WAITING, OFFERED, BOOKED, LEFT = "WAITING", "OFFERED", "BOOKED", "LEFT"


@dataclass(frozen=True)
class WaitWish:
    """Any time of this doctor that starts in this span."""

    doctor_id: int
    starts_from: datetime
    starts_before: datetime
    patient: PatientDetails


def join_waitlist(engine: Engine, wish: WaitWish, actor: Actor, request: RequestKey | None = None) -> Answer:
    """Stand in line. Raises ValidationFailed, NotFound for the doctor, Conflict for too many lines."""
    if not wish.patient.email:
        raise ValidationFailed.of("patient_email", "we need an address to send the offer to")
    if wish.starts_from >= wish.starts_before:
        raise ValidationFailed.of("starts_before", "must be later than the start")

    def join(act: Act) -> Document:
        doctor = select(Doctor.id).where(Doctor.id == wish.doctor_id, Doctor.deleted_at.is_(None))
        if act.tx.execute(doctor).first() is None:
            raise NotFound("There is no such doctor.")
        marks = marks_of(act.tx, EMAIL, wish.patient.email or "")
        mine = (WaitlistEntry.email_mark.in_(marks), WaitlistEntry.status == WAITING)
        if act.tx.execute(select(func.count()).where(*mine)).scalar_one() >= MOST_WAITING_PER_ADDRESS:
            raise Conflict("This address waits for so many times already.")
        entry_id = act.tx.execute(
            insert(WaitlistEntry)
            .values(doctor_id=wish.doctor_id, starts_from=wish.starts_from, starts_before=wish.starts_before,
                    patient_name=wish.patient.name, patient_email=wish.patient.email,
                    patient_phone=wish.patient.phone, language=wish.patient.language)
            .returning(WaitlistEntry.id)
        ).scalar_one()  # fmt: skip
        act.note("waitlist_joined", entry_id=str(entry_id), doctor_id=wish.doctor_id)
        return read_entry(act.tx, entry_id)

    return engine.perform(actor, request, join)


def leave_waitlist(
    engine: Engine, entry_id: uuid.UUID, actor: Actor, request: RequestKey | None = None
) -> Answer:
    """Stand in line no longer; whoever knows the entry may say so. Raises NotFound when it ended before."""

    def leave(act: Act) -> Document:
        left = act.tx.execute(
            update(WaitlistEntry)
            .where(WaitlistEntry.id == entry_id, WaitlistEntry.status == WAITING)
            .values(status=LEFT)
            .returning(WaitlistEntry.id)
        ).first()
        if left is None:
            raise NotFound("There is no such place in line.")
        return read_entry(act.tx, entry_id)

    return engine.perform(actor, request, leave)


def read_entry(connection: Connection, entry_id: uuid.UUID) -> Document:
    """The entry and how many stand before it who wait for times of the same doctor. Raises NotFound."""
    row = connection.execute(
        select(*WaitlistEntry.__table__.columns, Doctor.name.label("doctor_name"), Doctor.timezone)
        .join(Doctor, Doctor.id == WaitlistEntry.doctor_id)
        .where(WaitlistEntry.id == entry_id)
    ).first()
    if row is None:
        raise NotFound("There is no such place in line.")
    before = select(func.count()).where(
        WaitlistEntry.doctor_id == row.doctor_id,
        WaitlistEntry.status == WAITING,
        tuple_(WaitlistEntry.created_at, WaitlistEntry.id) < (row.created_at, row.id),
        WaitlistEntry.starts_from < row.starts_before,
        WaitlistEntry.starts_before > row.starts_from,
    )
    return {
        "id": str(row.id),
        "doctor_id": str(row.doctor_id),
        "doctor_name": row.doctor_name,
        "timezone": row.timezone,
        "starts_from": row.starts_from.isoformat().replace("+00:00", "Z"),
        "starts_before": row.starts_before.isoformat().replace("+00:00", "Z"),
        "patient_name": row.patient_name,
        "status": row.status,
        "position": connection.execute(before).scalar_one() + 1 if row.status == WAITING else None,
        "offer_id": str(row.offer_id) if row.offer_id else None,
    }


def offer_freed(act: Act, freed: Sequence[SlotRow]) -> None:
    """Hold each freed time for the first in line who wants it, and tell them. Part of whatever freed it."""
    settle(act.tx)
    for row in freed:
        if row.state == SlotState.OPEN and row.doctor_id is not None and not row.is_interval:
            _offer(act, row)


def settle(tx: Connection) -> None:
    """Entries whose offer has ended: booked, or back in line behind those who came meanwhile."""
    ended = (BookingStatus.EXPIRED, BookingStatus.CANCELLED)
    offered = WaitlistEntry.status == OFFERED
    over = select(Booking.id).where(Booking.id == WaitlistEntry.offer_id, Booking.status.in_(ended))
    had_enough = WaitlistEntry.offers >= MOST_OFFERS
    tx.execute(
        update(WaitlistEntry)
        .where(offered, over.correlate(WaitlistEntry).exists())
        .values(status=case((had_enough, LEFT), else_=WAITING), offer_id=None, created_at=db_now())
    )


def note_confirmed(tx: Connection, booking_id: uuid.UUID) -> None:
    """The offer was accepted."""
    tx.execute(
        update(WaitlistEntry)
        .where(WaitlistEntry.offer_id == booking_id, WaitlistEntry.status == OFFERED)
        .values(status=BOOKED, offer_id=None)
    )


def _offer(act: Act, freed: SlotRow) -> None:
    entry = _first_in_line(act.tx, freed)
    if entry is None:
        return
    booking_id = uuid.uuid4()
    seconds = rules.read(act.tx).waitlist_minutes * 60
    rows = statements.take_slots(act.tx, [freed.id], booking_id, None, seconds)
    if not rows:
        return  # it begins before anybody could come
    patient = PatientDetails(
        entry.patient_name, entry.patient_email, entry.patient_phone, language=entry.language
    )
    insert_booking(act, booking_id, rows, Claim((freed.id,), patient))
    act.tx.execute(
        update(WaitlistEntry)
        .where(WaitlistEntry.id == entry.id)
        .values(status=OFFERED, offer_id=booking_id, offers=WaitlistEntry.offers + 1)
    )
    # What a hold takes on belongs to whoever is offered it, not to whoever freed the time.
    act.tx.execute(update(Booking).where(Booking.id == booking_id).values(user_id=None))
    act.note("waitlist_offered", entry_id=str(entry.id), booking_id=str(booking_id))
    act.notify(booking_id, "offer", 0)


def _first_in_line(tx: Connection, freed: SlotRow) -> Row[Any] | None:
    """Whoever came first and wants this time, unless another transaction offers them one just now."""
    query = (
        select(*WaitlistEntry.__table__.columns)
        .where(
            WaitlistEntry.doctor_id == freed.doctor_id,
            WaitlistEntry.status == WAITING,
            WaitlistEntry.starts_from <= freed.starts_at,
            WaitlistEntry.starts_before > freed.starts_at,
        )
        .order_by(WaitlistEntry.created_at, WaitlistEntry.id)
        .limit(1)
    )
    return tx.execute(query.with_for_update(skip_locked=True)).first()
