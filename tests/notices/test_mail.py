import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as modern
from zoneinfo import ZoneInfo

import pytest
from icalendar import Calendar

from app.notices.appointment import Appointment
from app.notices.errors import NobodyToTell, Undeliverable
from app.notices.letter import Letter
from app.notices.mail import compose, when
from app.notices.queue import Claim, Kind

NOTICE = uuid.UUID("aaaaaaaa-2222-4333-8444-555555555555")
BOOKING = uuid.UUID("11111111-2222-4333-8444-555555555555")
SENDER = "Oneslot <bookings@clinic.example>"
LINK = "https://clinic.example/m/secret-token"
SUMMER = datetime(2027, 6, 14, 8, 30, tzinfo=UTC)


def a_claim(kind: Kind = Kind.CONFIRMATION, sequence: int = 0, attempt: int = 1) -> Claim:
    made_at = datetime(2027, 1, 2, 3, 4, 5, tzinfo=UTC)
    return Claim(NOTICE, BOOKING, kind, sequence, attempt, made_at, is_superseded=False)


def an_appointment(starts_at: datetime = SUMMER, **fields: object) -> Appointment:
    appointment = Appointment.of(
        booking_id=BOOKING,
        reference="QX7-4RM",
        starts_at=starts_at,
        ends_at=starts_at + timedelta(minutes=30),
        zone="Europe/Berlin",
        doctor="Ada Lind",
        place="Riverside Clinic",
        patient_name="Mia Berg",
        patient_email="mia@example.org",
    )
    return replace(appointment, **fields)


def received(letter: Letter) -> EmailMessage:
    """The message as the other side parses it."""
    arrived = message_from_bytes(letter.content, policy=modern)
    assert isinstance(arrived, EmailMessage)
    return arrived


def mail(kind: Kind = Kind.CONFIRMATION, sequence: int = 0, **fields: object) -> EmailMessage:
    return received(compose(a_claim(kind, sequence), an_appointment(**fields), SENDER, LINK))


def text_of(message: EmailMessage) -> str:
    return message.get_body(("plain",)).get_content()


def html_of(message: EmailMessage) -> str:
    return message.get_body(("html",)).get_content()


def calendar_of(message: EmailMessage) -> tuple[str, Calendar]:
    (part,) = [part for part in message.walk() if part.get_content_type() == "text/calendar"]
    return part.get_param("method"), Calendar.from_ical(part.get_content())


def test_a_confirmation_says_when_where_with_whom_and_how_to_change_it():
    message = mail()

    for body in (text_of(message), html_of(message)):
        assert "Hello Mia Berg," in body
        assert "Your appointment is confirmed" in body
        assert "Monday 14 June 2027, 10:30 to 11:00, Europe/Berlin time (UTC+02:00)" in body
        assert "Dr Ada Lind" in body
        assert "Riverside Clinic" in body
        assert "QX7-4RM" in body
        assert LINK in body
    assert message["Subject"] == "Appointment confirmed: Monday 14 June 2027, 10:30 (QX7-4RM)"
    assert message["From"] == SENDER
    assert message["To"] == "Mia Berg <mia@example.org>"


@pytest.mark.parametrize(
    ("kind", "title", "sentence", "method", "status"),
    [
        (Kind.CONFIRMATION, "Appointment confirmed", "is confirmed", "REQUEST", "CONFIRMED"),
        (Kind.RESCHEDULE, "Appointment moved", "was moved", "REQUEST", "CONFIRMED"),
        (Kind.CANCELLATION, "Appointment cancelled", "was cancelled", "CANCEL", "CANCELLED"),
    ],
)
def test_each_kind_says_what_happened_to_people_and_to_calendars(
    kind: Kind, title: str, sentence: str, method: str, status: str
):
    message = mail(kind, sequence=4)

    declared, calendar = calendar_of(message)
    (event,) = calendar.events
    assert message["Subject"].startswith(title)
    assert sentence in text_of(message)
    assert sentence in html_of(message)
    assert declared == calendar["METHOD"] == method
    assert event["STATUS"] == status
    assert event["SEQUENCE"] == 4


def test_the_attached_file_is_the_same_calendar_entry():
    message = mail()

    (attachment,) = message.iter_attachments()

    assert attachment.get_filename() == "appointment.ics"
    assert attachment.get_content_type() == "application/ics"
    assert Calendar.from_ical(attachment.get_content()) == calendar_of(message)[1]


def test_the_offset_is_that_of_the_day_of_the_appointment():
    winter = an_appointment(datetime(2027, 1, 14, 9, 30, tzinfo=UTC))

    assert when(winter) == "Thursday 14 January 2027, 10:30 to 11:00, Europe/Berlin time (UTC+01:00)"


def test_an_appointment_over_midnight_names_both_days():
    late = an_appointment(datetime(2027, 6, 14, 21, 45, tzinfo=UTC))

    assert when(late).startswith("Monday 14 June 2027, 23:45 to Tuesday 15 June 2027, 00:15,")


def test_a_repeated_attempt_carries_the_same_message_id_date_and_text():
    first = received(compose(a_claim(attempt=1), an_appointment(), SENDER, LINK))
    second = received(compose(a_claim(attempt=7), an_appointment(), SENDER, LINK))

    assert first["Message-ID"] == f"<{NOTICE}@clinic.example>"
    assert [first[name] for name in ("Message-ID", "Date", "Subject")] == [
        second[name] for name in ("Message-ID", "Date", "Subject")
    ]
    assert text_of(first) == text_of(second)
    assert calendar_of(first) == calendar_of(second)


def test_the_mails_of_one_booking_form_a_conversation_that_no_machine_answers():
    confirmation, cancellation = mail(Kind.CONFIRMATION), mail(Kind.CANCELLATION, 1)

    assert confirmation["References"] == cancellation["References"] == f"<{BOOKING}@clinic.example>"
    assert confirmation["Auto-Submitted"] == "auto-generated"


@pytest.mark.parametrize(
    "breaking", ["\r\nBcc: all@example.org", "\nBcc: all@example.org\n\nbody", "\u2028Bcc: x"]
)
def test_a_name_cannot_add_a_header(breaking: str):
    letter = compose(
        a_claim(),
        Appointment.of(
            booking_id=BOOKING,
            reference="QX7-4RM",
            starts_at=SUMMER,
            ends_at=SUMMER + timedelta(minutes=30),
            zone="Europe/Berlin",
            doctor=f"Lind{breaking}",
            place=f"Riverside{breaking}",
            patient_name=f"Mia{breaking}",
            patient_email="mia@example.org",
        ),
        SENDER,
        LINK,
    )

    arrived = received(letter)

    assert set(arrived.keys()) == {
        "From", "To", "Subject", "Message-ID", "References", "Date", "Auto-Submitted", "MIME-Version",
        "Content-Type",
    }  # fmt: skip
    assert "\nBcc" not in text_of(arrived)


@pytest.mark.parametrize(
    "address",
    [
        "mia@example.org\r\nBcc: all@example.org",
        "mia@example.org, all@example.org",
        "a@b@c",
        "mia",
        "@",
        "<>",
    ],
)
def test_an_address_that_is_none_or_many_is_undeliverable(address: str):
    with pytest.raises(Undeliverable, match="the address cannot stand in a mail"):
        compose(a_claim(), an_appointment(patient_email=address), SENDER, LINK)


def test_without_an_address_there_is_nobody_to_tell():
    with pytest.raises(NobodyToTell):
        compose(a_claim(), an_appointment(patient_email=None), SENDER, LINK)


def test_markup_in_a_name_is_shown_and_not_obeyed():
    message = mail(patient_name="Mia <b>Berg</b>", doctor="Dr <script>alert(1)</script>")

    assert "Hello Mia &lt;b&gt;" not in html_of(message), "a name with a slash is not greeted"
    assert "&lt;script&gt;" in html_of(message)
    assert "<script>" not in html_of(message)


@pytest.mark.parametrize(
    "name", ["win at https://spam.example", "www.spam.example", "call spam.example now", "a@spam.example"]
)
def test_a_name_cannot_make_us_carry_a_link_to_strangers(name: str):
    message = mail(patient_name=name)

    bodies = text_of(message) + html_of(message) + message["To"]
    assert "spam" not in bodies
    assert "Hello," in text_of(message)


@pytest.mark.parametrize(
    "name", ["Dr. Mia Berg", "J. R. Ewing", "Seán O'Brien", "李小龍", "Mia von Berg-Lind"]
)
def test_people_are_greeted_by_the_names_they_have(name: str):
    message = mail(patient_name=name)

    assert f"Hello {name}," in text_of(message)
    assert message["To"].addresses[0].display_name == name


def test_signs_that_reorder_text_are_removed():
    message = mail(patient_name="Mia \u202egreB")

    assert "Hello Mia greB," in text_of(message)


def test_lines_of_the_mail_stay_within_the_limit_of_smtp():
    letter = compose(a_claim(), an_appointment(patient_name="Ü" * 100, place="x " * 300), SENDER, LINK)

    assert max(len(line) for line in letter.content.split(b"\r\n")) <= 998


def test_the_readers_time_stands_beside_the_clinics_where_it_is_another():
    tokyo = text_of(mail(reader_zone=ZoneInfo("Asia/Tokyo")))
    paris = text_of(mail(reader_zone=ZoneInfo("Europe/Paris")))

    assert "Monday 14 June 2027, 10:30 to 11:00, Europe/Berlin time (UTC+02:00)" in tokyo
    assert "Your time: Monday 14 June 2027, 17:30, Asia/Tokyo time (UTC+09:00)" in tokyo
    assert "Your time" not in paris
