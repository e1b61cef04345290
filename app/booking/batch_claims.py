"""Instant bookings of single slots, many in one transaction.

A batch takes what is plainly free and writes everything for it: claim, booking, audit, notice, remembered
answer and outbox, each request its own. Whatever is not plain - taken, locked, lapsed, a key seen before, a
constraint that speaks - is left to a transaction of its own, which knows all the reasons. So one bad row
costs its neighbours one more try at most."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import orjson
import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from app.batches import MOST_TOGETHER
from app.booking import rules
from app.booking.batch_statements import APPEND_ALL, TAKE_FREE, WAIT_BRIEFLY, WRITE_DOWN, TakenSlot
from app.booking.documents import document_of
from app.booking.rules import Actor
from app.coordination.outbox import doctor_stream
from app.coordination.stamps import Stamp
from app.database import Database, TransientFailure, send_ahead
from app.direct import ask_first
from app.errors import OutcomeUnknown, Unavailable
from app.idempotency import Document, RequestKey
from app.sealed_columns import keyring_of
from app.sealing import EMAIL, PHONE
from app.tables.booking import BookingStatus

if TYPE_CHECKING:
    from app.booking.allowances import Allowance
    from app.booking.claims import PatientDetails
    from app.booking.engine import Engine

log = structlog.get_logger("booking")


@dataclass(frozen=True, slots=True)
class Wish:
    """One slot for one person, at once."""

    slot_id: int
    patient: PatientDetails
    actor: Actor
    request: RequestKey | None
    stamp: Stamp
    #: To be counted against the allowance; None: one more is surely allowed.
    allowance: Allowance | None = None
    booking_id: uuid.UUID = field(default_factory=uuid.uuid4)
    notice_id: uuid.UUID = field(default_factory=uuid.uuid4)


class Left(Enum):
    """There is no booking yet."""

    TO_ITSELF = "not plain; it goes on alone"


@dataclass(frozen=True, slots=True)
class Unsettled:
    """The reply to COMMIT was lost: this change was made, or nothing was. None: not even that is known."""

    change: Document | None = None


@dataclass(frozen=True, slots=True)
class Booked:
    """Committed: the booking's document, the change as others hear it, and where in its stream it stands."""

    document: Document
    change: Document
    stream: str
    number: int
    #: What the allowance had left after it, when it was counted.
    remaining: int | None


Fate = Booked | Unsettled | Left


def book_together(engine: Engine, wishes: Sequence[Wish]) -> list[Fate]:
    """What became of each wish; nothing is raised but the end of the process."""
    made: list[_Made] = []
    try:
        fates = _book(engine, _one_per_slot_and_key(wishes), made)
    except OutcomeUnknown:
        fates = {each.wish.booking_id: Unsettled(each.change) for each in made}
    except (Unavailable, TransientFailure, DBAPIError) as reason:
        log.info("A batch was undone; each booking goes on alone.", topic="booking", reason=repr(reason))
        return [Left.TO_ITSELF for _ in wishes]
    return [fates.get(wish.booking_id, Left.TO_ITSELF) for wish in wishes]


def _one_per_slot_and_key(wishes: Sequence[Wish]) -> list[Wish]:
    """The first who wants a slot, or uses a key; the others will see what came of it."""
    slots: set[int] = set()
    keys: set[tuple[str, str]] = set()
    kept = []
    for wish in wishes:
        key = (wish.request.scope, wish.request.key) if wish.request else ("", str(wish.booking_id))
        if wish.slot_id not in slots and key not in keys:
            kept.append(wish)
        slots.add(wish.slot_id)
        keys.add(key)
    return kept


def _book(engine: Engine, wishes: Sequence[Wish], made: list[_Made]) -> dict[uuid.UUID, Fate]:
    """Fills `made` before anything can be committed."""
    by_slot = {wish.slot_id: wish for wish in wishes}

    def take(tx: Connection) -> None:
        rows = ask_first(tx, TAKE_FREE, {"wishes": _json(_wanted(wishes))})
        taken = [TakenSlot(*row) for row in rows]
        made.extend(_make(engine, by_slot[row.id], row) for row in taken)

    numbers: dict[uuid.UUID, int] = {}

    def write(tx: Connection, _taken: None) -> Callable[[], object]:
        if not made:
            return lambda: None
        send_ahead(tx, WAIT_BRIEFLY, {})
        send_ahead(tx, WRITE_DOWN, {"made": _json([each.row for each in made])})
        changes = [each.entry(place) for place, each in enumerate(made)]
        appended = send_ahead(tx, APPEND_ALL, {"changes": _json(changes)})
        if appended is None:
            raise AssertionError("a batch is written to PostgreSQL alone")
        return lambda: numbers.update(appended.fetchall())

    engine.database.run(take, write, attempts=1)
    return {
        each.wish.booking_id: Booked(
            each.document, each.change, each.stream, numbers[each.change_id], each.remaining
        )
        for each in made
    }


@dataclass(frozen=True, slots=True)
class _Made:
    """A booking as it will be written."""

    wish: Wish
    row: dict[str, Any]
    document: Document
    change: Document
    stream: str
    remaining: int | None
    change_id: uuid.UUID = field(default_factory=uuid.uuid4)

    def entry(self, place: int) -> dict[str, Any]:
        return {"place": place, "stream": self.stream, "id": self.change_id, "payload": self.change}


def _make(engine: Engine, wish: Wish, slot: TakenSlot) -> _Made:
    values = _booking_values(engine, wish, slot)
    document = document_of(_as_read(values, slot), [_claim(slot)])
    sealed = _sealed(engine.database, wish.patient)
    request = wish.request
    row = {
        **values,
        **sealed,
        "slot_id": slot.id,
        "fence": slot.fence,
        "audit_id": uuid.uuid4(),
        "actor": wish.actor.label,
        "came_from": wish.actor.origin,
        "notice_id": wish.notice_id,
        "scope": request.scope if request else None,
        "key": request.key if request else None,
        "request_hash": request.request_hash if request else None,
        "answer": {"value": {**document, **sealed}} if request else None,
    }
    change = engine.change_of(slot, wish.stamp)
    allowance = wish.allowance
    # No better known when several of the address share the batch; the next count will be.
    remaining = allowance.bookings - (slot.bookings or 0) - MOST_TOGETHER if allowance else None
    return _Made(wish, row, document, change, doctor_stream(slot.doctor_id), remaining)


def _sealed(database: Database, patient: PatientDetails) -> dict[str, Any]:
    """Once for the booking and for its remembered answer: what goes there by hand passes no sealed column."""
    keyring = keyring_of(database.engine.dialect)
    return {
        "patient_email": keyring.seal(EMAIL, patient.email),
        "patient_phone": keyring.seal(PHONE, patient.phone),
    }


def _booking_values(engine: Engine, wish: Wish, slot: TakenSlot) -> dict[str, Any]:
    patient = wish.patient
    return {
        "id": wish.booking_id,
        "reference": rules.new_reference(),
        "doctor_id": slot.doctor_id,
        "starts_at": slot.starts_at,
        "ends_at": slot.ends_at,
        "origin": wish.actor.origin,
        "patient_name": patient.name,
        "patient_email": patient.email,
        "patient_phone": patient.phone,
        "reason": patient.reason,
        "processed_by": engine.node_id,
        "logical_clock": wish.stamp.lamport,
        "vector_clock": dict(wish.stamp.vector),
        "hybrid_clock": wish.stamp.hybrid.packed,
        "created_at": slot.now,
    }


def _as_read(values: dict[str, Any], slot: TakenSlot) -> Any:
    """The row that select_bookings() will give for it."""
    return SimpleNamespace(
        **values,
        shown_status=BookingStatus.CONFIRMED,
        doctor_name=slot.doctor_name,
        specialization=slot.specialization,
        hospital=slot.hospital,
        timezone=slot.timezone,
        show_timezone=None,
        showtime_id=None,
        user_id=None,
        owner_name=None,
        dependant_id=None,
        patient_id=None,
        is_appointment=False,
        series_id=None,
        expires_at=None,
        extensions=0,
        confirmed_at=slot.now,
        cancelled_at=None,
        arrived_at=None,
        cancel_reason=None,
        sequence=0,
        updated_at=slot.now,
    )


def _claim(slot: TakenSlot) -> Any:
    return SimpleNamespace(
        slot_id=slot.id,
        fence=slot.fence,
        live=True,
        starts_at=slot.starts_at,
        ends_at=slot.ends_at,
        seat_row=None,
    )


def _wanted(wishes: Sequence[Wish]) -> list[dict[str, Any]]:
    """Of several from one address each must leave room for those before it: the count sees none of them."""
    before: Counter[str | None] = Counter()
    wanted = []
    for wish in wishes:
        request, allowance, origin = wish.request, wish.allowance, wish.actor.origin
        wanted.append({
            "slot_id": wish.slot_id,
            "booking_id": wish.booking_id,
            "scope": request.scope if request else None,
            "key": request.key if request else None,
            "origin": origin,
            "most_bookings": max(allowance.bookings - before[origin], 0) if allowance else None,
            "most_holds": allowance.live_holds if allowance else None,
            "window_seconds": allowance.window_seconds if allowance else None,
        })  # fmt: skip
        before[origin] += 1
    return wanted


def _json(rows: Sequence[dict[str, Any]]) -> str:
    return orjson.dumps(rows).decode()
