"""What closing whole days for several doctors would do, and doing it: a closure for each day and doctor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from app.booking.closures import STANDING, ClosureDraft, close_time
from app.booking.documents import Document, booking_documents, select_bookings
from app.booking.engine import Engine
from app.booking.overlap import Interval
from app.booking.rules import Actor
from app.booking.statements import can_be_claimed
from app.directory.public_holidays import Holiday
from app.directory.wall_time import day_bounds
from app.idempotency import RequestKey
from app.tables.booking import Booking, Slot
from app.tables.desk import Closure


@dataclass(frozen=True)
class DoctorZone:
    """A doctor, and by which clock their days begin."""

    id: int
    zone: ZoneInfo


@dataclass(frozen=True)
class PlannedDay:
    """A holiday: how many times would go out of the offer, and who is booked then."""

    holiday: Holiday
    offered: int
    bookings: list[Document]
    #: It is closed for all of these doctors already.
    is_closed: bool


def plan_days(
    connection: Connection, days: Sequence[Holiday], doctors: Sequence[DoctorZone]
) -> list[PlannedDay]:
    """Each day as it is now, in order."""
    return [_plan_day(connection, each, doctors) for each in sorted(days)]


def close_days(
    engine: Engine,
    days: Sequence[Holiday],
    doctors: Sequence[DoctorZone],
    actor: Actor,
    request: RequestKey | None,
) -> list[Document]:
    """Close each day for each doctor who is not closed then already; the new closures.

    Each is a transaction of its own; sent twice, nothing is closed twice."""
    with engine.database.read() as connection:
        wanted = [draft for day in sorted(days) for draft in _open_ones(connection, day, doctors)]
    return [close_time(engine, draft, actor, _key(request, draft)).value for draft in wanted]


def _plan_day(connection: Connection, holiday: Holiday, doctors: Sequence[DoctorZone]) -> PlannedDay:
    spans = {doctor.id: day_bounds(holiday.day, doctor.zone) for doctor in doctors}
    if not spans:
        return PlannedDay(holiday, 0, [], is_closed=False)
    first, last = min(begin for begin, _ in spans.values()), max(end for _, end in spans.values())
    slots = connection.execute(
        select(Slot.doctor_id, Slot.starts_at, Slot.ends_at).where(
            Slot.doctor_id.in_(spans), Slot.starts_at < last, Slot.ends_at > first, can_be_claimed()
        )
    )
    booked = connection.execute(
        select_bookings()
        .where(Booking.doctor_id.in_(spans), Booking.status.in_(STANDING),
               Booking.starts_at < last, Booking.ends_at > first)
        .order_by(Booking.starts_at, Booking.id)
    ).all()  # fmt: skip
    affected = [row for row in booked if _reaches(spans[row.doctor_id], row.starts_at, row.ends_at)]
    return PlannedDay(
        holiday,
        offered=sum(_reaches(spans[row.doctor_id], row.starts_at, row.ends_at) for row in slots),
        bookings=booking_documents(connection, affected),
        is_closed=not list(_open_ones(connection, holiday, doctors)),
    )


def _reaches(span: tuple[datetime, datetime], starts_at: datetime, ends_at: datetime) -> bool:
    return starts_at < span[1] and ends_at > span[0]


def _open_ones(
    connection: Connection, holiday: Holiday, doctors: Sequence[DoctorZone]
) -> Iterator[ClosureDraft]:
    """A draft for each doctor whose whole day is not closed."""
    for doctor in doctors:
        begin, end = day_bounds(holiday.day, doctor.zone)
        whole = select(Closure.id).where(
            Closure.doctor_id == doctor.id,
            Closure.ended_at.is_(None),
            Closure.starts_at <= begin,
            Closure.ends_at >= end,
        )
        if connection.execute(whole.limit(1)).first() is None:
            yield ClosureDraft(Interval(doctor.id, begin, end), holiday.name)


def _key(request: RequestKey | None, draft: ClosureDraft) -> RequestKey | None:
    if request is None:
        return None
    name = f"{request.key}:{draft.interval.doctor_id}:{draft.interval.starts_at.isoformat()}"
    return RequestKey(request.scope, name, request.request_hash)
