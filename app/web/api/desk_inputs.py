"""What programs may send for the front desk and the waitlist."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from app.booking.actions import Interval, PatientDetails
from app.web.api.fields import Day, Email, Instant, Line, Paragraph, PersonName, Phone, ResourceId
from app.web.api.inputs import RequestModel

Attendance = Literal["CONFIRMED", "ARRIVED", "IN_ROOM", "COMPLETED", "NO_SHOW"]


class AttendanceBody(RequestModel):
    status: Attendance


class IntervalBody(RequestModel):
    """A doctor's time from starts_at up to, not including, ends_at."""

    doctor_id: ResourceId
    starts_at: Instant
    ends_at: Instant

    @model_validator(mode="after")
    def _end_after_the_start(self) -> IntervalBody:
        if self.ends_at <= self.starts_at:
            raise ValueError("ends_at must be later than starts_at")
        return self

    def interval(self) -> Interval:
        return Interval(self.doctor_id, self.starts_at, self.ends_at)


class ClosureBody(IntervalBody):
    reason: Line


class ClosurePreviewQuery(RequestModel):
    doctor_id: ResourceId
    starts_at: Instant
    ends_at: Instant

    def interval(self) -> Interval:
        return Interval(self.doctor_id, self.starts_at, self.ends_at)


class OverbookBody(IntervalBody):
    why: Paragraph
    patient_name: PersonName
    patient_email: Email | None = None
    patient_phone: Phone | None = None
    reason: Paragraph | None = None

    def patient(self) -> PatientDetails:
        return PatientDetails(self.patient_name, self.patient_email, self.patient_phone, self.reason)


class WaitBody(RequestModel):
    """Any time of the doctor between these days, both counted, in the doctor's zone."""

    doctor_id: ResourceId
    first_day: Day
    last_day: Day
    patient_name: PersonName
    patient_email: Email
    patient_phone: Phone | None = None

    def patient(self) -> PatientDetails:
        return PatientDetails(self.patient_name, self.patient_email, self.patient_phone)


class FirstFreeBody(RequestModel):
    specialization: Line | None = None
    patient_name: PersonName | None = None
    patient_email: Email | None = None
    patient_phone: Phone | None = None
    reason: Paragraph | None = None

    def patient(self) -> PatientDetails | None:
        if self.patient_name is None:
            return None
        return PatientDetails(self.patient_name, self.patient_email, self.patient_phone, self.reason)


class PatientSearch(RequestModel):
    q: Line
