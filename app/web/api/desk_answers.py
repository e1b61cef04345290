"""What the front desk's routes answer with."""

from __future__ import annotations

from pydantic import BaseModel


class PlaceInLineDocument(BaseModel):
    """Where somebody stands in line; the position is null once they wait no longer."""

    id: str
    doctor_id: str
    doctor_name: str
    timezone: str
    starts_from: str
    starts_before: str
    patient_name: str
    status: str
    position: int | None
    offer_id: str | None
