"""Feeds as calendar programs read them, parsed back with a library; and who may make one."""

import uuid
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from icalendar import Calendar
from sqlalchemy import insert, select, update

from app.booking import actions
from app.booking.actions import GUEST, Actor, Claim, PatientDetails, hold_slot
from app.database import db_now
from app.notices.calendar import uid
from app.tables import AuditEntry, Booking, Doctor, Slot, StaffDoctor, User
from app.web.parts import EXTENSION
from tests.web.conftest import log_in_as, make_app

CANARY = PatientDetails("Mia Canary", "canary@example.org", "+49 30 5550199", "canary reason")
DESK = Actor("user:desk", is_staff=True)
BERLIN = ZoneInfo("Europe/Berlin")


class Practice:
    """A doctor, slots and bookings, in the language of the tests."""

    def __init__(self, app, client):
        self.app, self.client = app, client
        self.parts = app.extensions[EXTENSION]
        self.doctor = self.add_doctor("Dr. Ada Probe", "Europe/Berlin")

    def add_doctor(self, name, zone):
        row = {"name": name, "specialization": "Oncology", "hospital": "Riverside", "timezone": zone}
        with self.parts.database.transaction() as tx:
            return tx.execute(insert(Doctor).values(row).returning(Doctor.id)).scalar_one()

    def slot(self, start, doctor=None):
        row = {
            "doctor_id": doctor or self.doctor,
            "starts_at": start,
            "ends_at": start + timedelta(minutes=30),
        }
        with self.parts.database.transaction() as tx:
            return tx.execute(insert(Slot).values(row).returning(Slot.id)).scalar_one()

    def book(self, start, doctor=None, actor=GUEST):
        claim = Claim((self.slot(start, doctor),), CANARY, instant=True)
        return uuid.UUID(hold_slot(self.parts.engine, claim, actor).value["id"])

    def feed(self, headers, **body):
        answer = self.client.post("/api/feeds", json=body, headers=headers)
        assert answer.status_code == 201, answer.text
        return answer.json["data"]

    def read(self, feed, **headers):
        path = "/feeds/" + feed["url"].rpartition("/")[2]
        return self.app.test_client().get(path, headers=headers)

    def events(self, feed):
        return {str(event["UID"]): event for event in Calendar.from_ical(self.read(feed).data).walk("VEVENT")}

    def user(self, role):
        with self.parts.database.read() as connection:
            return connection.execute(select(User.id).where(User.role == role)).scalar_one()


def soon(days=3):
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=days)


@pytest.fixture
def app(sqlite_url):
    app = make_app(sqlite_url)
    yield app
    app.extensions[EXTENSION].database.dispose()


@pytest.fixture
def practice(app, client):
    return Practice(app, client)


@pytest.fixture
def staff(app, client):
    return log_in_as(app, client, "staff")


@pytest.fixture
def patient(app, client):
    return log_in_as(app, client, "patient")


def test_a_doctors_busy_feed_names_nobody(practice, staff):
    booking = practice.book(soon())
    feed = practice.feed(staff, doctor_id=practice.doctor, shows="busy")

    answer = practice.read(feed)

    (event,) = Calendar.from_ical(answer.data).walk("VEVENT")
    assert (event["SUMMARY"], event["STATUS"], event["TRANSP"]) == ("Busy", "CONFIRMED", "OPAQUE")
    assert event.decoded("DTSTART") == soon().astimezone(BERLIN)
    for canary in ("Canary", "canary", "5550199", str(booking), "Oncology", "Riverside"):
        assert canary not in answer.text
    with practice.parts.database.read() as connection:
        assert connection.execute(select(Booking.reference)).scalar_one() not in answer.text


def test_a_doctors_full_feed_says_who_comes_and_never_why_and_the_look_is_written_down(practice, staff):
    practice.book(soon())
    feed = practice.feed(staff, doctor_id=practice.doctor, shows="full")

    text = practice.read(feed).text

    assert "Mia Canary" in text
    for secret in ("canary@", "5550199", "canary reason"):
        assert secret not in text
    with practice.parts.database.read() as connection:
        written = connection.execute(
            select(AuditEntry.action).where(AuditEntry.action.like("%feed%"))
        ).scalars()
        assert sorted(written) == ["feed.created", "read.feed"]


def test_a_booking_keeps_its_uid_through_moves_and_the_end_and_its_sequence_grows(practice, patient):
    own = Actor("user:patient", practice.user("patient"))
    feed = practice.feed(patient, shows="full")
    booking = practice.book(soon(), actor=own)
    seen = [practice.events(feed)[uid(booking)]]
    actions.reschedule_booking(practice.parts.engine, booking, practice.slot(soon(4)), DESK)
    seen.append(practice.events(feed)[uid(booking)])
    actions.cancel_booking(practice.parts.engine, booking, DESK)
    seen.append(practice.events(feed)[uid(booking)])

    assert [event["SEQUENCE"] for event in seen] == [0, 1, 2]
    assert [event["STATUS"] for event in seen] == ["CONFIRMED", "CONFIRMED", "CANCELLED"]
    assert [event.decoded("DTSTART") for event in seen] == [soon(), soon(4), soon(4)]
    assert seen[0]["SUMMARY"] == "Appointment with Dr. Ada Probe"
    assert seen[0]["LOCATION"] == "Riverside"
    assert "canary reason" not in str(seen)


def test_a_cancellation_is_shown_for_a_month_and_what_was_never_booked_not_at_all(practice, staff):
    feed = practice.feed(staff, doctor_id=practice.doctor)
    cancelled = practice.book(soon())
    actions.cancel_booking(practice.parts.engine, cancelled, DESK)
    hold_slot(practice.parts.engine, Claim((practice.slot(soon(5)),), CANARY), GUEST)
    at_first = practice.events(feed)
    with practice.parts.database.transaction() as tx:
        tx.execute(
            update(Booking).where(Booking.id == cancelled).values(cancelled_at=db_now(-31 * 24 * 3600))
        )

    assert [event["STATUS"] for event in at_first.values()] == ["CANCELLED"]
    assert practice.events(feed) == {}


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC"])
def test_times_are_right_on_both_sides_of_every_change_of_the_clocks(practice, staff, zone):
    """Read by the file's own VTIMEZONE, not by the name of the zone."""
    doctor = practice.add_doctor("Dr. Zone", zone)
    feed = practice.feed(staff, doctor_id=doctor)
    starts = [
        datetime(year, month, 15, 12, tzinfo=UTC) for year in (2030, 2031, 2033) for month in (1, 4, 7, 10)
    ]
    for start in starts:
        practice.book(start, doctor)

    calendar = Calendar.from_ical(practice.read(feed).data)

    zones = {str(each["TZID"]): each.to_tz() for each in calendar.walk("VTIMEZONE")}
    assert list(zones) == ([] if zone == "UTC" else [zone])
    for event, start in zip(calendar.walk("VEVENT"), starts, strict=True):
        told = event["DTSTART"]
        if zone != "UTC":
            wall = told.dt.replace(tzinfo=zones[told.params["TZID"]])
            assert wall.astimezone(UTC) == start
            assert told.dt.replace(tzinfo=None) == start.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        else:
            assert told.dt == start


def test_a_program_that_has_it_already_is_told_so(practice, staff):
    feed = practice.feed(staff, doctor_id=practice.doctor, shows="full")
    practice.book(soon())
    first = practice.read(feed)
    tag, changed = first.headers["ETag"], first.headers["Last-Modified"]

    again = practice.read(feed, **{"If-None-Match": tag})
    since = practice.read(feed, **{"If-Modified-Since": changed})
    practice.book(soon(4))
    after = practice.read(feed, **{"If-None-Match": tag})

    assert (again.status_code, again.data, since.status_code) == (304, b"", 304)
    assert (after.status_code, after.headers["ETag"] != tag) == (200, True)
    assert "Set-Cookie" not in first.headers
    assert first.headers["Cache-Control"] == "private, no-cache"
    assert first.content_type == "text/calendar; charset=utf-8"


def test_every_word_that_changes_changes_the_tag(practice, patient):
    feed = practice.feed(patient, shows="full")
    practice.book(soon(), actor=Actor("user:patient", practice.user("patient")))
    tag = practice.read(feed).headers["ETag"]
    for column in ("name", "hospital", "timezone"):
        with practice.parts.database.transaction() as tx:
            tx.execute(update(Doctor).values({column: "Asia/Tokyo"}))
        answer = practice.read(feed, **{"If-None-Match": tag})
        assert answer.status_code == 200, column
        tag = answer.headers["ETag"]


def test_an_address_is_renewed_and_taken_back_and_the_old_one_opens_nothing(practice, patient):
    feed = practice.feed(patient)
    path = f"/api/feeds/{feed['id']}"

    renewed = practice.client.post(f"{path}/rotate", headers=patient).json["data"]
    old, new = practice.read(feed).status_code, practice.read(renewed).status_code
    practice.client.delete(path, headers=patient)
    gone = practice.read(renewed)

    assert (old, new, gone.status_code) == (404, 200, 404)
    assert "Set-Cookie" not in gone.headers
    assert practice.client.get("/api/feeds", headers=patient).json["data"] == []
    assert practice.client.delete(path, headers=patient).status_code == 404


def test_nobody_else_renews_or_takes_back_a_feed_and_the_database_holds_no_address(practice, patient, staff):
    feed = practice.feed(patient)
    token = feed["url"].rpartition("/")[2].removesuffix(".ics")

    assert practice.client.post(f"/api/feeds/{feed['id']}/rotate", headers=staff).status_code == 404
    assert practice.client.delete(f"/api/feeds/{feed['id']}", headers=staff).status_code == 404
    assert practice.read(feed).status_code == 200
    with practice.parts.database.read() as connection:
        rows = [*connection.exec_driver_sql("SELECT * FROM calendar_feeds")]
        rows += connection.exec_driver_sql("SELECT * FROM audit")
    assert token not in repr(rows)


def test_a_patient_makes_no_feed_of_a_doctor_and_staff_only_of_their_own(practice, patient, staff):
    elsewhere = practice.add_doctor("Dr. Other", "UTC")
    with practice.parts.database.transaction() as tx:
        tx.execute(update(User).where(User.role == "staff").values(all_doctors=False))
        tx.execute(insert(StaffDoctor).values(user_id=practice.user("staff"), doctor_id=practice.doctor))

    def status(headers, doctor):
        return practice.client.post("/api/feeds", json={"doctor_id": doctor}, headers=headers).status_code

    assert status(patient, practice.doctor) == 403
    assert (status(staff, practice.doctor), status(staff, elsewhere)) == (201, 403)


@pytest.mark.parametrize(
    "change",
    [{"role": "patient"}, {"all_doctors": False}, {"disabled_at": datetime(2026, 1, 1, tzinfo=UTC)}],
)
def test_a_feed_ends_with_the_right_it_was_made_under(practice, staff, change):
    feed = practice.feed(staff, doctor_id=practice.doctor)
    with practice.parts.database.transaction() as tx:
        tx.execute(update(User).where(User.role == "staff").values(**change))

    assert practice.read(feed).status_code == 404


def test_whoever_guesses_addresses_or_reads_without_end_is_stopped(practice, patient, monkeypatch):
    feed = practice.feed(patient)
    monkeypatch.setattr("app.web.feeds.GUESSES", 3)
    monkeypatch.setattr("app.web.origins.crowd", lambda: 1)
    monkeypatch.setattr("app.web.feeds.crowd", lambda: 1)
    client = practice.app.test_client()

    guesses = [client.get(f"/feeds/guess{number}.ics").status_code for number in range(5)]
    reads = [practice.read(feed).status_code for _ in range(64)]

    assert guesses == [404, 404, 404, 429, 429]
    assert reads[:10] == [200] * 10
    assert 429 in reads


def test_a_feed_speaks_the_language_of_whoever_made_it(practice, staff):
    practice.book(soon())
    feed = practice.feed(staff, doctor_id=practice.doctor)
    with practice.parts.database.transaction() as tx:
        tx.exec_driver_sql("UPDATE calendar_feeds SET language = 'de'")

    (event,) = practice.events(feed).values()

    assert event["SUMMARY"] == "Belegt"
