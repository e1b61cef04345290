"""Reminders (N4): once per appointment, in time, caught up after an outage, and never for what is not so."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from app.clinic import rules
from app.clinic.rules import ClinicRules
from app.notices.reminders import queue_due
from app.tables.booking import Booking
from app.tables.journal import Notice
from tests.notices.clinic import Clinic
from tests.servers import SmtpSink


def near(clinic: Clinic, hours: float = 20, booked_days_ago: float = 7, **fields: Any) -> uuid.UUID:
    """An appointment in so many hours, confirmed a while ago."""
    now = datetime.now(UTC)
    times = {"starts_at": now + timedelta(hours=hours), "confirmed_at": now - timedelta(days=booked_days_ago)}
    return clinic.booking(**times | fields)


def look(clinic: Clinic) -> list[uuid.UUID]:
    return clinic.database.run(queue_due)


def notices_of(clinic: Clinic, booking_id: uuid.UUID) -> list[tuple[str, int, str]]:
    with clinic.database.read() as connection:
        query = select(Notice.kind, Notice.sequence, Notice.status).where(Notice.booking_id == booking_id)
        return [tuple(row) for row in connection.execute(query.order_by(Notice.sequence))]


def test_an_appointment_that_is_near_is_reminded_of_once_however_often_one_looks(clinic: Clinic) -> None:
    booking_id = near(clinic)

    first, second = look(clinic), look(clinic)

    assert (len(first), second) == (1, [])
    assert notices_of(clinic, booking_id) == [("reminder", 0, "QUEUED")]


def test_what_is_far_or_past_or_not_confirmed_is_left_alone(clinic: Clinic) -> None:
    near(clinic, hours=25)
    near(clinic, hours=-1)
    near(clinic, status="CANCELLED")
    near(clinic, status="ARRIVED")
    near(clinic, patient_email=None)

    assert look(clinic) == []


def test_after_an_outage_it_is_still_sent_until_the_appointment_begins(clinic: Clinic) -> None:
    booking_id = near(clinic, hours=0.1)

    assert len(look(clinic)) == 1
    assert notices_of(clinic, booking_id) == [("reminder", 0, "QUEUED")]


def test_whoever_booked_when_it_was_that_near_has_the_confirmation(clinic: Clinic) -> None:
    booking_id = near(clinic, hours=20, booked_days_ago=0)

    assert look(clinic) == []
    assert notices_of(clinic, booking_id) == [("reminder", 0, "SKIPPED")]
    assert look(clinic) == []


def test_a_moved_appointment_is_reminded_of_again(clinic: Clinic) -> None:
    booking_id = near(clinic)
    look(clinic)
    with clinic.database.transaction() as tx:
        tx.execute(update(Booking).where(Booking.id == booking_id).values(sequence=1))

    look(clinic)

    assert [(kind, sequence) for kind, sequence, _ in notices_of(clinic, booking_id)] == [
        ("reminder", 0), ("reminder", 1),
    ]  # fmt: skip


@pytest.mark.parametrize(("chosen", "hours", "is_due"), [(48, 40, True), (2, 20, False), (0, 20, False)])
def test_the_person_chooses_when(clinic: Clinic, chosen: int, hours: float, is_due: bool) -> None:
    near(clinic, hours=hours, reminder_hours=chosen)

    assert bool(look(clinic)) is is_due


def test_the_clinic_chooses_for_everybody_else(clinic: Clinic) -> None:
    near(clinic, hours=40)
    clinic.database.run(lambda tx: rules.write(tx, ClinicRules(reminder_hours=48)))
    assert len(look(clinic)) == 1

    clinic.database.run(lambda tx: rules.write(tx, ClinicRules(reminder_hours=0)))
    near(clinic, hours=10)
    assert look(clinic) == []


def test_the_mail_says_when_in_the_clinics_zone_and_has_no_calendar_entry(
    clinic: Clinic, smtp_sink: SmtpSink
) -> None:
    near(clinic)
    [notice_id] = look(clinic)

    clinic.sender(smtp_sink.url).send(notice_id)

    [mail] = smtp_sink.wait_for(1)
    text = mail.get_body(("plain",)).get_content()
    assert mail["Subject"].startswith("Your appointment is near")
    assert "Europe/Berlin time" in text
    assert "chemotherapy" not in text
    assert [
        part.get_content_type() for part in mail.walk() if part.get_content_type() == "text/calendar"
    ] == []


def test_a_reminder_of_what_was_cancelled_meanwhile_is_not_sent(clinic: Clinic, smtp_sink: SmtpSink) -> None:
    booking_id = near(clinic)
    [notice_id] = look(clinic)
    with clinic.database.transaction() as tx:
        tx.execute(update(Booking).where(Booking.id == booking_id).values(status="CANCELLED", sequence=1))

    clinic.sender(smtp_sink.url).send(notice_id)

    assert clinic.status(notice_id) == "SKIPPED"
    assert smtp_sink.messages() == []


def test_whoever_has_an_account_is_reminded_as_they_chose(clinic: Clinic) -> None:
    hasty, silent = clinic.user(reminder_hours=2), clinic.user(reminder_hours=0)
    late = near(clinic, hours=1, user_id=hasty)
    own_wish = near(clinic, hours=3, user_id=hasty, reminder_hours=4)
    near(clinic, hours=3, user_id=hasty)
    near(clinic, hours=1, user_id=silent)

    assert len(look(clinic)) == 2

    assert [kind for each in (late, own_wish) for kind, _, _ in notices_of(clinic, each)] == ["reminder"] * 2
