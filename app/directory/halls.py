"""Halls: rooms with a layout of seats, made by admins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, insert, select
from sqlalchemy.exc import IntegrityError

from app.directory.directory import Act, Directory
from app.directory.documents import Document, instant
from app.directory.layouts import Layout, check_layout, summary
from app.errors import Conflict, NotFound
from app.idempotency import Answer, RequestKey
from app.tables.cinema import Hall

HALL_COLUMNS = tuple(Hall.__table__.columns)


@dataclass(frozen=True)
class HallDraft:
    """What a new hall is made of; its prices are in hundredths of the currency."""

    name: str
    place: str
    timezone: str
    currency: str
    layout: Layout


def preview_hall(draft: HallDraft) -> Document:
    """What create_hall would make. Raises ValidationFailed for a layout that cannot be built."""
    check_layout(draft.layout)
    return {"name": draft.name, "place": draft.place, "currency": draft.currency, **summary(draft.layout)}


def create_hall(
    directory: Directory, draft: HallDraft, actor: str, request: RequestKey | None = None
) -> Answer:
    """Raises ValidationFailed, or Conflict when the place has a hall of this name."""
    seats = preview_hall(draft)["seats"]
    values = {
        "name": draft.name,
        "place": draft.place,
        "timezone": draft.timezone,
        "currency": draft.currency,
        "layout": draft.layout.document(),
        "seat_count": seats,
    }

    def work(act: Act) -> Document:
        try:
            with act.tx.begin_nested():
                row = act.tx.execute(insert(Hall).values(values).returning(*HALL_COLUMNS)).one()
        except IntegrityError as error:
            message = f"{draft.place} has a hall of this name."
            raise Conflict(message, errors=[{"field": "name", "message": message}]) from error
        act.audit("hall_created", hall_id=row.id, seats=seats)
        return hall_document(row)

    return directory.perform(actor, request, work)


def lock_hall(tx: Connection, hall_id: int) -> Row[Any]:
    """The hall; who plans showtimes in it takes turns. Raises NotFound."""
    return _found(tx, _one(hall_id).with_for_update(key_share=True))


def find_hall(connection: Connection, hall_id: int) -> Row[Any]:
    """Raises NotFound."""
    return _found(connection, _one(hall_id))


def read_hall(connection: Connection, hall_id: int) -> Document:
    """Raises NotFound."""
    return hall_document(find_hall(connection, hall_id))


def list_halls(connection: Connection, after: int | None = None, limit: int = 50) -> list[Document]:
    """Halls in the order they were made, those after the given one."""
    query = select(*HALL_COLUMNS).order_by(Hall.id).limit(limit)
    if after is not None:
        query = query.where(Hall.id > after)
    return [hall_document(row) for row in connection.execute(query)]


def hall_document(row: Row[Any]) -> Document:
    layout = Layout.of(row.layout)
    return {
        "id": str(row.id),
        "name": row.name,
        "place": row.place,
        "timezone": row.timezone,
        "currency": row.currency,
        "layout": layout.document(),
        "layout_version": layout.version,
        **summary(layout),
        "created_at": instant(row.created_at),
    }


def _one(hall_id: int) -> Select[Any]:
    return select(*HALL_COLUMNS).where(Hall.id == hall_id)


def _found(connection: Connection, query: Select[Any]) -> Row[Any]:
    row = connection.execute(query).first()
    if row is None:
        raise NotFound("There is no such hall.")
    return row
