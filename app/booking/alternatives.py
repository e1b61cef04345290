"""What to offer somebody who lost a slot."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select

from app.booking import free_slots
from app.booking.seating import nearest_free_seats
from app.directory.documents import Document
from app.tables.booking import Slot

WANTED_COLUMNS: tuple[Any, ...] = (
    Slot.id, Slot.doctor_id, Slot.showtime_id, Slot.starts_at, Slot.seat_x, Slot.seat_y, Slot.seat_kind,
)  # fmt: skip


def nearest_free(connection: Connection, slot_id: int) -> list[Document]:
    """The free times of the same doctor closest to the wanted one, earliest first; or the seats beside it."""
    wanted = connection.execute(select(*WANTED_COLUMNS).where(Slot.id == slot_id)).first()
    if wanted is None:
        return []
    if wanted.showtime_id is not None:
        return nearest_free_seats(connection, wanted)
    return free_slots.nearest_free(connection, wanted.doctor_id, wanted.starts_at)
