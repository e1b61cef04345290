"""Doctors: found by anybody, changed by admins, never erased while a booking names them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row, Select, func, insert, or_, select, tuple_, update
from sqlalchemy.exc import IntegrityError

from app.database import db_now
from app.directory.closing import close_open_slots, refuse_when_booked
from app.directory.directory import Act, Directory
from app.directory.documents import DOCTOR_COLUMNS, Document, doctor_document
from app.errors import Conflict, NotFound
from app.idempotency import Answer, RequestKey
from app.tables.directory import Doctor

NameAndId = tuple[str, int]


@dataclass(frozen=True)
class DoctorDraft:
    """What a new doctor is made of."""

    name: str
    specialization: str
    timezone: str
    email: str | None = None
    phone: str | None = None
    experience_years: int = 0
    hospital: str | None = None


def create_doctor(
    directory: Directory, draft: DoctorDraft, actor: str, request: RequestKey | None = None
) -> Answer:
    """Raises Conflict when another doctor has the e-mail address."""

    def work(act: Act) -> Document:
        row = _write(act.tx, insert(Doctor).values(**asdict(draft)).returning(*DOCTOR_COLUMNS))
        act.doctor_changed(row)
        act.audit("doctor_created", doctor_id=row.id)
        return doctor_document(row)

    return directory.perform(actor, request, work)


def update_doctor(
    directory: Directory,
    doctor_id: int,
    changes: Mapping[str, Any],
    actor: str,
    request: RequestKey | None = None,
) -> Answer:
    """Set the given fields and leave the others. Raises NotFound, or Conflict for an address in use.

    A new time zone moves nothing: slots are instants, only later ones are made in the new zone."""

    def work(act: Act) -> Document:
        row = lock_doctor(act.tx, doctor_id)
        if changes:
            statement = update(Doctor).where(Doctor.id == doctor_id)
            statement = statement.values(version=Doctor.version + 1, **changes)
            row = _write(act.tx, statement.returning(*DOCTOR_COLUMNS))
            act.doctor_changed(row)
            act.audit("doctor_updated", doctor_id=doctor_id, fields=sorted(changes))
        return doctor_document(row)

    return directory.perform(actor, request, work)


def delete_doctor(
    directory: Directory, doctor_id: int, actor: str, request: RequestKey | None = None
) -> Answer:
    """Take the doctor out of the directory and close their open times; bookings keep their doctor.

    Contact data goes, so that the address can be used again. Raises NotFound, or Conflict while
    there are bookings to come."""

    def work(act: Act) -> Document:
        lock_doctor(act.tx, doctor_id)
        closed = close_open_slots(act.tx, doctor_id)
        refuse_when_booked(act.tx, doctor_id)
        row = act.tx.execute(
            update(Doctor)
            .where(Doctor.id == doctor_id)
            .values(deleted_at=db_now(), email=None, phone=None, version=Doctor.version + 1)
            .returning(*DOCTOR_COLUMNS)
        ).one()
        act.slots_changed(closed, doctor_id=doctor_id)
        act.doctor_changed(row, deleted=True)
        act.audit("doctor_deleted", doctor_id=doctor_id, closed_slots=len(closed))
        return {"id": str(doctor_id), "closed_slots": len(closed)}

    return directory.perform(actor, request, work)


def lock_doctor(tx: Connection, doctor_id: int) -> Row[Any]:
    """The doctor, kept as it is until the transaction ends; bookings are not held up. Raises NotFound."""
    return _found(tx, _existing(doctor_id).with_for_update(key_share=True))


def read_doctor(connection: Connection, doctor_id: int) -> Document:
    """Raises NotFound for an unknown or deleted doctor."""
    return doctor_document(_found(connection, _existing(doctor_id)))


def find_zone(connection: Connection, doctor_id: int) -> ZoneInfo:
    """The zone of the doctor's wall clock. Raises NotFound."""
    return ZoneInfo(read_doctor(connection, doctor_id)["timezone"])


def list_doctors(
    connection: Connection,
    specialization: str | None = None,
    q: str | None = None,
    after: NameAndId | None = None,
    limit: int = 50,
) -> list[Document]:
    """Doctors by name and id, those after the given pair; q is looked for in name, specialization, hospital.

    Case does not matter, wildcards mean themselves."""
    query = select(*DOCTOR_COLUMNS).where(Doctor.deleted_at.is_(None)).order_by(Doctor.name, Doctor.id)
    if specialization is not None:
        query = query.where(func.lower(Doctor.specialization) == specialization.strip().lower())
    if q is not None:
        wanted = q.strip().lower()
        searched = (Doctor.name, Doctor.specialization, func.coalesce(Doctor.hospital, ""))
        query = query.where(or_(*(func.lower(text).contains(wanted, autoescape=True) for text in searched)))
    if after is not None:
        query = query.where(tuple_(Doctor.name, Doctor.id) > after)
    return [doctor_document(row) for row in connection.execute(query.limit(limit))]


def list_specializations(connection: Connection) -> list[str]:
    """Every specialization somebody practises, in order."""
    query = select(Doctor.specialization).where(Doctor.deleted_at.is_(None)).distinct()
    return sorted(connection.execute(query).scalars())


def _existing(doctor_id: int) -> Select[Any]:
    return select(*DOCTOR_COLUMNS).where(Doctor.id == doctor_id, Doctor.deleted_at.is_(None))


def _found(connection: Connection, query: Select[Any]) -> Row[Any]:
    row = connection.execute(query).first()
    if row is None:
        raise NotFound("There is no such doctor.")
    return row


def _write(tx: Connection, statement: Any) -> Row[Any]:
    try:
        with tx.begin_nested():
            row: Row[Any] = tx.execute(statement).one()
            return row
    except IntegrityError as error:
        if "email" not in str(error.orig):
            raise
        message = "Another doctor has this e-mail address."
        raise Conflict(message, errors=[{"field": "email", "message": message}]) from error
