"""From the booking action to the mailbox: every change of a booking tells its patient, holds tell nobody."""

import re
import uuid
from collections.abc import Callable
from email.message import EmailMessage

import pytest
from icalendar import Calendar, Event

from app.booking import manage_token
from app.booking.actions import (
    GUEST,
    Claim,
    cancel_booking,
    confirm_booking,
    hold_slot,
    release_hold,
    reschedule_booking,
)
from app.config import Config
from app.idempotency import RequestKey
from app.notices.reconciler import deliver_due
from tests.booking.conftest import ANNA, Desk, desk, make_desk, owner_of
from tests.servers import SmtpSink
from worker.jobs import build_sender

__all__ = ["desk", "make_desk"]


@pytest.fixture
def deliver(desk: Desk, smtp_sink: SmtpSink) -> Callable[[], list[EmailMessage]]:
    """Everything that is due goes out; the mailbox."""
    config = Config.from_env(
        {"APP_ENV": "test", "SMTP_URL": smtp_sink.url, "BASE_URL": "https://clinic.example"}
    )
    sender = build_sender(config, desk.database)

    def deliver() -> list[EmailMessage]:
        while deliver_due(sender, lambda name, notice: False).sent:
            pass
        return smtp_sink.messages()

    return deliver


def test_booking_moving_and_cancelling_tell_one_story_to_people_and_calendars(
    desk: Desk, deliver: Callable[[], list[EmailMessage]]
):
    booking = desk.hold(desk.add_slot())
    booking_id, owner = uuid.UUID(booking["id"]), owner_of(booking)

    while_held = deliver()
    confirm_booking(desk.engine, booking_id, owner)
    deliver()
    reschedule_booking(desk.engine, booking_id, desk.add_slot(hours_ahead=48), owner)
    deliver()
    cancel_booking(desk.engine, booking_id, owner, reason="a relapse")
    mails = deliver()

    entries = [entry_of(mail) for mail in mails]
    assert while_held == []
    assert [mail["Subject"].split(":")[0] for mail in mails] == [
        "Appointment confirmed",
        "Appointment moved",
        "Appointment cancelled",
    ]
    assert [(method, event["SEQUENCE"]) for method, event in entries] == [
        ("REQUEST", 0),
        ("REQUEST", 1),
        ("CANCEL", 2),
    ]
    assert {event["UID"] for _, event in entries} == {f"{booking_id}@oneslot"}
    first, moved, cancelled = (event["DTSTART"].dt for _, event in entries)
    assert first < moved == cancelled


def test_the_link_in_the_mail_opens_this_booking(desk: Desk, deliver: Callable[[], list[EmailMessage]]):
    booking = desk.book(desk.add_slot())

    (mail,) = deliver()

    text = mail.get_body(("plain",)).get_content()
    token = re.search(r"https://clinic\.example/m/(\S+)", text)
    assert token is not None
    assert manage_token.read(Config().secret_key, token[1]) == uuid.UUID(booking["id"])


def test_a_hold_that_is_given_back_tells_nobody(desk: Desk, deliver: Callable[[], list[EmailMessage]]):
    booking = desk.hold(desk.add_slot())

    release_hold(desk.engine, uuid.UUID(booking["id"]), owner_of(booking))

    assert deliver() == []


def test_a_request_repeated_twenty_times_tells_once(desk: Desk, deliver: Callable[[], list[EmailMessage]]):
    claim = Claim((desk.add_slot(),), ANNA, instant=True)
    key = RequestKey.of("guest", "key-1", {"slot": 1})

    for _ in range(20):
        hold_slot(desk.engine, claim, GUEST, key)

    assert len(deliver()) == 1


def entry_of(mail: EmailMessage) -> tuple[str, Event]:
    (part,) = [part for part in mail.walk() if part.get_content_type() == "text/calendar"]
    calendar = Calendar.from_ical(part.get_content())
    (event,) = calendar.events
    return str(calendar["METHOD"]), event
