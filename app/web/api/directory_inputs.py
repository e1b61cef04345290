"""What may be asked of doctors, patients and slots, as typed values."""

from __future__ import annotations

import re
from datetime import date, datetime, time
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StrictBool,
    StrictInt,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)

from app.booking.availability import SlotFilter
from app.coordination.replication.levels import Level
from app.directory.generation import LONGEST_MINUTES, SHORTEST_MINUTES, Window
from app.directory.slots import SlotDraft
from app.directory.wall_time import MINUTES_PER_DAY
from app.tables.booking import SlotState
from app.time_zones import known_time_zones
from app.web.api.fields import Day, Email, Instant, Line, Paragraph, PersonName, Phone, ResourceId, WallTime
from app.web.api.inputs import PageQuery, RequestModel

CLOCK_SHAPE = r"([01][0-9]|2[0-4]):([0-5][0-9])(:00)?"


def _known_zone(name: str) -> str:
    if name not in known_time_zones():
        raise ValueError("must be an IANA time zone such as Europe/Berlin")
    return name


def _minute_of_day(value: object) -> int:
    found = re.fullmatch(CLOCK_SHAPE, value) if isinstance(value, str) else None
    minute = int(found[1]) * 60 + int(found[2]) if found else MINUTES_PER_DAY + 1
    if minute > MINUTES_PER_DAY:
        raise ValueError("must be text such as 09:30; the day ends at 24:00")
    return minute


Specialization = Annotated[Line, StringConstraints(min_length=2, max_length=100)]
TimeZoneName = Annotated[Line, AfterValidator(_known_zone)]
Years = Annotated[StrictInt, Field(ge=0, le=80)]
Minutes = Annotated[StrictInt, Field(ge=SHORTEST_MINUTES, le=LONGEST_MINUTES)]
MinuteOfDay = Annotated[
    int,
    BeforeValidator(_minute_of_day),
    WithJsonSchema({"type": "string", "pattern": f"^{CLOCK_SHAPE}$"}),
]


class DoctorBody(RequestModel):
    """A new doctor; without timezone the clinic's is taken."""

    name: PersonName
    specialization: Specialization
    email: Email | None = None
    phone: Phone | None = None
    experience_years: Years = 0
    hospital: Line | None = None
    timezone: TimeZoneName | None = None


#: Left out is not null: what a doctor must have can be changed, not taken away.
LEFT_OUT: Any = None


class DoctorChanges(RequestModel):
    """What is to change; a field that is left out stays as it is."""

    name: PersonName = LEFT_OUT
    specialization: Specialization = LEFT_OUT
    email: Email | None = None
    phone: Phone | None = None
    experience_years: Years = LEFT_OUT
    hospital: Line | None = None
    timezone: TimeZoneName = LEFT_OUT


class DoctorQuery(PageQuery):
    """q is looked for in name, specialization and hospital."""

    specialization: Line | None = None
    q: Line | None = None


class PatientBody(RequestModel):
    name: PersonName
    email: Email
    phone: Phone | None = None
    contact: Paragraph | None = None


class SlotBody(RequestModel):
    """One slot: starts_at, or slot_date with slot_time on the doctor's wall clock."""

    doctor_id: ResourceId
    starts_at: Instant | None = None
    slot_date: Day | None = None
    slot_time: Instant | WallTime | None = None
    duration_minutes: Minutes | None = None

    @model_validator(mode="after")
    def _say_when_once(self) -> SlotBody:
        is_instant = isinstance(self.slot_time, datetime)
        on_the_wall = self.slot_date is not None and self.slot_time is not None and not is_instant
        just_instant = is_instant and self.slot_date is None
        if self.starts_at is not None:
            is_clear = self.slot_date is None and self.slot_time is None
        else:
            is_clear = on_the_wall or just_instant
        if not is_clear:
            raise ValueError("give starts_at, or slot_date with slot_time as HH:MM")
        return self

    def draft(self, default_minutes: int) -> SlotDraft:
        minutes = self.duration_minutes or default_minutes
        if self.starts_at is not None:
            return SlotDraft(self.doctor_id, self.starts_at, minutes)
        if isinstance(self.slot_time, time) and self.slot_date is not None:
            starts = datetime.combine(self.slot_date, self.slot_time)
            return SlotDraft(self.doctor_id, starts, minutes, "slot_time")
        if isinstance(self.slot_time, datetime):
            return SlotDraft(self.doctor_id, self.slot_time, minutes, "slot_time")
        raise AssertionError("the body was validated to say when")


class BulkBody(RequestModel):
    """Every slot of a day (slot_date) or of a range of days (start_date to end_date, both counted)."""

    doctor_id: ResourceId
    slot_date: Day | None = None
    start_date: Day | None = None
    end_date: Day | None = None
    start_time: MinuteOfDay | None = None
    end_time: MinuteOfDay | None = None
    duration_minutes: Minutes | None = None
    exclude_weekends: StrictBool = False

    @model_validator(mode="after")
    def _name_the_days_once(self) -> BulkBody:
        if (self.slot_date is None) == (self.start_date is None):
            raise ValueError("give slot_date, or start_date and end_date")
        if self.end_date is not None and self.start_date is None:
            raise ValueError("end_date goes with start_date")
        return self

    def window(self, start_hour: int, end_hour: int, default_minutes: int) -> Window:
        """The window asked for; what is left out is the clinic's."""
        first = self.slot_date or self.start_date
        if first is None:
            raise AssertionError("the body was validated to name a day")
        return Window(
            first_day=first,
            last_day=self.end_date or first,
            opens_minute=start_hour * 60 if self.start_time is None else self.start_time,
            closes_minute=end_hour * 60 if self.end_time is None else self.end_time,
            duration_minutes=self.duration_minutes or default_minutes,
            exclude_weekends=self.exclude_weekends,
            first_day_field="slot_date" if self.slot_date else "start_date",
        )


class DoctorSlotQuery(PageQuery):
    """date is a day; from and to are instants, or days that both count. Without date and from, slots to come.

    Days are those of the doctor's time zone."""

    date: Day | None = None
    from_: Annotated[Instant | Day | None, Field(alias="from")] = None
    to: Instant | Day | None = None
    state: SlotState | None = None
    consistency: Level | None = None

    @model_validator(mode="after")
    def _ask_for_a_day_or_a_range(self) -> DoctorSlotQuery:
        if self.date is not None and (self.from_ is not None or self.to is not None):
            raise ValueError("give date, or from and to")
        return self

    def wanted(self, doctor_id: int | None) -> SlotFilter:
        since, until = self.from_ or self.date, self.to or self.date
        return SlotFilter(
            doctor_id=doctor_id,
            first_day=_only_day(since),
            last_day=_only_day(until),
            starts_from=since if isinstance(since, datetime) else None,
            starts_before=until if isinstance(until, datetime) else None,
            state=self.state,
        )


class SlotQuery(DoctorSlotQuery):
    """Times of doctors; with showtime_id its seats."""

    doctor_id: ResourceId | None = None
    showtime_id: ResourceId | None = None

    @model_validator(mode="after")
    def _ask_for_times_or_for_seats(self) -> SlotQuery:
        others = (self.doctor_id, self.date, self.from_, self.to)
        if self.showtime_id is not None and any(other is not None for other in others):
            raise ValueError("showtime_id goes with state alone")
        return self


class AvailabilityQuery(RequestModel):
    doctor_id: ResourceId
    date: Day
    consistency: Level | None = None


def _only_day(value: Any) -> date | None:
    """A datetime is a date to Python, but not a day to us."""
    return value if isinstance(value, date) and not isinstance(value, datetime) else None
