"""Lists that somebody keeps by a name: the filters, never what they show."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite

from app.errors import Conflict, NotFound
from app.tables.accounts import SavedView

MOST_VIEWS = 20
LONGEST_NAME = 60


@dataclass(frozen=True)
class View:
    name: str
    #: As in the address of the page, without the question mark.
    query: str


def views_of(connection: Connection, user_id: uuid.UUID) -> list[View]:
    """By name."""
    query = select(SavedView.name, SavedView.query).where(SavedView.user_id == user_id)
    return [View(*row) for row in connection.execute(query.order_by(SavedView.name))]


def save_view(tx: Connection, user_id: uuid.UUID, view: View) -> None:
    """Keep it; one of the same name is replaced. Raises Conflict when there are as many as there may be."""
    others = select(func.count()).where(SavedView.user_id == user_id, SavedView.name != view.name)
    if tx.execute(others).scalar_one() >= MOST_VIEWS:
        raise Conflict(f"There are {MOST_VIEWS} views already; remove one first.")
    insert = (postgresql if tx.dialect.name == "postgresql" else sqlite).insert(SavedView)
    statement = insert.values(user_id=user_id, name=view.name, query=view.query)
    tx.execute(
        statement.on_conflict_do_update(
            index_elements=["user_id", "name"], set_={"query": statement.excluded.query}
        )
    )


def remove_view(tx: Connection, user_id: uuid.UUID, name: str) -> None:
    """Raises NotFound."""
    mine = (SavedView.user_id == user_id, SavedView.name == name)
    if tx.execute(delete(SavedView).where(*mine).returning(SavedView.name)).first() is None:
        raise NotFound("There is no such view.")
