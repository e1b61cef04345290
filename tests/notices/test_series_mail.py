"""One mail about a series (N24, N5), and a calendar file whose entries later mails find again."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from icalendar import Calendar
from sqlalchemy import update

from app.notices import queue
from app.notices.outcomes import Outcome
from app.tables.booking import Booking
from tests.notices.clinic import Clinic
from tests.servers import SmtpSink

FIRST = datetime(2027, 10, 18, 8, 30, tzinfo=UTC)


@pytest.fixture
def series(clinic: Clinic) -> list[uuid.UUID]:
    """Three Mondays around the change of the clocks."""
    doctor = clinic.doctor()
    return [clinic.booking(doctor, starts_at=FIRST + timedelta(weeks=week)) for week in range(3)]


def tell(clinic: Clinic, kind: str, about: list[uuid.UUID], sequence: int = 0) -> uuid.UUID:
    return clinic.database.run(lambda tx: queue.add(tx, about[0], kind, sequence, about))


def change(clinic: Clinic, booking: uuid.UUID, **values: object) -> None:
    with clinic.database.transaction() as tx:
        tx.execute(update(Booking).where(Booking.id == booking).values(**values))


def calendar_in(sink: SmtpSink) -> Calendar:
    (message,) = sink.messages()
    (attached,) = message.iter_attachments()
    return Calendar.from_ical(attached.get_payload(decode=True))


def test_one_mail_holds_all_times_and_one_file_an_entry_for_each(
    clinic: Clinic, series: list[uuid.UUID], smtp_sink: SmtpSink
) -> None:
    notice = tell(clinic, "series", series)

    outcome = clinic.sender(smtp_sink.url).send(notice)

    (message,) = smtp_sink.messages()
    text = message.get_body(("plain",)).get_content()
    calendar = calendar_in(smtp_sink)
    assert outcome is Outcome.SENT
    assert message["Subject"] == "Appointments confirmed: 3 with Dr Ada Lind"
    assert text.count("10:30 to 11:00, Europe/Berlin time (UTC+02:00)") == 2
    assert text.count("09:30 to 10:00, Europe/Berlin time (UTC+01:00)") == 1
    assert calendar["METHOD"] == "PUBLISH", "no other method may hold several (RFC 5546 section 3.2)"
    assert [str(event["UID"]) for event in calendar.walk("VEVENT")] == [f"{each}@oneslot" for each in series]
    starts = [event.decoded("DTSTART").astimezone(UTC) for event in calendar.walk("VEVENT")]
    assert starts == [FIRST + timedelta(weeks=week) for week in range(3)]
    assert len(calendar.walk("VTIMEZONE")) == 1


def test_it_tells_what_is_true_when_it_is_sent(
    clinic: Clinic, series: list[uuid.UUID], smtp_sink: SmtpSink
) -> None:
    notice = tell(clinic, "series", series)
    change(clinic, series[0], status="CANCELLED", sequence=1)
    change(clinic, series[1], sequence=1)

    clinic.sender(smtp_sink.url).send(notice)

    entries = [(str(event["UID"]), event["SEQUENCE"]) for event in calendar_in(smtp_sink).walk("VEVENT")]
    assert entries == [(f"{series[1]}@oneslot", 1), (f"{series[2]}@oneslot", 0)]


def test_a_mail_about_nothing_is_not_sent(
    clinic: Clinic, series: list[uuid.UUID], smtp_sink: SmtpSink
) -> None:
    notice = tell(clinic, "series", series)
    for each in series:
        change(clinic, each, status="CANCELLED", sequence=1)

    assert clinic.sender(smtp_sink.url).send(notice) is Outcome.SKIPPED


def test_a_newer_notice_of_the_first_time_does_not_silence_the_others(
    clinic: Clinic, series: list[uuid.UUID], smtp_sink: SmtpSink
) -> None:
    notice = tell(clinic, "series", series)
    clinic.sender("smtp://127.0.0.1:9").send(notice)
    clinic.notice(series[0], "cancellation", 1)
    change(clinic, series[0], status="CANCELLED", sequence=1)
    clinic.let_back_off_end(notice)

    assert clinic.sender(smtp_sink.url).send(notice) is Outcome.SENT
    assert len(calendar_in(smtp_sink).walk("VEVENT")) == 2


def test_cancelled_times_leave_the_calendar(
    clinic: Clinic, series: list[uuid.UUID], smtp_sink: SmtpSink
) -> None:
    for each in series:
        change(clinic, each, status="CANCELLED", sequence=1)

    clinic.sender(smtp_sink.url).send(tell(clinic, "series_cancelled", series[1:], 1))

    entries = [(str(event["STATUS"]), event["SEQUENCE"]) for event in calendar_in(smtp_sink).walk("VEVENT")]
    assert entries == [("CANCELLED", 1)] * 2
