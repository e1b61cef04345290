"""Making a booking: the claim in the database, and everything that is written with it."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, true
from sqlalchemy.exc import IntegrityError

from app.booking import rules, statements
from app.booking.allowances import origin_of, require_allowance
from app.booking.documents import booking_document
from app.booking.engine import Act, Engine
from app.booking.errors import BookingConflict, Reason
from app.booking.glance import true_refusal
from app.booking.rules import Actor
from app.booking.seating import seats_taken
from app.booking.statements import SlotRow
from app.booking.strays import warnings
from app.booking.together import book_with_others
from app.booking.turns import Fences, OthersAreAtThem, StaleFence, Turn, take_turns
from app.commits import sent_as_one
from app.database import TransientFailure, db_now
from app.directory.patients import Reader, shown_to
from app.errors import ValidationFailed
from app.idempotency import Answer, Document, RequestKey
from app.tables.booking import Booking, BookingSlot, BookingStatus
from app.tables.directory import Patient


@dataclass(frozen=True)
class PatientDetails:
    """Who comes; reason is free text the person typed."""

    name: str
    email: str | None = None
    phone: str | None = None
    reason: str | None = None
    patient_id: uuid.UUID | None = None
    #: Somebody of the caller's own account; whoever fills it in has looked that they are.
    dependant_id: uuid.UUID | None = None
    #: In which they read; None when nobody can know.
    language: str | None = None


@dataclass(frozen=True)
class Claim:
    """Slots to take, all or none: at once (instant) or as a hold that lapses."""

    slot_ids: tuple[int, ...]
    patient: PatientDetails | None
    instant: bool = False


def hold_slot(engine: Engine, claim: Claim, actor: Actor, request: RequestKey | None = None) -> Answer:
    """Take the slots for a PENDING booking, or a CONFIRMED one when instant.

    Raises BookingConflict with the reason and alternatives, SlotInPast, NotFound."""
    slot_ids = wanted_slots(claim.slot_ids)
    if answer := book_with_others(engine, claim, actor, request):
        return answer
    booking_id = uuid.uuid4()
    hold = None if claim.instant else engine.hold_seconds

    def take(act: Act, fences: Fences, waits: bool) -> Document:
        if len(slot_ids) > 1:  # a single one is locked by the claim itself
            lock_all(act.tx, slot_ids, waits)
        rows = take_all(act, slot_ids, booking_id, fences, hold)
        return insert_booking(act, booking_id, rows, claim, is_short=True)

    return take_turns(engine, Turn(slot_ids, actor, request, str(booking_id)), take)


def wanted_slots(slot_ids: Iterable[int]) -> tuple[int, ...]:
    """Each once, in the order in which they are locked. Raises ValidationFailed for none or too many."""
    wanted = tuple(sorted(set(slot_ids)))
    if not 1 <= len(wanted) <= rules.MOST_SLOTS:
        raise ValidationFailed.of("slot_ids", f"choose 1 to {rules.MOST_SLOTS} slots")
    return wanted


def lock_all(tx: Connection, slot_ids: Sequence[int], waits: bool) -> None:
    """Keep everybody else out of these slots.

    Without waiting: raises the refusal of those that are not free, or OthersAreAtThem. When it waits it goes
    in ascending order, against deadlocks."""
    if waits:
        statements.look_at_slots(tx, slot_ids, lock=True)
        return
    missed = tuple(sorted(set(slot_ids) - statements.lock_what_is_free(tx, slot_ids)))
    if missed:
        raise true_refusal(tx, missed) or OthersAreAtThem


def take_all(
    act: Act, slot_ids: Sequence[int], booking_id: uuid.UUID, fences: Fences, hold: float | datetime | None
) -> list[SlotRow]:
    """Claim all of the slots; several are locked before.

    Raises the refusal of those that cannot be had, or StaleFence."""
    rows = statements.take_slots(act.tx, slot_ids, booking_id, fences, hold)
    if len(rows) < len(slot_ids):
        # Those we got look taken now, by us.
        missed = tuple(sorted(set(slot_ids) - {row.id for row in rows}))
        if refusal := true_refusal(act.tx, missed):
            raise refusal
        raise StaleFence({slot.id: slot.fence for slot in statements.look_at_slots(act.tx, slot_ids)})
    require_one_owner(rows)
    return rows


def require_one_owner(rows: Sequence[SlotRow]) -> None:
    """Raises ValidationFailed unless all slots are of one doctor, or all of one showtime."""
    if len({(row.doctor_id, row.showtime_id) for row in rows}) > 1:
        raise ValidationFailed.of("slot_ids", "choose times of one doctor, or seats at one showtime")


def insert_booking(
    act: Act, booking_id: uuid.UUID, rows: list[SlotRow], claim: Claim, *, is_short: bool = False
) -> Document:
    """The booking of slots just taken, and everything that is written with it."""
    write_booking(act, booking_id, rows, claim, is_short=is_short)
    if claim.instant:
        act.notify(booking_id, "confirmation", 0)
    return with_warnings(act, read_booking(act.tx, booking_id))


def write_booking(
    act: Act,
    booking_id: uuid.UUID,
    rows: list[SlotRow],
    claim: Claim,
    more: Mapping[str, Any] | None = None,
    *,
    is_short: bool = False,
) -> None:
    """The booking of slots just taken, without telling anybody; more are columns of it. A short transaction
    saves round trips, but may take no more than a few seconds from here to its end."""
    require_allowance(act, [row.id for row in rows])
    oust_lapsed(act, [row.id for row in rows], "next claim")
    values = {**_booking_values(act, booking_id, rows, claim), **(more or {})}
    with _constraints_speak(), sent_as_one(act.tx) if is_short else nullcontext():
        act.tx.execute(insert(Booking).values(values))
        bind_slots(act, booking_id, rows)
        act.audit("book" if claim.instant else "hold", booking_id, rows)
    act.slots_changed(rows)


def with_warnings(act: Act, booking: Document) -> Document:
    """The booking, and for seats what the person may want to know before going on."""
    if booking["showtime_id"] is None:
        return booking
    plan = act.engine.plans.of(act.tx, int(booking["showtime_id"]))
    taken = seats_taken(act.tx, plan.showtime_id)
    chosen = [int(slot["id"]) for slot in booking["slots"]]
    return {**booking, "warnings": warnings(plan, chosen, taken)}


def oust_lapsed(act: Act, slot_ids: list[int], noticed_by: str) -> None:
    """Expire the bookings whose hold on these slots has lapsed."""
    act.audit_expired(statements.expire_lapsed_claims(act.tx, slot_ids), noticed_by)


def bind_slots(act: Act, booking_id: uuid.UUID, rows: list[SlotRow]) -> None:
    """Record the claim on slots just taken; the unique indexes refuse a second live one."""
    claims = [{"booking_id": booking_id, "slot_id": row.id, "fence": row.fence} for row in rows]
    with _constraints_speak():
        act.tx.execute(insert(BookingSlot), claims)


def _booking_values(act: Act, booking_id: uuid.UUID, rows: list[SlotRow], claim: Claim) -> dict[str, Any]:
    status = BookingStatus.CONFIRMED if claim.instant else BookingStatus.PENDING
    return {
        "id": booking_id,
        "reference": rules.new_reference(),
        "status": status,
        "doctor_id": rows[0].doctor_id,
        "showtime_id": rows[0].showtime_id,
        "starts_at": min(row.starts_at for row in rows),
        "ends_at": max(row.ends_at for row in rows),
        "user_id": act.actor.user_id,
        "origin": origin_of(act.actor),
        **patient_values(act, claim.patient),
        "is_appointment": rows[0].is_interval,
        "expires_at": first_deadline(rows),
        "confirmed_at": db_now() if claim.instant else None,
        "processed_by": act.engine.node_id,
        "logical_clock": act.stamp.lamport,
        "vector_clock": dict(act.stamp.vector),
        "hybrid_clock": act.stamp.hybrid.packed,
    }


def first_deadline(rows: list[SlotRow]) -> datetime | None:
    """A hold ends with the first of its slots: the clock moves on while several are written."""
    return min((row.hold_until for row in rows if row.hold_until), default=None)


def patient_values(act: Act, patient: PatientDetails | None) -> dict[str, Any]:
    """The columns that say who comes. Raises ValidationFailed for a patient_id unknown to who acts."""
    if patient is None:
        return {}
    if patient.patient_id is not None:
        may = shown_to(Reader(act.actor.label, act.actor.doctors)) if act.actor.is_staff else true()
        known = act.tx.execute(select(Patient).where(Patient.id == patient.patient_id, may)).first()
        if known is None:
            raise ValidationFailed.of("patient_id", "there is no such patient")
        if not patient.name:
            patient = replace(patient, name=known.name, email=known.email, phone=known.phone)
    return {
        "patient_id": patient.patient_id,
        "dependant_id": patient.dependant_id,
        "patient_name": patient.name,
        "patient_email": patient.email,
        "patient_phone": patient.phone,
        "reason": patient.reason,
        **({"language": patient.language} if patient.language else {}),
    }


def read_booking(tx: Connection, booking_id: uuid.UUID) -> Document:
    document = booking_document(tx, booking_id)
    if document is None:
        raise AssertionError("the booking was written in this transaction")
    return document


@contextmanager
def _constraints_speak() -> Iterator[None]:
    """The constraints behind the guard: what they refuse is a conflict, not a crash."""
    try:
        yield
    except IntegrityError as error:
        text = str(error.orig)
        if any(
            name in text for name in ("one_live_booking", "one_booking_per_fence", "booking_slots.slot_id")
        ):
            raise BookingConflict.because(Reason.SLOT_TAKEN) from error
        if "reference" in text:
            raise TransientFailure from error  # two bookings drew the same reference: draw again
        raise
