"""What to offer somebody who lost a slot."""

from __future__ import annotations

from sqlalchemy import Connection, select

from app.booking import free_slots
from app.directory.documents import Document
from app.tables.booking import Slot


def nearest_free(connection: Connection, slot_id: int) -> list[Document]:
    """The free times of the same doctor closest to the wanted one, earliest first."""
    wanted = connection.execute(select(Slot.doctor_id, Slot.starts_at).where(Slot.id == slot_id)).first()
    return free_slots.nearest_free(connection, wanted.doctor_id, wanted.starts_at) if wanted else []
