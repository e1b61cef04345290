"""Everybody who may log in, for administrators: who they are, which role, whether they may."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import Connection, func, or_, select, update

from app.accounts.principals import Role
from app.database import Database, db_now
from app.errors import Conflict, NotFound
from app.tables.accounts import Session, User

Document = dict[str, Any]
MOST = 100


def list_users(connection: Connection, q: str = "", role: Role | None = None) -> list[Document]:
    """Accounts by name, those whose name or address has the text."""
    query = select(User.id, User.email, User.name, User.role, User.disabled_at, User.created_at)
    if q.strip():
        wanted = q.strip().lower()
        searched = (User.name, User.email)
        query = query.where(or_(*(func.lower(text).contains(wanted, autoescape=True) for text in searched)))
    if role is not None:
        query = query.where(User.role == role.value)
    rows = connection.execute(query.order_by(User.name, User.id).limit(MOST))
    return [
        {"id": str(row.id), "email": row.email, "name": row.name, "role": row.role,
         "is_disabled": row.disabled_at is not None}
        for row in rows
    ]  # fmt: skip


def set_access(
    database: Database, user_id: uuid.UUID, role: Role, is_disabled: bool, by: uuid.UUID
) -> Document:
    """Give the account this role, or keep it out; its sessions end either way, so that it counts at once.

    Raises NotFound, or Conflict for one's own account: whoever locks themselves out needs somebody else."""
    if user_id == by:
        raise Conflict("Somebody else has to change your own account.")

    def work(tx: Any) -> Document:
        row = tx.execute(
            update(User)
            .where(User.id == user_id)
            .values(role=role.value, disabled_at=db_now() if is_disabled else None)
            .returning(User.id, User.email, User.name, User.role)
        ).first()
        if row is None:
            raise NotFound("There is no such account.")
        ending = update(Session).where(Session.user_id == user_id, Session.ended_at.is_(None))
        tx.execute(ending.values(ended_at=db_now()))
        return {"id": str(row.id), "email": row.email, "name": row.name, "role": row.role}

    return database.run(work)
