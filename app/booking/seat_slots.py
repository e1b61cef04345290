"""Seats in the words of slots: the same document as a doctor's time, with what is printed on the seat."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row, Select, literal, select, text, tuple_

from app.booking.documents import price_text
from app.booking.free_slots import IS_HELD, NOW, is_free
from app.database import BigId, UtcDateTime, db_now
from app.directory.documents import Document, instant
from app.errors import NotFound
from app.tables.booking import Slot, SlotState
from app.tables.cinema import Movie, Showtime

SHOWN_COLUMNS = (
    Slot.id, Slot.showtime_id, Slot.starts_at, Slot.ends_at, Slot.state, Slot.hold_until, Slot.version,
    Slot.seat_row, Slot.seat_number, Slot.seat_zone, Slot.seat_kind, Slot.price_cents,
    Movie.title, Showtime.timezone, db_now().label("now"),
)  # fmt: skip
STATE_CONDITIONS = {
    None: (),
    SlotState.OPEN: (is_free(),),
    SlotState.HELD: (IS_HELD, Slot.hold_until > NOW),
    SlotState.BOOKED: (text("slots.state = 'BOOKED'"),),
    SlotState.BLOCKED: (text("slots.state = 'BLOCKED'"),),
}


def list_seat_slots(
    connection: Connection,
    showtime_id: int,
    state: SlotState | None = None,
    after: tuple[datetime, int] | None = None,
    limit: int = 100,
) -> list[Document]:
    """The seats of a showtime by start and id, those after the given pair. Raises NotFound."""
    if connection.execute(select(Showtime.id).where(Showtime.id == showtime_id)).first() is None:
        raise NotFound("There is no such showtime.")
    query = _select_seats().where(Slot.showtime_id == showtime_id, *STATE_CONDITIONS[state])
    if after is not None:
        start = tuple_(literal(after[0], UtcDateTime), literal(after[1], BigId))
        query = query.where(tuple_(Slot.starts_at, Slot.id) > start)
    query = query.order_by(Slot.starts_at, Slot.id).limit(limit)
    return [_document(row) for row in connection.execute(query)]


def find_seat_slot(connection: Connection, slot_id: int) -> Document | None:
    """None when there is no seat with this id."""
    row = connection.execute(_select_seats().where(Slot.id == slot_id)).first()
    return None if row is None else _document(row)


def _select_seats() -> Select[*tuple[Any, ...]]:
    return (
        select(*SHOWN_COLUMNS)
        .join(Showtime, Showtime.id == Slot.showtime_id)
        .join(Movie, Movie.id == Showtime.movie_id)
    )


def _document(row: Row[Any]) -> Document:
    lapsed = row.hold_until is not None and row.hold_until <= row.now
    state = SlotState.OPEN if lapsed else SlotState(row.state)
    local = row.starts_at.astimezone(ZoneInfo(row.timezone))
    return {
        "id": str(row.id),
        "doctor_id": None,
        "doctor_name": None,
        "specialization": None,
        "showtime_id": str(row.showtime_id),
        "title": row.title,
        "row": row.seat_row,
        "number": row.seat_number,
        "zone": row.seat_zone,
        "kind": row.seat_kind,
        "price": price_text(row.price_cents),
        "price_cents": row.price_cents,
        "starts_at": instant(row.starts_at),
        "ends_at": instant(row.ends_at),
        "duration_minutes": int((row.ends_at - row.starts_at).total_seconds() // 60),
        "slot_date": local.date().isoformat(),
        "slot_time": local.strftime("%H:%M"),
        "timezone": row.timezone,
        "state": state.value,
        "is_available": state is SlotState.OPEN and row.starts_at > row.now,
        "version": row.version,
    }
