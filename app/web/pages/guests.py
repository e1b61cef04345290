"""Whose booking a link opens: the token in the address is the proof."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import g

from app.booking import manage_token
from app.booking.actions import Actor
from app.booking.reading import find_booking
from app.booking.wall import read_for
from app.directory.placing import read_now
from app.errors import NotFound
from app.web.actors import actor_with
from app.web.pages.speech import Speech, speech_of
from app.web.parts import parts


@dataclass(frozen=True)
class Guest:
    """Somebody who holds a booking's token, and the booking as it was just read."""

    token: str
    booking: dict[str, Any]
    #: The database's time of reading: the only clock that decides about holds.
    now: datetime

    @property
    def booking_id(self) -> uuid.UUID:
        return uuid.UUID(self.booking["id"])

    @property
    def actor(self) -> Actor:
        return guest_actor(self.booking_id)

    @property
    def slot_id(self) -> int:
        return int(self.booking["slot_id"])

    @property
    def slot_ids(self) -> tuple[int, ...]:
        return tuple(int(slot["id"]) for slot in self.booking["slots"])

    @property
    def showtime_id(self) -> int | None:
        """Of the seats; None for a time of a doctor."""
        return int(self.booking["showtime_id"]) if self.booking["showtime_id"] else None

    @property
    def speech(self) -> Speech:
        return speech_of(self.booking)

    @property
    def is_held(self) -> bool:
        return bool(self.booking["status"] == "PENDING")

    @property
    def is_confirmed(self) -> bool:
        return bool(self.booking["status"] == "CONFIRMED")

    @property
    def was_only_held(self) -> bool:
        """It ended as a hold: lapsed, or given up before it was confirmed."""
        return self.booking["status"] in {"EXPIRED", "CANCELLED"} and self.booking["confirmed_at"] is None

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.booking["timezone"])


def guest_actor(booking_id: uuid.UUID) -> Actor:
    """Whoever shows the link, logged in or not."""
    return actor_with(booking_id)


def guest_of(token: str) -> Guest:
    """Raises NotFound, for a forged token and for a booking that is gone alike."""
    booking_id = manage_token.read(parts().config.secret_key, token, parts().config.earlier_secrets)
    if booking_id is None:
        raise NotFound("There is no such booking.")
    with read_for(parts().database, guest_actor(booking_id)) as connection:
        booking = find_booking(connection, booking_id, guest_actor(booking_id))
        g.is_about_a_show = booking["showtime_id"] is not None
        return Guest(token, booking, read_now(connection))


def token_of(booking: dict[str, Any]) -> str:
    return manage_token.issue(parts().config.secret_key, uuid.UUID(booking["id"]))
