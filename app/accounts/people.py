"""What an admin does with accounts: who may do what, for which doctors, and who may not come in any more."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, func, insert, literal, or_, select, tuple_, update
from sqlalchemy.exc import IntegrityError

from app.accounts import sessions
from app.accounts.actions import Accounts
from app.accounts.addresses import has_address
from app.accounts.principals import Principal, Role
from app.audit.journal import Witness
from app.database import db_now
from app.errors import Conflict, NotFound, ValidationFailed
from app.tables.accounts import StaffDoctor, User

Document = dict[str, Any]
NameAndId = tuple[str, uuid.UUID]


@dataclass(frozen=True)
class AccountChange:
    """What is to be different; None leaves it as it is."""

    role: Role | None = None
    is_disabled: bool | None = None
    all_doctors: bool | None = None
    doctor_ids: tuple[int, ...] | None = None
    limit_factor: int | None = None


def list_people(
    connection: Connection, text: str | None = None, after: NameAndId | None = None, limit: int = 50
) -> list[Document]:
    """Accounts by name, those after the given one; text is looked for in the name, or is a whole address."""
    query = select(User).where(User.erased_at.is_(None)).order_by(User.name, User.id).limit(limit)
    if text:
        named = func.lower(User.name).contains(text.lower(), autoescape=True)
        query = query.where(or_(named, has_address(connection, text)))
    if after is not None:
        start = tuple_(literal(after[0]), literal(after[1], User.id.type))
        query = query.where(tuple_(User.name, User.id) > start)
    rows = connection.execute(query.with_only_columns(*User.__table__.columns)).all()
    doctors = _doctors_of(connection, [row.id for row in rows])
    return [_document(row, doctors.get(row.id, [])) for row in rows]


def read_person(connection: Connection, user_id: uuid.UUID) -> Document:
    """Raises NotFound."""
    row = connection.execute(select(*User.__table__.columns).where(User.id == user_id)).first()
    if row is None or row.erased_at is not None:
        raise NotFound("There is no such account.")
    return _document(row, _doctors_of(connection, [user_id]).get(user_id, []))


def change_person(
    accounts: Accounts, admin: Principal, user_id: uuid.UUID, change: AccountChange, who: Witness
) -> Document:
    """Counts from the next request on, on every node. Raises NotFound, Conflict, ValidationFailed."""
    if user_id == admin.user_id and (change.is_disabled or change.role not in (None, admin.role)):
        raise Conflict("You cannot take your own rights away; another admin can.")
    pen = accounts.scribe.pen()

    def work(tx: Connection) -> Document:
        before = read_person(tx, user_id)
        tx.execute(update(User).where(User.id == user_id).values(_values(change)))
        if change.doctor_ids is not None:
            _set_doctors(tx, user_id, change.doctor_ids)
        if change.is_disabled:
            sessions.end_all(tx, user_id)
        after = read_person(tx, user_id)
        pen.note(tx, who, "account.changed", user_id=str(user_id), **_differences(before, after))
        return after

    return accounts.database.run(work)


def _values(change: AccountChange) -> Mapping[str, Any]:
    asked = {
        "role": change.role.value if change.role else None,
        "all_doctors": change.all_doctors,
        "limit_factor": change.limit_factor,
    }
    values: dict[str, Any] = {name: value for name, value in asked.items() if value is not None}
    if change.is_disabled is not None:
        values["disabled_at"] = db_now() if change.is_disabled else None
    # An UPDATE needs something to set.
    return values or {"limit_factor": User.limit_factor}


def _set_doctors(tx: Connection, user_id: uuid.UUID, doctor_ids: tuple[int, ...]) -> None:
    tx.execute(delete(StaffDoctor).where(StaffDoctor.user_id == user_id))
    if not doctor_ids:
        return
    try:
        with tx.begin_nested():
            rows = [{"user_id": user_id, "doctor_id": doctor_id} for doctor_id in sorted(set(doctor_ids))]
            tx.execute(insert(StaffDoctor), rows)
    except IntegrityError as error:
        raise ValidationFailed.of("doctor_ids", "there is no such doctor") from error


def _doctors_of(connection: Connection, user_ids: list[uuid.UUID]) -> dict[uuid.UUID, list[int]]:
    found: dict[uuid.UUID, list[int]] = {}
    query = select(StaffDoctor.user_id, StaffDoctor.doctor_id).where(StaffDoctor.user_id.in_(user_ids))
    for row in connection.execute(query.order_by(StaffDoctor.doctor_id)):
        found.setdefault(row.user_id, []).append(row.doctor_id)
    return found


def _document(row: Any, doctor_ids: list[int]) -> Document:
    return {
        "id": str(row.id),
        "email": row.email,
        "name": row.name,
        "role": row.role,
        "is_disabled": row.disabled_at is not None,
        "all_doctors": row.all_doctors,
        "doctor_ids": [str(doctor_id) for doctor_id in doctor_ids],
        "limit_factor": row.limit_factor,
        "has_second_factor": row.totp_since is not None,
        "created_at": row.created_at.isoformat(timespec="seconds").replace("+00:00", "Z"),
    }


def _differences(before: Document, after: Document) -> Document:
    """Rights only: names and addresses stay out of the audit."""
    rights = ("role", "is_disabled", "all_doctors", "doctor_ids", "limit_factor")
    return {name: [before[name], after[name]] for name in rights if before[name] != after[name]}
