"""Patients as the front desk keeps them; only staff may read this."""

from __future__ import annotations

import re
import uuid
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, func, insert, literal, or_, select, true, tuple_
from sqlalchemy.exc import IntegrityError

from app.database import UtcDateTime
from app.directory.directory import Act, Directory
from app.directory.documents import PATIENT_COLUMNS, Document, patient_document
from app.errors import Conflict, NotFound
from app.idempotency import Answer, RequestKey
from app.sealed_columns import marks_of
from app.sealing import EMAIL, PHONE
from app.tables.booking import Booking
from app.tables.directory import Patient

TimeAndId = tuple[datetime, uuid.UUID]
PART_OF_A_NUMBER = re.compile(r"[+(]*[0-9][0-9()/.-]*")


@dataclass(frozen=True)
class PatientDraft:
    """What a new patient record is made of."""

    name: str
    email: str
    phone: str | None = None
    contact: str | None = None


@dataclass(frozen=True)
class Reader:
    """Who looks: staff of these doctors, or of all of them (None)."""

    label: str
    doctors: frozenset[int] | None


def shown_to(reader: Reader) -> ColumnElement[bool]:
    """Patients with a booking at one of the reader's doctors, and those the reader put on file."""
    if reader.doctors is None:
        return true()
    booked = select(Booking.id).where(
        Booking.patient_id == Patient.id, Booking.doctor_id.in_(sorted(reader.doctors))
    )
    return or_(Patient.created_by == reader.label, booked.exists())


def create_patient(
    directory: Directory, draft: PatientDraft, actor: str, request: RequestKey | None = None
) -> Answer:
    """Raises Conflict when another patient has the e-mail address."""

    def work(act: Act) -> Document:
        statement = insert(Patient).values(**asdict(draft), created_by=actor).returning(*PATIENT_COLUMNS)
        # The index knows the marks of one key; while keys are changed there may be two of an address.
        if find_patient(act.tx, draft.email):
            raise _in_use()
        try:
            with act.tx.begin_nested():
                row = act.tx.execute(statement).one()
        except IntegrityError as error:
            raise _in_use() from error
        act.audit("patient_created", patient_id=str(row.id))
        return patient_document(row)

    return directory.perform(actor, request, work)


def _in_use() -> Conflict:
    message = "Another patient has this e-mail address."
    return Conflict(message, errors=[{"field": "email", "message": message}])


def list_patients(
    connection: Connection, reader: Reader, after: TimeAndId | None = None, limit: int = 50
) -> list[Document]:
    """The reader's patients in the order they were entered, those after the given pair."""
    query = select(*PATIENT_COLUMNS).where(shown_to(reader)).order_by(Patient.created_at, Patient.id)
    if after is not None:
        start = tuple_(literal(after[0], UtcDateTime), literal(after[1], Patient.id.type))
        query = query.where(tuple_(Patient.created_at, Patient.id) > start)
    return [patient_document(row) for row in connection.execute(query.limit(limit))]


def search_patients(connection: Connection, reader: Reader, wanted: str, limit: int = 8) -> list[Document]:
    """The reader's patients in whose name every word is found, by name. An address counts as a whole, and so
    do the last seven digits of a number, however it is spaced: both are sealed; only equal ones are found."""
    conditions = _matching(connection, wanted)
    if not conditions:
        return []
    query = select(*PATIENT_COLUMNS).where(shown_to(reader), *conditions)
    rows = connection.execute(query.order_by(Patient.name, Patient.id).limit(limit))
    return [patient_document(row) for row in rows]


def _matching(connection: Connection, wanted: str) -> list[ColumnElement[bool]]:
    words = wanted.lower().split()
    number = "".join(word for word in words if PART_OF_A_NUMBER.fullmatch(word))
    conditions = [
        has_address(connection, word)
        if "@" in word
        else func.lower(Patient.name).contains(word, autoescape=True)
        for word in words
        if not PART_OF_A_NUMBER.fullmatch(word)
    ]
    if number:
        conditions.append(Patient.phone_mark.in_(marks_of(connection, PHONE, number)))
    return conditions


def has_address(connection: Connection, address: str) -> ColumnElement[bool]:
    """Whoever is on file with this address: addresses are sealed, so their marks are compared."""
    return Patient.email_mark.in_(marks_of(connection, EMAIL, address))


def find_patient(connection: Connection, email: str) -> Document | None:
    """Whoever is on file with this address, for comparing: not to be shown."""
    row = connection.execute(select(*PATIENT_COLUMNS).where(has_address(connection, email))).first()
    return patient_document(row) if row else None


def read_patient(connection: Connection, reader: Reader, patient_id: uuid.UUID) -> Document:
    """Raises NotFound, also for a patient that the reader may not know of."""
    query = select(*PATIENT_COLUMNS).where(Patient.id == patient_id, shown_to(reader))
    row = connection.execute(query).first()
    if row is None:
        raise NotFound("There is no such patient.")
    return patient_document(row)
