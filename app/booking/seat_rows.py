"""What a batch writes, answers and tells for one group of seats."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from app.batches import MOST_TOGETHER
from app.booking.batch_rows import as_read, booking_values, remembered, sealed
from app.booking.documents import document_of
from app.booking.seat_changes import as_told, kind_of
from app.booking.seat_plan import SeatPlan
from app.booking.seat_statements import HallLook, TakenSeat
from app.coordination.outbox import showtime_stream
from app.idempotency import Document

if TYPE_CHECKING:
    from app.booking.engine import Engine
    from app.booking.seat_choices import Choice, GroupWish


@dataclass(frozen=True, slots=True)
class Group:
    """A booking of seats as it will be written: a row for each of them, and what others hear of all."""

    booking_id: uuid.UUID
    rows: Sequence[Document]
    document: Document
    change: Document
    stream: str
    remaining: int | None
    change_id: uuid.UUID = field(default_factory=uuid.uuid4)

    def entry(self, place: int) -> Document:
        """The change as a row of APPEND_GROUPS."""
        return {"place": place, "id": self.change_id, "kind": kind_of(self.change), "payload": self.change}


def group_of(
    engine: Engine, plan: SeatPlan, hall: HallLook, choice: Choice, seats: Sequence[TakenSeat]
) -> Group:
    """The group that took these seats, ascending by id."""
    wish = choice.wish
    values = booking_values(engine, wish, _all_of(seats))
    document = {**_document(values, plan, hall, seats), "warnings": choice.warnings}
    contact = sealed(engine.database, wish.patient)
    once = {
        **values,
        **contact,
        "notice_id": wish.notice_id,
        **remembered(wish.request, {**document, **contact}),
    }
    claims = [_claim_row(engine, wish, seat) for seat in seats]
    stream = showtime_stream(plan.showtime_id)
    (change,) = as_told([engine.change_of(seat, wish.stamp) for seat in seats])
    rows = [{**once, **claims[0]}, *claims[1:]]
    return Group(wish.booking_id, rows, document, change, stream, _remaining(wish, hall))


def _all_of(seats: Sequence[TakenSeat]) -> TakenSeat:
    """One seat that lasts as long as all, and was taken when the last of them was."""
    begins, ends = min(seat.starts_at for seat in seats), max(seat.ends_at for seat in seats)
    return seats[0]._replace(starts_at=begins, ends_at=ends, now=max(seat.now for seat in seats))


def _remaining(wish: GroupWish, hall: HallLook) -> int | None:
    """No better known when several of the address share the batch; the next count will be."""
    if wish.allowance is None:
        return None
    return wish.allowance.bookings - hall.bookings[str(wish.booking_id)] - MOST_TOGETHER


def _claim_row(engine: Engine, wish: GroupWish, seat: TakenSeat) -> Document:
    """The claim on one seat and its entry in the audit."""
    return {
        "id": wish.booking_id,
        "slot_id": seat.id,
        "fence": seat.fence,
        "audit_id": uuid.uuid4(),
        "actor": wish.actor.label,
        "came_from": wish.actor.origin,
        "processed_by": engine.node_id,
        "logical_clock": wish.stamp.lamport,
        "vector_clock": dict(wish.stamp.vector),
        "hybrid_clock": wish.stamp.hybrid.packed,
    }


def _document(values: Document, plan: SeatPlan, hall: HallLook, seats: Sequence[TakenSeat]) -> Document:
    row = as_read(
        values,
        show_timezone=hall.show_timezone,
        timezone=None,
        movie_id=hall.movie_id,
        hall_id=hall.hall_id,
        title=hall.title,
        minutes=hall.minutes,
        rating=hall.rating,
        genre=hall.genre,
        poster_seed=hall.poster_seed,
        hall_name=hall.hall_name,
        place=hall.place,
        currency=hall.currency,
    )
    return document_of(row, [_claim(plan, seat) for seat in seats])


def _claim(plan: SeatPlan, taken: TakenSeat) -> Any:
    seat = plan.by_id[taken.id]
    return SimpleNamespace(
        slot_id=taken.id,
        fence=taken.fence,
        live=True,
        starts_at=taken.starts_at,
        ends_at=taken.ends_at,
        seat_row=seat.row,
        seat_number=seat.number,
        seat_zone=seat.zone,
        seat_kind=seat.kind.value,
        price_cents=seat.price_cents,
    )
