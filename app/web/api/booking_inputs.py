"""What may be asked of bookings and appointments, as typed values."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, StrictBool, field_validator, model_validator

from app.accounts.principals import Principal
from app.booking.actions import PatientDetails
from app.booking.rules import MOST_SLOTS
from app.tables.booking import BookingStatus
from app.web.api.fields import Day, Email, Instant, Paragraph, PersonName, Phone, ResourceId, Uuid, WallTime
from app.web.api.inputs import PageQuery, RequestModel

SlotIds = Annotated[list[ResourceId], Field(min_length=1, max_length=MOST_SLOTS)]


class PatientBody(RequestModel):
    """Who comes. A logged-in caller who leaves name or e-mail out books for themselves."""

    patient_name: PersonName | None = None
    patient_email: Email | None = None
    patient_phone: Phone | None = None
    patient_id: Uuid | None = None
    #: Somebody of one's own account; the name is theirs.
    dependant_id: Uuid | None = None
    reason: Paragraph | None = None

    def details(self, caller: Principal | None) -> PatientDetails:
        name = self.patient_name or (caller.name if caller and not self.patient_id else None)
        email = self.patient_email or (caller.email if caller and not self.patient_id else None)
        return PatientDetails(name or "", email, self.patient_phone, self.reason, self.patient_id)


class BookingBody(PatientBody):
    """One of slot_id, slot_ids, or doctor_id with slot_time (an instant, or HH:MM: the next one)."""

    slot_id: ResourceId | None = None
    slot_ids: SlotIds | None = None
    doctor_id: ResourceId | None = None
    slot_time: Instant | WallTime | None = None
    hold: StrictBool = False

    @model_validator(mode="after")
    def _name_one_target(self) -> BookingBody:
        targets = [self.slot_id, self.slot_ids, self.doctor_id]
        if sum(target is not None for target in targets) != 1:
            raise ValueError("give exactly one of slot_id, slot_ids, or doctor_id with slot_time")
        if (self.doctor_id is None) != (self.slot_time is None):
            raise ValueError("doctor_id and slot_time go together")
        return self

    def named(self) -> tuple[int, ...]:
        """The slots that are given by their ids."""
        return tuple(self.slot_ids or ()) if self.slot_id is None else (self.slot_id,)


class ConfirmBody(PatientBody):
    """May complete what the hold did not say."""


class CancelBody(RequestModel):
    reason: Paragraph | None = None


class SlotsBody(RequestModel):
    """Slots to take into a hold."""

    slot_ids: SlotIds


class RescheduleBody(RequestModel):
    """Where to: slot_id, or slot_ids for as many seats as there are."""

    slot_id: ResourceId | None = None
    slot_ids: SlotIds | None = None

    @model_validator(mode="after")
    def _say_where_once(self) -> RescheduleBody:
        if (self.slot_id is None) == (self.slot_ids is None):
            raise ValueError("give slot_id or slot_ids")
        return self

    def wanted(self) -> list[int]:
        return self.slot_ids if self.slot_id is None else [self.slot_id]  # type: ignore[return-value]


class AppointmentBody(PatientBody):
    """A doctor's time from start up to, not including, end."""

    doctor_id: ResourceId
    start: Instant
    end: Instant

    @field_validator("end")
    @classmethod
    def _last_between_minutes_and_hours(cls, end: Any, info: Any) -> Any:
        start = info.data.get("start")
        if start is not None and not 5 * 60 <= (end - start).total_seconds() <= 8 * 3600:
            raise ValueError("must be 5 minutes to 8 hours after start")
        return end


class BookingQuery(PageQuery):
    status: BookingStatus | None = None
    doctor_id: ResourceId | None = None
    showtime_id: ResourceId | None = None
    date: Day | None = None
    user_id: Uuid | None = None


class AppointmentQuery(PageQuery):
    doctor_id: ResourceId | None = None
    date: Day | None = None
