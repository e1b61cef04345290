"""Slots as anybody may see them, and what a doctor's day has left.

Read from the primary at the moment of asking; a hold is over at its deadline, noticed or not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, TextClause, and_, false, literal, or_, select, text, tuple_

from app.booking.free_slots import IS_HELD, NOW, days_with_free, is_free, nearest_free, next_free
from app.booking.seat_slots import find_seat_slot
from app.database import BigId, UtcDateTime
from app.directory.doctors import read_doctor
from app.directory.documents import Document, instant, select_slots, slot_document
from app.directory.placing import LONGEST_SLOT, NOT_BLOCKED, read_now
from app.directory.spans import Span, subtract
from app.directory.wall_time import day_bounds, on_day, reached
from app.errors import NotFound
from app.tables.booking import Slot, SlotState
from app.tables.directory import Doctor

__all__ = [
    "OpeningHours",
    "SlotFilter",
    "day_availability",
    "days_with_free",
    "list_slots",
    "nearest_free",
    "next_free",
    "read_slot",
    "slot_document",
]

EARLIEST, LATEST = datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)
MOST_SLOTS_PER_DAY = 300  # five-minute slots round the clock, on a day of 25 hours
#: As the index says it that leaves seats out.
OF_A_DOCTOR = Slot.doctor_id.is_not(None)
NOT_AN_INTERVAL = Slot.is_interval.is_(False)
Condition = ColumnElement[bool] | TextClause
STATE_CONDITIONS: dict[SlotState | None, tuple[Condition, ...]] = {
    # What is offered: not what stepped aside, was closed, or belongs to one appointment.
    None: (NOT_BLOCKED, NOT_AN_INTERVAL),
    SlotState.OPEN: (NOT_BLOCKED, is_free()),
    SlotState.HELD: (IS_HELD, Slot.hold_until > NOW),
    SlotState.BOOKED: (NOT_BLOCKED, text("slots.state = 'BOOKED'")),
    SlotState.BLOCKED: (text("slots.state = 'BLOCKED'"),),
}


@dataclass(frozen=True)
class SlotFilter:
    """Which slots are asked for. Days are those of each doctor's zone and both count; starts_before does
    not. Without first_day or starts_from only times to come are meant."""

    doctor_id: int | None = None
    first_day: date | None = None
    last_day: date | None = None
    starts_from: datetime | None = None
    starts_before: datetime | None = None
    state: SlotState | None = None


@dataclass(frozen=True)
class OpeningHours:
    """When the clinic is open, in full hours of the doctor's wall clock; 24 is midnight."""

    start_hour: int
    end_hour: int


def list_slots(
    connection: Connection,
    wanted: SlotFilter,
    after: tuple[datetime, int] | None = None,
    limit: int = 100,
) -> list[Document]:
    """Slots of the doctors who are there, by start and id: those after the given pair."""
    conditions: list[Condition] = [Doctor.deleted_at.is_(None), OF_A_DOCTOR]
    conditions += [*STATE_CONDITIONS[wanted.state], *_starts(wanted)]
    if wanted.doctor_id is not None:
        conditions.append(Slot.doctor_id == wanted.doctor_id)
    if wanted.first_day is not None or wanted.last_day is not None:
        conditions.append(_on_days(connection, wanted))
    if after is not None:
        start = tuple_(literal(after[0], UtcDateTime), literal(after[1], BigId))
        conditions += [Slot.starts_at >= after[0], tuple_(Slot.starts_at, Slot.id) > start]
    query = select_slots().where(*conditions).order_by(Slot.starts_at, Slot.id).limit(limit)
    return [slot_document(row) for row in connection.execute(query)]


def read_slot(connection: Connection, slot_id: int) -> Document:
    """A doctor's time or a seat. Raises NotFound."""
    row = connection.execute(select_slots().where(Slot.id == slot_id)).first()
    found = slot_document(row) if row else find_seat_slot(connection, slot_id)
    if found is None:
        raise NotFound("There is no such slot.")
    return found


def day_availability(connection: Connection, doctor_id: int, day: date, hours: OpeningHours) -> Document:
    """What is left of the doctor's day: opening hours minus what is taken, and the free slots in it.

    Raises NotFound for the doctor."""
    doctor = read_doctor(connection, doctor_id)
    opening = opening_span(day, hours, ZoneInfo(doctor["timezone"]))
    ahead = Span(max(opening.starts_at, read_now(connection)), opening.ends_at)
    wanted = SlotFilter(doctor_id, day, day, state=SlotState.OPEN)
    slots = list_slots(connection, wanted, limit=MOST_SLOTS_PER_DAY)
    return day_document(doctor, day, opening, ahead, _taken(connection, doctor_id, ahead), slots)


def opening_span(day: date, hours: OpeningHours, zone: ZoneInfo) -> Span:
    opens_at = reached(on_day(day, hours.start_hour * 60), zone)
    return Span(opens_at, reached(on_day(day, hours.end_hour * 60), zone))


def day_document(
    doctor: Document, day: date, opening: Span, ahead: Span, taken: list[Span], slots: list[Document]
) -> Document:
    """What is left of the span ahead of the day; `slots` are the open ones of that day."""
    free = subtract(ahead, taken) if ahead.starts_at < ahead.ends_at else []
    return {
        "doctor_id": doctor["id"],
        "doctor_name": doctor["name"],
        "date": day.isoformat(),
        "timezone": doctor["timezone"],
        "opens_at": instant(opening.starts_at),
        "closes_at": instant(opening.ends_at),
        "free": [_interval(span) for span in free],
        "slots": [slot for slot in slots if slot["is_available"]],
    }


def _starts(wanted: SlotFilter) -> list[Condition]:
    conditions: list[Condition] = []
    if wanted.starts_from is not None:
        conditions.append(Slot.starts_at >= wanted.starts_from)
    elif wanted.first_day is None:
        conditions.append(Slot.starts_at > NOW)
    if wanted.starts_before is not None:
        conditions.append(Slot.starts_at < wanted.starts_before)
    return conditions


def _on_days(connection: Connection, wanted: SlotFilter) -> ColumnElement[bool]:
    """The same dates are other instants for doctors of other zones."""
    zones = select(Doctor.timezone).distinct()
    if wanted.doctor_id is not None:
        zones = zones.where(Doctor.id == wanted.doctor_id)
    bounds = {zone: _bounds(wanted, ZoneInfo(zone)) for zone in connection.execute(zones).scalars()}
    if not bounds:
        return false()
    in_any_zone = (min(begin for begin, _ in bounds.values()), max(end for _, end in bounds.values()))
    in_own_zone = [and_(Doctor.timezone == zone, *_within(*span)) for zone, span in bounds.items()]
    return and_(*_within(*in_any_zone), or_(*in_own_zone))


def _bounds(wanted: SlotFilter, zone: ZoneInfo) -> tuple[datetime, datetime]:
    begin = day_bounds(wanted.first_day, zone)[0] if wanted.first_day else EARLIEST
    end = day_bounds(wanted.last_day, zone)[1] if wanted.last_day else LATEST
    return begin, end


def _within(begin: datetime, end: datetime) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return Slot.starts_at >= begin, Slot.starts_at < end


def _taken(connection: Connection, doctor_id: int, span: Span) -> list[Span]:
    """Booked, or held right now."""
    taken = select(Slot.starts_at, Slot.ends_at).where(
        Slot.doctor_id == doctor_id,
        NOT_BLOCKED,
        ~is_free(),
        Slot.starts_at > span.starts_at - LONGEST_SLOT,
        Slot.starts_at < span.ends_at,
        Slot.ends_at > span.starts_at,
    )
    return [Span(*row) for row in connection.execute(taken)]


def _interval(span: Span) -> Document:
    return {
        "starts_at": instant(span.starts_at),
        "ends_at": instant(span.ends_at),
        "duration_minutes": span.minutes,
    }
