"""Instant bookings of single slots, many in one transaction.

A batch takes what is plainly free and writes everything for it: claim, booking, audit, notice, remembered
answer and outbox, each request its own. Whatever is not plain - taken, locked, lapsed, a key seen before, a
constraint that speaks - is left to a transaction of its own, which knows all the reasons. So one bad row
costs its neighbours one more try at most."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy.exc import DBAPIError

from app.batches import MOST_TOGETHER
from app.booking import batch_rows, rules
from app.booking.batch_rows import as_json, as_read, booking_values, counted, remembered
from app.booking.batch_statements import APPEND_ALL, TAKE_FREE, WAIT_BRIEFLY, WRITE_DOWN, TakenSlot
from app.booking.documents import document_of
from app.booking.rules import Actor
from app.coordination.outbox import doctor_stream
from app.coordination.stamps import Stamp
from app.database import TransientFailure
from app.errors import OutcomeUnknown, Unavailable
from app.idempotency import Document, RequestKey
from app.round_trips import Said

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
    #: Drawn before the look: where another booking has it, this one alone is left out, and not all undone.
    reference: str = field(default_factory=lambda: rules.new_reference())


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
    with engine.database.pipelines.transaction() as tx:
        rows = tx.ask((TAKE_FREE, {"wishes": as_json(_wanted(wishes))}))
        taken = [TakenSlot(*row) for row in rows]
        made.extend(_make(engine, by_slot[row.id], row) for row in taken)
        numbers: dict[uuid.UUID, int] = dict(tx.commit(*_written(made)))
    return {
        each.wish.booking_id: Booked(
            each.document, each.change, each.stream, numbers[each.change_id], each.remaining
        )
        for each in made
    }


def _written(made: Sequence[_Made]) -> list[Said]:
    """The streams last: everybody else at the same doctors waits for them until the commit."""
    if not made:
        return []
    changes = [each.entry(place) for place, each in enumerate(made)]
    return [
        (WAIT_BRIEFLY, {}),
        (WRITE_DOWN, {"made": as_json([each.row for each in made])}),
        (APPEND_ALL, {"changes": as_json(changes)}),
    ]


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
    values = booking_values(engine, wish, slot, wish.reference)
    document = document_of(_as_read(values, slot), [_claim(slot)])
    sealed = batch_rows.sealed(engine.database, wish.patient)
    row = {
        **values,
        **sealed,
        "slot_id": slot.id,
        "fence": slot.fence,
        "audit_id": uuid.uuid4(),
        "actor": wish.actor.label,
        "came_from": wish.actor.origin,
        "notice_id": wish.notice_id,
        **remembered(wish.request, {**document, **sealed}),
    }
    change = engine.change_of(slot, wish.stamp)
    allowance = wish.allowance
    # No better known when several of the address share the batch; the next count will be.
    remaining = allowance.bookings - (slot.bookings or 0) - MOST_TOGETHER if allowance else None
    return _Made(wish, row, document, change, doctor_stream(slot.doctor_id), remaining)


def _as_read(values: dict[str, Any], slot: TakenSlot) -> Any:
    return as_read(
        values,
        doctor_name=slot.doctor_name,
        specialization=slot.specialization,
        hospital=slot.hospital,
        timezone=slot.timezone,
        show_timezone=None,
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
    rows = counted(wishes)
    for wish, row in zip(wishes, rows, strict=True):
        row |= {"slot_id": wish.slot_id, "reference": wish.reference}
    return rows
