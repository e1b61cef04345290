"""Free times that can be held with one press."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from app.web.pages.wording import clock_time, instant, near_day


@dataclass(frozen=True)
class Offer:
    """A free time as a button. The key makes pressing it twice one request."""

    slot_id: str
    doctor: str
    specialization: str
    day: str
    time: str
    starts_at: str
    key: str


def offer_of(slot: Mapping[str, Any], zone: ZoneInfo, now: datetime) -> Offer:
    starts_at = instant(slot["starts_at"])
    return Offer(
        slot_id=slot["id"],
        doctor=slot["doctor_name"],
        specialization=slot["specialization"],
        day=near_day(starts_at.astimezone(zone).date(), now.astimezone(zone).date()),
        time=clock_time(starts_at, zone),
        starts_at=slot["starts_at"],
        key=new_key(),
    )


def new_key() -> str:
    """For a form: whoever sends it twice gets the first answer."""
    return secrets.token_urlsafe(18)
