"""What carries a short message that is no mail: SMS and push, each handed to a gateway by a signed request.

A gateway is a program of the clinic or of a provider: one URL that takes a JSON document and answers 2xx once
the message is its own. The Idempotency-Key is the notice's id, so that a repeat after a crash is the same
message to the gateway, and to the person."""

from __future__ import annotations

import base64
import binascii
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

import orjson
from sqlalchemy import Connection, select

from app.config import Config, ConfigError
from app.database import db_now
from app.notices.appointment import Appointment
from app.notices.errors import NotDelivered, Undeliverable
from app.outgoing.build import build_caller
from app.outgoing.caller import Caller, NotReached
from app.outgoing.signing import PREFIX, signed_headers
from app.outgoing.targets import ForbiddenTarget
from app.tables.booking import Booking
from app.tables.reminders import ReminderChoice

#: Not now: the clock, a limit, too early. Every other 4xx is about this message and stays so.
PASSING = {408, 425, 429}


class Channel(StrEnum):
    MAIL = "mail"
    SMS = "sms"
    PUSH = "push"


@dataclass(frozen=True)
class Way:
    """By what and to where a person wants to be told, and what time it is."""

    channel: Channel
    address: str = field(repr=False)
    now: datetime


@dataclass(frozen=True)
class ShortMessage:
    """What a telephone shows. The same each time for one notice."""

    notice_id: uuid.UUID
    title: str
    text: str
    url: str = field(repr=False)


class Transport(Protocol):
    """Carries short messages."""

    def deliver(self, message: ShortMessage, way: Way) -> None:
        """Return once it is in others' hands.

        Raises Undeliverable when it never will be, NotDelivered when it was not this time."""


@dataclass(frozen=True)
class Gateway:
    """The transport by HTTP."""

    url: str
    key: bytes = field(repr=False)
    caller: Caller

    def deliver(self, message: ShortMessage, way: Way) -> None:
        body = orjson.dumps(
            {
                "id": str(message.notice_id),
                "channel": way.channel.value,
                "to": way.address,
                "title": message.title,
                "text": message.text,
                "url": message.url,
            }
        )
        notice = str(message.notice_id)
        signed = signed_headers([self.key], notice, int(way.now.timestamp()), body)
        headers = {"Content-Type": "application/json", "Idempotency-Key": notice, **signed}
        try:
            status = self.caller.post(self.url, body, headers).status
        except (ForbiddenTarget, NotReached) as error:
            raise NotDelivered(f"the {way.channel} gateway: {error}") from error
        if 200 <= status < 300:
            return
        is_final = 400 <= status < 500 and status not in PASSING
        raise (Undeliverable if is_final else NotDelivered)(f"the {way.channel} gateway answered {status}")


def build_transports(config: Config) -> Mapping[Channel, Transport]:
    """The gateways that are configured. Raises ConfigError."""
    urls = {Channel.SMS: config.sms_gateway_url, Channel.PUSH: config.push_gateway_url}
    caller = build_caller(config)
    return {
        channel: Gateway(url, _key(config.gateway_secret), caller) for channel, url in urls.items() if url
    }


def available_channels(config: Config) -> list[Channel]:
    """By what this clinic can remind people."""
    return [Channel.MAIL, *build_transports(config)]


def ways_of(connection: Connection, booking_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Way]:
    """How the people of these bookings want to be reminded; who is not among them, by mail."""
    rows = connection.execute(
        select(Booking.id, ReminderChoice.channel, ReminderChoice.address, db_now().label("now"))
        .join(Booking, Booking.user_id == ReminderChoice.user_id)
        .where(Booking.id.in_(booking_ids), ReminderChoice.channel != Channel.MAIL.value)
    )
    return {
        row.id: Way(Channel(row.channel), row.address, row.now) for row in rows if row.address is not None
    }


def reminder(notice_id: uuid.UUID, appointment: Appointment, manage_url: str) -> ShortMessage:
    """When, with whom and where; never why. In the zone of the place, as its clock on the wall shows it."""
    start = appointment.local_start
    day_and_time = f"{start:%a} {start.day} {start:%b}, {start:%H:%M}"
    what = appointment.summary if appointment.movie else appointment.doctor
    told = ", ".join(filter(None, (day_and_time, what, appointment.place)))
    return ShortMessage(notice_id, "Reminder", f"{told}. Move or cancel: {manage_url}", manage_url)


def _key(secret: str) -> bytes:
    """Of whsec_ and base64, as Standard Webhooks has it, or of any text."""
    if not secret:
        raise ConfigError("GATEWAY_SECRET must be set: what is handed to a gateway is signed with it")
    if not secret.startswith(PREFIX):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        raise ConfigError("GATEWAY_SECRET: what follows whsec_ must be base64") from None
