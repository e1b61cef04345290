"""Patients as the front desk keeps them; only staff may read this."""

from __future__ import annotations

import uuid
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, func, insert, literal, select, tuple_
from sqlalchemy.exc import IntegrityError

from app.database import UtcDateTime
from app.directory.directory import Act, Directory
from app.directory.documents import PATIENT_COLUMNS, Document, patient_document
from app.errors import Conflict, NotFound
from app.idempotency import Answer, RequestKey
from app.tables.directory import Patient

TimeAndId = tuple[datetime, uuid.UUID]


@dataclass(frozen=True)
class PatientDraft:
    """What a new patient record is made of."""

    name: str
    email: str
    phone: str | None = None
    contact: str | None = None


def create_patient(
    directory: Directory, draft: PatientDraft, actor: str, request: RequestKey | None = None
) -> Answer:
    """Raises Conflict when another patient has the e-mail address."""

    def work(act: Act) -> Document:
        statement = insert(Patient).values(**asdict(draft)).returning(*PATIENT_COLUMNS)
        try:
            with act.tx.begin_nested():
                row = act.tx.execute(statement).one()
        except IntegrityError as error:
            message = "Another patient has this e-mail address."
            raise Conflict(message, errors=[{"field": "email", "message": message}]) from error
        act.audit("patient_created", patient_id=str(row.id))
        return patient_document(row)

    return directory.perform(actor, request, work)


def list_patients(connection: Connection, after: TimeAndId | None = None, limit: int = 50) -> list[Document]:
    """Patients in the order they were entered, those after the given pair."""
    query = select(*PATIENT_COLUMNS).order_by(Patient.created_at, Patient.id)
    if after is not None:
        start = tuple_(literal(after[0], UtcDateTime), literal(after[1], Patient.id.type))
        query = query.where(tuple_(Patient.created_at, Patient.id) > start)
    return [patient_document(row) for row in connection.execute(query.limit(limit))]


def search_patients(connection: Connection, wanted: str, limit: int = 8) -> list[Document]:
    """Patients in whose name, address or number every word is found, by name. Case and spacing of numbers
    do not matter."""
    words = wanted.lower().split()
    if not words:
        return []
    # Nobody types a number as it was entered.
    number = func.replace(func.replace(func.coalesce(Patient.phone, ""), " ", ""), "-", "")
    searched = func.lower(Patient.name + " " + Patient.email) + " " + number
    query = select(*PATIENT_COLUMNS).where(*(searched.contains(word, autoescape=True) for word in words))
    rows = connection.execute(query.order_by(Patient.name, Patient.id).limit(limit))
    return [patient_document(row) for row in rows]


def find_patient(connection: Connection, email: str) -> Document | None:
    """Whoever is on file with this address."""
    query = select(*PATIENT_COLUMNS).where(func.lower(Patient.email) == email.lower())
    row = connection.execute(query).first()
    return patient_document(row) if row else None


def read_patient(connection: Connection, patient_id: uuid.UUID) -> Document:
    """Raises NotFound."""
    row = connection.execute(select(*PATIENT_COLUMNS).where(Patient.id == patient_id)).first()
    if row is None:
        raise NotFound("There is no such patient.")
    return patient_document(row)
