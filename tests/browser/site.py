"""A clinic with real nodes on a real database, and what a test wants to know or do behind its back."""

import sys
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import insert, select, update

from app.booking.actions import GUEST, Claim, PatientDetails, hold_slot
from app.booking.build import build_engine
from app.booking.engine import Engine
from app.clock import SystemClock
from app.config import Config
from app.coordination.connection import connect_redis
from app.database import Database, db_now
from app.tables import Booking, Doctor, Slot
from app.tables.accounts import AccountMail
from app.tables.journal import Notice
from tests.servers import ROOT, SmtpSink, clean_environment, running_smtp_sink
from worker.jobs import build_account_sender, build_sender
from worker.stack.ports import LOOPBACK, pick_free_port
from worker.stack.process import Child, Program, wait_until

ZONE = ZoneInfo("Europe/Berlin")
SOMEBODY = PatientDetails("Some Body", "somebody@example.org")
#: Long enough to act in, short enough to wait for.
HASTY_HOLD_SECONDS = 8
#: Webhooks may lead there; nobody is asked for its address, and no worker runs that would call it.
PRIVATE_NETWORK = "10.0.0.0/8"
#: Other tests leave mails behind that nobody asks for.
NEWEST_MAILS = 10


@dataclass(frozen=True)
class DoctorOnDuty:
    """A doctor of one test, with free half hours."""

    id: int
    name: str
    day: date
    slots: dict[str, int]  # "10:00" -> slot id


@dataclass
class Site:
    """Two nodes on one database; the hasty one gives a hold only seconds."""

    config: Config
    database: Database
    engine: Engine
    smtp_sink: SmtpSink
    url: str
    hasty_url: str

    def doctor_on_duty(
        self,
        times: tuple[str, ...] = ("09:00", "09:30", "10:00", "10:30", "14:00", "14:30", "17:30"),
        days_ahead: int = 3,
        specialization: str = "Cardiology",
    ) -> DoctorOnDuty:
        """A doctor nobody else uses, with these free times on one day to come."""
        name = f"Dr. Ada {uuid.uuid4().hex[:8].title()}"
        with self.database.transaction() as tx:
            values = {"name": name, "specialization": specialization, "timezone": ZONE.key,
                      "experience_years": 12, "hospital": "Riverside Clinic"}  # fmt: skip
            doctor_id = tx.execute(insert(Doctor).values(values).returning(Doctor.id)).scalar_one()
        day = today_at_the_clinic() + timedelta(days=days_ahead)
        return DoctorOnDuty(doctor_id, name, day, self.add_slots(doctor_id, day, times))

    def add_slots(self, doctor_id: int, day: date, times: tuple[str, ...]) -> dict[str, int]:
        made = {}
        with self.database.transaction() as tx:
            for time_of_day in times:
                start = datetime.combine(day, datetime.strptime(time_of_day, "%H:%M").time(), tzinfo=ZONE)  # noqa: DTZ007
                values = {
                    "doctor_id": doctor_id,
                    "starts_at": start,
                    "ends_at": start + timedelta(minutes=30),
                }
                made[time_of_day] = tx.execute(insert(Slot).values(values).returning(Slot.id)).scalar_one()
        return made

    def book_elsewhere(self, slot_id: int) -> str:
        """Somebody else books the slot at once; returns the reference."""
        return hold_slot(self.engine, Claim((slot_id,), SOMEBODY, instant=True), GUEST).value["reference"]

    def hold_elsewhere(self, slot_id: int) -> None:
        hold_slot(self.engine, Claim((slot_id,), None), GUEST)

    def lapse(self, slot_id: int) -> None:
        """Let the hold's deadline be now, as waiting for it would."""
        with self.database.transaction() as tx:
            owner = tx.execute(select(Slot.booking_id).where(Slot.id == slot_id)).scalar_one()
            tx.execute(update(Slot).where(Slot.id == slot_id).values(hold_until=db_now(-1)))
            tx.execute(update(Booking).where(Booking.id == owner).values(expires_at=db_now(-1)))

    def mails_to(self, address: str) -> list[EmailMessage]:
        """Sends what was queued last, as workers do; then what this person has got, oldest first."""
        for mail_id in self._queued(Notice):
            build_sender(self.config, self.database).send(mail_id)
        for mail_id in self._queued(AccountMail):
            build_account_sender(self.config, self.database).send(mail_id)
        return [mail for mail in self.smtp_sink.messages() if address in str(mail["To"])]

    def _queued(self, table: type[Notice | AccountMail]) -> list[uuid.UUID]:
        with self.database.read() as connection:
            query = select(table.id).where(table.sent_at.is_(None)).order_by(table.created_at.desc())
            return list(connection.execute(query.limit(NEWEST_MAILS)).scalars())

    def slot_state(self, slot_id: int) -> str:
        with self.database.read() as connection:
            return connection.execute(select(Slot.state).where(Slot.id == slot_id)).scalar_one()

    def bookings_of(self, doctor: DoctorOnDuty) -> list[Any]:
        with self.database.read() as connection:
            query = select(*Booking.__table__.columns).where(Booking.doctor_id == doctor.id)
            return list(connection.execute(query.order_by(Booking.created_at)))

    def confirmed_of(self, doctor: DoctorOnDuty) -> list[Any]:
        return [booking for booking in self.bookings_of(doctor) if booking.status == "CONFIRMED"]


@contextmanager
def running_site(database_url: str, redis_url: str, folder: Path) -> Iterator[Site]:
    ports = [pick_free_port() for _ in range(2)]
    urls = [f"http://{LOOPBACK}:{port}" for port in ports]
    with ExitStack() as running:
        smtp_sink = running.enter_context(running_smtp_sink())
        config = Config.from_env(
            {
                "APP_ENV": "test",
                "DATABASE_URL": database_url,
                "REDIS_URL": redis_url,
                "BASE_URL": urls[0],
                "SMTP_URL": smtp_sink.url,
                "MAIL_FOLDER": str(smtp_sink.folder),
            }
        )
        database = Database(config.database_url, keyring=config.keyring)
        running.callback(database.dispose)
        engine = build_engine(config, database, connect_redis(redis_url), SystemClock(), lambda *_job: None)
        children = [
            _start_node(f"node-{number}", port, minutes, config, folder)
            for number, (port, minutes) in enumerate(
                zip(ports, ("2", str(HASTY_HOLD_SECONDS / 60)), strict=True), 1
            )
        ]
        for child in children:
            running.callback(child.stop)
        for child, port in zip(children, ports, strict=True):
            wait_until(lambda port=port: _is_healthy(port), child, 60)
        yield Site(config, database, engine, smtp_sink, *urls)


def _start_node(name: str, port: int, hold_minutes: str, config: Config, folder: Path) -> Child:
    environment = clean_environment(
        NODE_ID=name,
        PORT=str(port),
        BIND_HOST=LOOPBACK,
        BASE_URL=f"http://{LOOPBACK}:{port}",
        DATABASE_URL=config.database_url,
        REDIS_URL=config.redis_url,
        BOOKING_TIMEOUT_MINUTES=hold_minutes,
        MAIL_FOLDER=config.mail_folder,
        GRACEFUL_SECONDS="1",
        OUTGOING_ALLOWED=PRIVATE_NETWORK,
        DB_POOL_SIZE="8",
    )
    argv = (sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "wsgi:app")
    return Child(Program(name, argv, folder / f"{name}.log", ROOT, environment))


def _is_healthy(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://{LOOPBACK}:{port}/health", timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


def today_at_the_clinic() -> date:
    return datetime.now(ZONE).date()
