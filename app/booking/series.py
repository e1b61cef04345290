"""Appointments that repeat. Each time is an ordinary booking behind the same guards; all of them are made in
one transaction, either all or those that are free, and one mail tells of them."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, insert, select, update

from app.booking import statements
from app.booking.claims import Claim, PatientDetails, write_booking
from app.booking.documents import Document, booking_documents, instant, select_bookings
from app.booking.engine import Act, Engine
from app.booking.errors import SeriesConflict, WrongState
from app.booking.recurrence import (
    MOST_TIMES,
    MOST_TIMES_OF_A_PATIENT,
    Repeat,
    occasions,
)
from app.booking.rules import Actor
from app.booking.seen import seen_by
from app.booking.series_places import Place, find_places
from app.database import TransientFailure
from app.errors import NotFound, ValidationFailed
from app.idempotency import Answer, RequestKey
from app.tables.booking import Booking, BookingStatus, Slot
from app.tables.directory import Doctor
from app.tables.schedule import Series

#: What was confirmed and took place, or still may.
REPEATABLE = (
    BookingStatus.CONFIRMED, BookingStatus.ARRIVED, BookingStatus.IN_ROOM, BookingStatus.COMPLETED,
)  # fmt: skip
REPEATS_ALREADY = "This appointment is repeated already."


@dataclass(frozen=True)
class SeriesWish:
    """How to repeat a booking that is there, or a free time with the patient for whom it is."""

    repeat: Repeat
    booking_id: uuid.UUID | None = None
    slot_id: int | None = None
    patient: PatientDetails | None = None
    #: Book the times that are free and report the others; otherwise all or nothing.
    takes_what_is_free: bool = False


@dataclass(frozen=True)
class _First:
    """What is repeated."""

    doctor_id: int
    starts_at: datetime
    length: timedelta
    zone: ZoneInfo
    patient: PatientDetails | None
    #: It is booked already, and is adopted.
    booking_id: uuid.UUID | None = None
    owner: uuid.UUID | None = None


def book_series(engine: Engine, wish: SeriesWish, actor: Actor, request: RequestKey | None = None) -> Answer:
    """Book the times: all of them, or as the wish says those that are free with a report of the others.

    Raises SeriesConflict with the refused times, ValidationFailed, WrongState, NotFound."""

    def book(act: Act) -> Document:
        first, places = _plan(act.tx, wish, actor, lock=True)
        refused = [place for place in places if place.refusal]
        if refused and (not wish.takes_what_is_free or len(refused) == len(places)):
            raise SeriesConflict.of([place.document() for place in refused], len(places), "booked")
        series_id = _insert_series(act, first, wish.repeat)
        made = [_book_one(act, place, first, series_id) for place in places if not place.refusal]
        adopted = [first.booking_id] if first.booking_id else []
        act.note("series", series_id=str(series_id), booked=len(made), refused=len(refused))
        act.notify(made[0], "series", 0, [*adopted, *made])
        return {
            **series_document(act.tx, series_id),
            "refused": [place.document() for place in refused],
        }

    return engine.perform(actor, request, book)


def preview_series(connection: Connection, wish: SeriesWish, actor: Actor) -> list[Document]:
    """Every time of the series that would be booked, and why those that are not free are not; now."""
    return [place.document() for place in _plan(connection, wish, actor, lock=False)[1]]


def read_series(connection: Connection, booking_id: uuid.UUID, actor: Actor) -> Document:
    """The series of a booking, with all of its bookings: whoever may see one of them may see them all.

    Raises NotFound when it is none of theirs, or repeats nothing."""
    return series_document(connection, series_of(connection, booking_id, actor))


def series_of(connection: Connection, booking_id: uuid.UUID, actor: Actor) -> uuid.UUID:
    """Raises NotFound."""
    seen_by(connection, booking_id, actor)
    found = connection.execute(select(Booking.series_id).where(Booking.id == booking_id)).scalar()
    if found is None:
        raise NotFound("This appointment is not repeated.")
    return found


def series_document(connection: Connection, series_id: uuid.UUID) -> Document:
    row = connection.execute(select(*Series.__table__.columns).where(Series.id == series_id)).one()
    query = select_bookings().where(Booking.series_id == series_id)
    found = connection.execute(query.order_by(Booking.starts_at, Booking.id)).all()
    return {
        "id": str(row.id),
        "doctor_id": str(row.doctor_id),
        "rule": row.rule,
        "timezone": row.timezone,
        "first_starts_at": instant(row.first_starts_at),
        "created_at": instant(row.created_at),
        "bookings": booking_documents(connection, list(found)),
    }


def _plan(tx: Connection, wish: SeriesWish, actor: Actor, *, lock: bool) -> tuple[_First, list[Place]]:
    first = _booked_first(tx, wish.booking_id, actor) if wish.booking_id else _free_first(tx, wish)
    most = MOST_TIMES if actor.is_staff else MOST_TIMES_OF_A_PATIENT
    times = occasions(wish.repeat, first.starts_at, first.zone, most)
    to_book = times[1:] if first.booking_id else times
    return first, find_places(tx, first.doctor_id, first.length, to_book, lock=lock)


def _booked_first(tx: Connection, booking_id: uuid.UUID, actor: Actor) -> _First:
    seen = seen_by(tx, booking_id, actor)
    if seen.doctor_id is None:
        raise ValidationFailed.of("booking_id", "only an appointment can be repeated")
    if seen.shown_status not in REPEATABLE:
        raise WrongState("Only a confirmed appointment can be repeated.", status_now=seen.shown_status)
    row = tx.execute(
        select(*Booking.__table__.columns, Doctor.timezone)
        .join(Doctor, Doctor.id == Booking.doctor_id)
        .where(Booking.id == booking_id)
    ).one()
    if row.series_id is not None:
        raise WrongState(REPEATS_ALREADY)
    patient = PatientDetails(
        row.patient_name,
        row.patient_email,
        row.patient_phone,
        row.reason,
        row.patient_id,
        row.dependant_id,
        language=row.language,
    )
    length, zone = row.ends_at - row.starts_at, ZoneInfo(row.timezone)
    return _First(row.doctor_id, row.starts_at, length, zone, patient, booking_id, row.user_id)


def _free_first(tx: Connection, wish: SeriesWish) -> _First:
    row = tx.execute(
        select(Slot.doctor_id, Slot.starts_at, Slot.ends_at, Doctor.timezone)
        .join(Doctor, Doctor.id == Slot.doctor_id)
        .where(Slot.id == wish.slot_id, Doctor.deleted_at.is_(None))
    ).first()
    if row is None:
        raise NotFound("There is no such time of a doctor.")
    length, zone = row.ends_at - row.starts_at, ZoneInfo(row.timezone)
    return _First(row.doctor_id, row.starts_at, length, zone, wish.patient)


def _insert_series(act: Act, first: _First, repeat: Repeat) -> uuid.UUID:
    series_id = uuid.uuid4()
    act.tx.execute(
        insert(Series).values(id=series_id, doctor_id=first.doctor_id, rule=repeat.text(),
                              timezone=first.zone.key, first_starts_at=first.starts_at,
                              made_by=act.actor.label)
    )  # fmt: skip
    if first.booking_id is not None:
        adopt = update(Booking).where(Booking.id == first.booking_id, Booking.series_id.is_(None))
        if act.tx.execute(adopt.values(series_id=series_id).returning(Booking.id)).first() is None:
            raise TransientFailure
    return series_id


def _book_one(act: Act, place: Place, first: _First, series_id: uuid.UUID) -> uuid.UUID:
    if place.slot is None:
        raise AssertionError("a time without a slot is refused")
    booking_id = uuid.uuid4()
    rows = statements.take_slots(act.tx, [place.slot.id], booking_id, None, None)
    if not rows:
        raise TransientFailure  # it began, or was taken where nothing can be locked: look again
    claim = Claim((place.slot.id,), first.patient, instant=True)
    owner = {"user_id": first.owner} if first.booking_id else {}
    write_booking(act, booking_id, rows, claim, {"series_id": series_id, **owner})
    return booking_id
