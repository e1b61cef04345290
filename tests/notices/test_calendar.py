import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from zoneinfo import ZoneInfo

import pytest
from dateutil.tz import tzical
from icalendar import Calendar, Event

from app.notices.appointment import Appointment
from app.notices.calendar import Entry, Method, calendar_text, download, uid
from app.notices.vtimezone import vtimezone

BOOKING = uuid.UUID("11111111-2222-4333-8444-555555555555")
MADE_AT = datetime(2027, 1, 2, 3, 4, 5, tzinfo=UTC)


def an_appointment(starts_at: datetime, zone: str = "Europe/Berlin", **fields: object) -> Appointment:
    appointment = Appointment.of(
        booking_id=BOOKING,
        reference="QX7-4RM",
        starts_at=starts_at,
        ends_at=starts_at + timedelta(minutes=30),
        zone=zone,
        doctor="Ada Lind",
        place="Riverside Clinic",
        patient_name="Mia Berg",
        patient_email="mia@example.org",
    )
    return replace(appointment, **fields)


def an_entry(appointment: Appointment, method: Method = Method.REQUEST, sequence: int = 0) -> Entry:
    return Entry(
        appointment, method, sequence, MADE_AT, "Oneslot <bookings@example.org>", "https://clinic.example/m/t"
    )


def parsed(entry: Entry) -> tuple[Calendar, Event]:
    calendar = Calendar.from_ical(calendar_text(entry))
    (event,) = calendar.events
    return calendar, event


def test_a_request_carries_what_a_calendar_needs():
    calendar, event = parsed(an_entry(an_appointment(datetime(2027, 6, 14, 8, 30, tzinfo=UTC))))

    assert calendar["METHOD"] == "REQUEST"
    assert event["UID"] == "11111111-2222-4333-8444-555555555555@oneslot"
    assert event["SEQUENCE"] == 0
    assert event["STATUS"] == "CONFIRMED"
    assert event["SUMMARY"] == "Appointment with Dr Ada Lind"
    assert event["LOCATION"] == "Riverside Clinic"
    assert event["URL"] == "https://clinic.example/m/t"
    assert event["ORGANIZER"] == "mailto:bookings@example.org"
    assert event["ATTENDEE"] == "mailto:mia@example.org"
    assert event["DTSTAMP"].dt == MADE_AT
    assert event.start == datetime(2027, 6, 14, 10, 30, tzinfo=ZoneInfo("Europe/Berlin"))
    assert event.end - event.start == timedelta(minutes=30)


def test_move_and_cancellation_keep_the_uid_and_raise_the_sequence():
    appointment = an_appointment(datetime(2027, 6, 14, 8, 30, tzinfo=UTC))

    _, booked = parsed(an_entry(appointment, Method.REQUEST, 0))
    _, moved = parsed(an_entry(appointment, Method.REQUEST, 1))
    calendar, cancelled = parsed(an_entry(appointment, Method.CANCEL, 2))

    assert booked["UID"] == moved["UID"] == cancelled["UID"] == uid(BOOKING)
    assert [booked["SEQUENCE"], moved["SEQUENCE"], cancelled["SEQUENCE"]] == [0, 1, 2]
    assert calendar["METHOD"] == "CANCEL"
    assert cancelled["STATUS"] == "CANCELLED"


@pytest.mark.parametrize(
    ("zone", "starts_at"),
    [
        ("Europe/Berlin", datetime(2027, 3, 28, 0, 30, tzinfo=UTC)),  # 01:30, before the gap
        ("Europe/Berlin", datetime(2027, 3, 28, 1, 0, tzinfo=UTC)),  # 03:00, right after it
        ("Europe/Berlin", datetime(2027, 10, 31, 0, 0, tzinfo=UTC)),  # 02:00, the first time
        ("Europe/Berlin", datetime(2027, 10, 31, 2, 0, tzinfo=UTC)),  # 03:00, after the second
        ("America/New_York", datetime(2027, 3, 14, 7, 0, tzinfo=UTC)),
        ("Australia/Lord_Howe", datetime(2027, 10, 2, 15, 30, tzinfo=UTC)),  # half an hour of shift
        ("Asia/Kolkata", datetime(2027, 6, 14, 8, 30, tzinfo=UTC)),  # none at all
    ],
)
def test_a_calendar_that_believes_only_the_vtimezone_shows_the_right_instant(zone: str, starts_at: datetime):
    text = calendar_text(an_entry(an_appointment(starts_at, zone)))
    (event,) = Calendar.from_ical(text).events

    rules = tzical(_as_file(text)).get(zone)
    wall_time = event["DTSTART"].dt.replace(tzinfo=None)

    assert event["DTSTART"].params["TZID"] == zone
    assert wall_time.replace(tzinfo=rules).astimezone(UTC) == starts_at


def test_the_vtimezone_agrees_with_the_zone_at_every_hour_of_three_years():
    zone = ZoneInfo("Europe/Berlin")
    calendar = Calendar()
    calendar.add_component(vtimezone(zone, 2027))
    rules = tzical(_as_file(calendar.to_ical())).get("Europe/Berlin")
    hours = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=n) for n in range(3 * 365 * 24)]
    clear = [hour.astimezone(zone) for hour in hours if not _is_shown_twice(hour.astimezone(zone))]

    wrong = [local for local in clear if local.replace(tzinfo=rules).utcoffset() != local.utcoffset()]

    assert len(clear) > 26_000
    assert wrong == []


def test_in_the_hour_that_comes_twice_the_second_one_is_written_in_utc():
    second_time = datetime(2027, 10, 31, 1, 15, tzinfo=UTC)  # 02:15 in Berlin, for the second time

    calendar, event = parsed(an_entry(an_appointment(second_time)))

    assert event["DTSTART"].dt == second_time
    assert "TZID" not in event["DTSTART"].params
    assert "TZID" not in event["DTEND"].params
    assert calendar.timezones == []


def test_an_appointment_that_ends_in_the_second_of_two_equal_hours_lasts_as_long_as_it_should():
    starts_at = datetime(2027, 10, 31, 0, 45, tzinfo=UTC)

    _, event = parsed(an_entry(an_appointment(starts_at)))

    assert event["DTEND"].dt - event["DTSTART"].dt == timedelta(minutes=30)


def test_a_clinic_in_utc_needs_no_vtimezone():
    calendar, event = parsed(an_entry(an_appointment(datetime(2027, 6, 14, 8, 30, tzinfo=UTC), "UTC")))

    assert calendar.timezones == []
    assert event["DTSTART"].dt == datetime(2027, 6, 14, 8, 30, tzinfo=UTC)


def test_names_cannot_add_lines_to_the_calendar():
    evil = 'Eve"\r\nATTENDEE:mailto:all@example.org\r\nX: ;,\u2028b'
    appointment = Appointment.of(
        booking_id=BOOKING,
        reference="QX7-4RM",
        starts_at=datetime(2027, 6, 14, 8, 30, tzinfo=UTC),
        ends_at=datetime(2027, 6, 14, 9, 0, tzinfo=UTC),
        zone="Europe/Berlin",
        doctor=evil,
        place=evil,
        patient_name=evil,
        patient_email="mia@example.org\r\nATTENDEE:mailto:all@example.org",
    )

    calendar, event = parsed(an_entry(appointment))

    assert not isinstance(event["ATTENDEE"], list)
    assert {component.name for component in calendar.walk()} == {
        "VCALENDAR",
        "VTIMEZONE",
        "STANDARD",
        "DAYLIGHT",
        "VEVENT",
    }
    assert set(event) == {
        "UID", "SEQUENCE", "DTSTAMP", "DTSTART", "DTEND", "SUMMARY", "STATUS", "TRANSP", "CLASS",
        "DESCRIPTION", "LOCATION", "URL", "ORGANIZER", "ATTENDEE",
    }  # fmt: skip


def test_lines_are_folded_at_75_octets_and_end_with_crlf():
    text = calendar_text(an_entry(an_appointment(datetime(2027, 6, 14, 8, 30, tzinfo=UTC), place="Ü" * 150)))

    lines = text.split(b"\r\n")

    assert max(len(line) for line in lines) <= 75
    assert all(b"\n" not in line for line in lines)


def test_the_download_of_a_booking_document_is_a_publication_without_attendees():
    document = {
        "id": str(BOOKING),
        "reference": "QX7-4RM",
        "status": "CONFIRMED",
        "sequence": 3,
        "starts_at": "2027-06-14T08:30:00Z",
        "ends_at": "2027-06-14T09:00:00Z",
        "updated_at": "2027-01-02T03:04:05.123456Z",
        "patient_name": "Mia Berg",
        "patient_email": "mia@example.org",
        "doctor": {"name": "Prof. Ada Lind", "hospital": None, "timezone": "Europe/Berlin"},
    }

    calendar = Calendar.from_ical(download(document, "Oneslot <bookings@example.org>"))
    (event,) = calendar.events
    (cancelled,) = Calendar.from_ical(download(document | {"status": "CANCELLED"}, "o@example.org")).events

    assert calendar["METHOD"] == "PUBLISH"
    assert event["UID"] == uid(BOOKING)
    assert event["SEQUENCE"] == 3
    assert event["SUMMARY"] == "Appointment with Prof. Ada Lind"
    assert "ATTENDEE" not in event
    assert "LOCATION" not in event
    assert cancelled["STATUS"] == "CANCELLED"


@pytest.mark.parametrize(
    ("name", "titled"),
    [
        ("Ada Lind", "Dr Ada Lind"),
        ("Dr. Lind", "Dr. Lind"),
        ("Drew Lind", "Dr Drew Lind"),
        ("PROF Lind", "PROF Lind"),
    ],
)
def test_doctors_without_a_title_get_one(name: str, titled: str):
    appointment = Appointment.of(
        booking_id=BOOKING, reference="QX7-4RM", starts_at=MADE_AT, ends_at=MADE_AT, zone="UTC",
        doctor=name, place=None, patient_name=None, patient_email=None,
    )  # fmt: skip

    assert appointment.doctor == titled


def _as_file(text: bytes) -> StringIO:
    return StringIO(text.decode())


def _is_shown_twice(local: datetime) -> bool:
    return local.utcoffset() != local.replace(fold=1 - local.fold).utcoffset()
