"""What a batch writes for one booking, be it of a time or of seats: its columns, its key, its count."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Protocol

import orjson

from app.booking import rules
from app.booking.rules import Actor
from app.coordination.stamps import Stamp
from app.database import Database
from app.idempotency import Document, RequestKey
from app.sealed_columns import keyring_of
from app.sealing import EMAIL, PHONE
from app.tables.booking import BookingStatus

if TYPE_CHECKING:
    from app.booking.allowances import Allowance
    from app.booking.claims import PatientDetails
    from app.booking.engine import Engine


class Asked(Protocol):
    """Whoever wants to book something with others, at once and without an account."""

    @property
    def patient(self) -> PatientDetails: ...
    @property
    def actor(self) -> Actor: ...
    @property
    def request(self) -> RequestKey | None: ...
    @property
    def stamp(self) -> Stamp: ...
    @property
    def allowance(self) -> Allowance | None:
        """To be counted against; None: one more is surely allowed."""

    @property
    def booking_id(self) -> uuid.UUID: ...


class Taken(Protocol):
    """What was just claimed, and when by the database's clock."""

    @property
    def doctor_id(self) -> int | None: ...
    @property
    def showtime_id(self) -> int | None: ...
    @property
    def starts_at(self) -> datetime: ...
    @property
    def ends_at(self) -> datetime: ...
    @property
    def now(self) -> datetime: ...


def sealed(database: Database, patient: PatientDetails) -> Document:
    """Once for the booking and for its remembered answer: what goes there by hand passes no sealed column."""
    keyring = keyring_of(database.engine.dialect)
    return {
        "patient_email": keyring.seal(EMAIL, patient.email),
        "patient_phone": keyring.seal(PHONE, patient.phone),
    }


def booking_values(engine: Engine, wish: Asked, taken: Taken, reference: str | None = None) -> Document:
    """The columns of the booking, whose reference is drawn unless it was before."""
    patient = wish.patient
    return {
        "id": wish.booking_id,
        "reference": reference or rules.new_reference(),
        "doctor_id": taken.doctor_id,
        "showtime_id": taken.showtime_id,
        "starts_at": taken.starts_at,
        "ends_at": taken.ends_at,
        "origin": wish.actor.origin,
        "patient_name": patient.name,
        "patient_email": patient.email,
        "patient_phone": patient.phone,
        "reason": patient.reason,
        "language": patient.language,
        "processed_by": engine.node_id,
        "logical_clock": wish.stamp.lamport,
        "vector_clock": dict(wish.stamp.vector),
        "hybrid_clock": wish.stamp.hybrid.packed,
        "created_at": taken.now,
    }


def remembered(request: RequestKey | None, answer: Document) -> Document:
    """The columns of the answer under its key."""
    return {
        "scope": request.scope if request else None,
        "key": request.key if request else None,
        "request_hash": request.request_hash if request else None,
        "answer": {"value": answer} if request else None,
    }


def as_read(values: Document, **of_owner: Any) -> Any:
    """The row that select_bookings() will give for these columns and what it reads of the owner."""
    return SimpleNamespace(
        **values,
        **of_owner,
        shown_status=BookingStatus.CONFIRMED,
        user_id=None,
        owner_name=None,
        dependant_id=None,
        patient_id=None,
        is_appointment=False,
        series_id=None,
        expires_at=None,
        extensions=0,
        confirmed_at=values["created_at"],
        cancelled_at=None,
        arrived_at=None,
        cancel_reason=None,
        sequence=0,
        updated_at=values["created_at"],
    )


def counted(wishes: Sequence[Asked]) -> list[Document]:
    """Key and allowance of each wish, for COUNTED.

    Of several from one address each must leave room for those before it: the count sees none of them."""
    before: Counter[str | None] = Counter()
    asked = []
    for wish in wishes:
        request, allowance, origin = wish.request, wish.allowance, wish.actor.origin
        asked.append({
            "booking_id": wish.booking_id,
            "scope": request.scope if request else None,
            "key": request.key if request else None,
            "origin": origin,
            "most_bookings": max(allowance.bookings - before[origin], 0) if allowance else None,
            "most_holds": allowance.live_holds if allowance else None,
            "window_seconds": allowance.window_seconds if allowance else None,
        })  # fmt: skip
        before[origin] += 1
    return asked


def as_json(rows: Sequence[Document]) -> str:
    return orjson.dumps(rows).decode()
