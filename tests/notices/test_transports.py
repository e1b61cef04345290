"""Reminders by SMS and push: handed to a real gateway by HTTP, retried, the same message every time."""

from __future__ import annotations

import time
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from app.config import Config, ConfigError
from app.notices.outcomes import Outcome
from app.notices.queue import Kind
from app.notices.reminders import queue_due
from app.notices.sender import Sender
from app.notices.transports import Channel, available_channels, build_transports
from app.outgoing.signing import is_genuine
from app.tables import ReminderChoice, User
from tests.moments import no_longer_than
from tests.notices.clinic import Clinic
from tests.receiver import Receiver, receiving
from tests.servers import SmtpSink

NOWHERE = "smtp://127.0.0.1:9"
SECRET = "gateway secret of the tests"
NUMBER = "+491701234567"


def person(clinic: Clinic, channel: str | None, address: str | None = NUMBER) -> uuid.UUID:
    row = {"email": f"{uuid.uuid4()}@example.org", "name": "Mia Berg", "password_hash": "-"}
    with clinic.database.transaction() as tx:
        user_id: uuid.UUID = tx.execute(insert(User).values(row).returning(User.id)).scalar_one()
        if channel:
            tx.execute(insert(ReminderChoice).values(user_id=user_id, channel=channel, address=address))
    return user_id


def due_reminder(clinic: Clinic, channel: str | None, **fields: Any) -> uuid.UUID:
    """The reminder of an appointment tomorrow, of somebody who chose this channel."""
    now = datetime.now(UTC)
    times = {"starts_at": now + timedelta(hours=20), "confirmed_at": now - timedelta(days=7)}
    clinic.booking(**{**times, "user_id": person(clinic, channel), **fields})
    (notice,) = clinic.database.run(queue_due)
    return notice


def sender(clinic: Clinic, gateway: Receiver | None, smtp_url: str = NOWHERE) -> Sender:
    settings = {"OUTGOING_ALLOWED": "127.0.0.1", "OUTGOING_HTTP": "true", "GATEWAY_SECRET": SECRET}
    if gateway:
        settings |= {"SMS_GATEWAY_URL": gateway.url, "PUSH_GATEWAY_URL": gateway.url}
    config = Config.from_env({"APP_ENV": "test", **settings})
    return replace(clinic.sender(smtp_url), transports=build_transports(config))


@pytest.mark.parametrize("channel", ["sms", "push"])
def test_a_reminder_is_handed_to_the_gateway_signed_and_without_the_reason(clinic: Clinic, channel: str):
    notice = due_reminder(clinic, channel)

    with receiving() as gateway:
        outcome = sender(clinic, gateway).send(notice)

    (request,) = gateway.requests
    assert outcome is Outcome.SENT
    assert is_genuine(SECRET.encode(), request.headers, request.body, time.time())
    assert request.headers["idempotency-key"] == str(notice)
    assert (request.json["channel"], request.json["to"], request.json["id"]) == (channel, NUMBER, str(notice))
    assert "Dr Ada Lind, Riverside Clinic. Move or cancel: https://clinic.example/m/" in request.json["text"]
    for secret in ("chemotherapy", "Oncology", "Mia", "mia@"):
        assert secret not in request.body.decode()


def test_while_the_gateway_is_down_the_reminder_waits_and_is_then_handed_on_once(clinic: Clinic):
    notice = due_reminder(clinic, "sms")
    with receiving(503) as gateway:
        ours = sender(clinic, gateway)
        while_down = [ours.send(notice), ours.send(notice)]
        gateway.answer = 202
        clinic.let_back_off_end(notice)
        afterwards = [ours.send(notice), ours.send(notice)]

    assert while_down == [Outcome.FAILED_FOR_NOW, Outcome.NOT_OURS]
    assert afterwards == [Outcome.SENT, Outcome.NOT_OURS]
    assert {request.headers["idempotency-key"] for request in gateway.requests} == {str(notice)}
    assert gateway.requests[0].body == gateway.requests[1].body


def test_whoever_the_gateway_cannot_reach_gets_the_mail(clinic: Clinic, smtp_sink: SmtpSink):
    notice = due_reminder(clinic, "sms")

    with receiving(422) as gateway:
        outcome = sender(clinic, gateway, smtp_sink.url).send(notice)

    assert outcome is Outcome.SENT
    assert [message["Subject"][:24] for message in smtp_sink.messages()] == ["Your appointment is near"]
    assert len(gateway.requests) == 1


@pytest.mark.parametrize("channel", [None, "mail"])
def test_whoever_chose_nothing_or_mail_gets_the_mail(
    clinic: Clinic, smtp_sink: SmtpSink, channel: str | None
):
    notice = due_reminder(clinic, channel)

    with receiving() as gateway:
        sender(clinic, gateway, smtp_sink.url).send(notice)

    assert gateway.requests == []
    assert smtp_sink.deliveries() == 1


def test_without_a_gateway_the_choice_waits_for_one_and_mail_is_sent(clinic: Clinic, smtp_sink: SmtpSink):
    notice = due_reminder(clinic, "sms")

    assert sender(clinic, None, smtp_sink.url).send(notice) is Outcome.SENT
    assert smtp_sink.deliveries() == 1


def test_only_reminders_are_short_messages(clinic: Clinic, smtp_sink: SmtpSink):
    booking = clinic.booking(user_id=person(clinic, "sms"))

    with receiving() as gateway:
        sender(clinic, gateway, smtp_sink.url).send(clinic.notice(booking, Kind.CONFIRMATION))

    assert gateway.requests == []
    assert smtp_sink.deliveries() == 1


def test_a_gateway_that_hangs_costs_one_deadline(clinic: Clinic):
    notice = due_reminder(clinic, "sms")
    with receiving(lambda _: time.sleep(3)) as gateway:
        ours = sender(clinic, gateway)
        slow = ours.transports[Channel.SMS]
        quick = replace(slow, caller=replace(slow.caller, deadline_seconds=0.3))
        with no_longer_than(1.5):
            outcome = replace(ours, transports={Channel.SMS: quick}).send(notice)

    assert outcome == Outcome.FAILED_FOR_NOW
    assert clinic.row(notice).last_error == "the sms gateway: no answer in time"


def test_a_gateway_needs_a_secret_and_the_clinic_offers_what_it_has():
    def config(**settings: str) -> Config:
        return Config.from_env({"APP_ENV": "test", **settings})

    url = {"SMS_GATEWAY_URL": "https://sms.example.org/send"}
    assert available_channels(config()) == [Channel.MAIL]
    assert available_channels(config(**url, GATEWAY_SECRET=SECRET)) == [Channel.MAIL, Channel.SMS]
    with pytest.raises(ConfigError, match="GATEWAY_SECRET must be set"):
        build_transports(config(**url))
    with pytest.raises(ConfigError, match="base64"):
        build_transports(config(**url, GATEWAY_SECRET="whsec_!"))
