"""The closed loop (N3, N4, N5): cancelled -> offered to who waits -> accepted -> confirmed -> reminded.

Workers are killed, jobs are lost and the mail server is away for ten minutes: none lost, none twice."""

from __future__ import annotations

import sys
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from icalendar import Calendar
from redis import Redis
from sqlalchemy import func, select, text

from app.booking.actions import (
    GUEST,
    PatientDetails,
    WaitWish,
    cancel_booking,
    confirm_booking,
    join_waitlist,
)
from app.booking.expiry import expire_due_holds
from app.clock import SystemClock
from app.coordination.breaker import Breaker
from app.coordination.connection import connect_redis
from app.database import Database, UtcDateTime
from app.notices import reminders
from app.notices.reconciler import deliver_due
from app.notices.sender import Sender
from app.notices.smtp import MailServer
from app.queue import JobQueue
from app.tables import Booking, Notice, Slot, WaitlistEntry
from tests.booking.conftest import Desk, make_desk, owner_of
from tests.notices.clinic import MAIL_FROM
from tests.servers import ROOT, SmtpSink, clean_environment, eventually
from worker.stack.process import Child, Program

__all__ = ["make_desk"]
pytestmark = pytest.mark.system
ANNA_CANCELS, BEN_WAITS = "anna@example.org", "ben@example.org"
OUTAGE = timedelta(minutes=10)
#: Whoever failed as often as in ten minutes tries again after so long.
LONGEST_PAUSE = timedelta(minutes=5)


def let_pass(database: Database, time: timedelta) -> None:
    """Move the clock of the world: every instant that decides anything lies so much further back."""
    with database.transaction() as tx:
        for table in (Slot.__table__, Booking.__table__, Notice.__table__, WaitlistEntry.__table__):
            moments = [f"{each.name} = {each.name} - :time" for each in table.columns
                       if isinstance(each.type, UtcDateTime)]  # fmt: skip
            tx.execute(text(f"UPDATE {table.name} SET {', '.join(moments)}"), {"time": time})


class Office:
    """Workers as processes, the leader's sweep, and the mail server, all of which may be away."""

    def __init__(self, desk: Desk, redis_url: str, sink: SmtpSink, folder: Path) -> None:
        self.desk, self.redis_url, self.sink, self._folder = desk, redis_url, sink, folder
        self._queue = JobQueue(connect_redis(redis_url), Breaker(SystemClock()))
        self._sender = Sender(desk.database, MailServer.from_url(sink.url), MAIL_FROM, str)
        self._workers: list[Child] = []

    def hire(self) -> None:
        settings = {
            "DATABASE_URL": self.desk.database.url,
            "REDIS_URL": self.redis_url,
            "SMTP_URL": self.sink.url,
            "MAIL_FROM": MAIL_FROM,
        }
        log = self._folder / f"worker-{len(self._workers)}.log"
        argv = (sys.executable, "-m", "worker.rq_worker")
        self._workers.append(Child(Program("rq worker", argv, log, ROOT, clean_environment(**settings))))
        eventually(lambda: "Worker started" in log.read_text(), 30, "the worker's start")

    def kill_workers(self) -> None:
        """kill -9, whatever they are at; their claims lapse with time."""
        for each in self._workers:
            each.kill()

    def hand_over(self) -> None:
        """Give what the actions announced to the workers."""
        for _, notice in self.desk.enqueued:
            self._queue.enqueue("worker.jobs.send_notice", notice)
        self.desk.enqueued.clear()

    def sweep(self) -> None:
        """One second of the leader's life."""
        self.desk.database.run(reminders.queue_due)
        expire_due_holds(self.desk.engine)
        deliver_due(self._sender, self._queue.enqueue)

    def go_on_until(self, is_so: Callable[[], Any], what: str) -> Any:
        def step() -> Any:
            self.sweep()
            return is_so()

        return eventually(step, 25, what)


@pytest.fixture
def office(
    make_desk: Callable[..., Desk], postgres_url: str, redis_url: str, smtp_sink: SmtpSink, tmp_path: Path
) -> Iterator[Office]:
    office = Office(make_desk(postgres_url), redis_url, smtp_sink, tmp_path)
    yield office
    office.kill_workers()


def told(sink: SmtpSink) -> Counter[tuple[str, str]]:
    """Who got which mail, as they see it."""
    return Counter(
        (str(each["To"]).rpartition("<")[2].rstrip(">"), str(each["Subject"]).partition(":")[0])
        for each in sink.messages()
    )


def mail_to(sink: SmtpSink, title: str) -> EmailMessage | None:
    return next((each for each in sink.messages() if str(each["Subject"]).startswith(title)), None)


def test_the_loop_is_closed_over_killed_workers_lost_jobs_and_an_outage(
    office: Office, redis_url: str, smtp_sink: SmtpSink
) -> None:
    desk = office.desk
    slot_id = desk.add_slot(72)
    slot = desk.slot(slot_id)
    booked = desk.book(slot_id)
    ben = PatientDetails("Ben Waiting", BEN_WAITS)
    wish = WaitWish(desk.doctor_id, slot.starts_at - timedelta(days=1), slot.ends_at, ben)
    join_waitlist(desk.engine, wish, GUEST)
    office.hire()
    office.hand_over()
    smtp_sink.wait_for(1)

    # Cancelled while the mail server is away: the worker dies with the mails in hand, their jobs are lost.
    smtp_sink.stop()
    cancel_booking(desk.engine, uuid.UUID(booked["id"]), owner_of(booked))
    office.hand_over()
    eventually(lambda: _attempts(desk) > 1, 20, "a first attempt")
    office.kill_workers()
    Redis.from_url(redis_url).flushall()
    for _ in range(3):
        let_pass(desk.database, OUTAGE / 3)
        office.sweep()
    smtp_sink.start()
    office.hire()
    let_pass(desk.database, LONGEST_PAUSE)
    offered = office.go_on_until(lambda: mail_to(smtp_sink, "A time is free"), "the offer")
    assert str(offered["To"]).count(BEN_WAITS) == 1

    # Accepted; whoever sends the confirmation is killed at once, and an hour goes by.
    offer = desk.slot(slot_id)
    assert offer.state == "HELD", "the outage was shorter than the offer lasts"
    office.hand_over()
    confirm_booking(desk.engine, offer.booking_id, owner_of({"id": str(offer.booking_id)}))
    office.hand_over()
    office.kill_workers()
    let_pass(desk.database, timedelta(hours=1))
    office.hire()
    office.go_on_until(lambda: told(smtp_sink)[BEN_WAITS, "Appointment confirmed"], "the confirmation")

    # Days later it is near; the worker dies once more, with the reminder queued.
    let_pass(desk.database, desk.slot(slot_id).starts_at - datetime.now(UTC) - timedelta(hours=23))
    office.kill_workers()
    office.sweep()
    office.sweep()
    let_pass(desk.database, timedelta(minutes=2))
    office.go_on_until(lambda: told(smtp_sink)[BEN_WAITS, "Your appointment is near"], "the reminder")
    office.go_on_until(lambda: _unsent(desk) == [], "the last note")
    for _ in range(3):
        office.sweep()

    assert told(smtp_sink) == {
        (ANNA_CANCELS, "Appointment confirmed"): 1,
        (ANNA_CANCELS, "Appointment cancelled"): 1,
        (BEN_WAITS, "A time is free for you"): 1,
        (BEN_WAITS, "Appointment confirmed"): 1,
        (BEN_WAITS, "Your appointment is near"): 1,
    }
    entry = _entry(smtp_sink, BEN_WAITS)
    assert (str(entry["METHOD"]), [str(each["UID"]) for each in entry.walk("VEVENT")]) == (
        "REQUEST",
        [f"{offer.booking_id}@oneslot"],
    )


def _attempts(desk: Desk) -> int:
    with desk.database.read() as connection:
        return int(connection.execute(select(func.sum(Notice.attempts))).scalar_one())


def _unsent(desk: Desk) -> list[Any]:
    with desk.database.read() as connection:
        return list(connection.execute(select(Notice.kind, Notice.status).where(Notice.status != "SENT")))


def _entry(sink: SmtpSink, address: str) -> Calendar:
    """The calendar entry of the confirmation to that address."""
    for message in sink.messages():
        if address in str(message["To"]) and str(message["Subject"]).startswith("Appointment confirmed"):
            for part in message.walk():
                if part.get_content_type() == "text/calendar":
                    with suppress(ValueError):
                        return Calendar.from_ical(part.get_payload(decode=True))
    raise AssertionError("the confirmation carries no calendar entry")
