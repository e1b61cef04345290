"""A clinic with bookings for the tests of notices, and hands on the clock of their notices."""

import itertools
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Row, insert, select, update

from app.database import Database, db_now
from app.notices import queue
from app.notices.sender import Sender
from app.notices.smtp import MailServer
from app.tables.accounts import User
from app.tables.booking import Booking
from app.tables.directory import Doctor
from app.tables.journal import Notice

MAIL_FROM = "Oneslot <bookings@clinic.example>"
STARTS_AT = datetime(2027, 6, 14, 8, 30, tzinfo=UTC)
_numbers = itertools.count(1)


class Clinic:
    """Speaks the language of the tests to the database under test."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def doctor(self, **fields: Any) -> int:
        row = {
            "name": "Ada Lind",
            "specialization": "Oncology",
            "hospital": "Riverside Clinic",
            "timezone": "Europe/Berlin",
        }
        with self.database.transaction() as tx:
            return tx.execute(insert(Doctor).values(**row | fields).returning(Doctor.id)).scalar_one()

    def user(self, **fields: Any) -> uuid.UUID:
        """Somebody with an account."""
        row = {"email": f"user-{next(_numbers)}@example.org", "name": "Mia Berg", "password_hash": "-"}
        with self.database.transaction() as tx:
            return tx.execute(insert(User).values(**row | fields).returning(User.id)).scalar_one()

    def booking(self, doctor_id: int | None = None, **fields: Any) -> uuid.UUID:
        starts_at = fields.pop("starts_at", STARTS_AT)
        row = {
            "id": uuid.uuid4(),
            "reference": f"Q{next(_numbers):06}",
            "status": "CONFIRMED",
            "doctor_id": doctor_id or self.doctor(),
            "starts_at": starts_at,
            "ends_at": starts_at + timedelta(minutes=30),
            "patient_name": "Mia Berg",
            "patient_email": "mia@example.org",
            "reason": "chemotherapy",
            "processed_by": "node-1",
        }
        with self.database.transaction() as tx:
            return tx.execute(insert(Booking).values(**row | fields).returning(Booking.id)).scalar_one()

    def notice(
        self, booking_id: uuid.UUID | None = None, kind: str = "confirmation", sequence: int = 0
    ) -> uuid.UUID:
        """A notice as the booking's own transaction queues it."""
        booking_id = booking_id or self.booking()
        return self.database.run(lambda tx: queue.add(tx, booking_id, kind, sequence))

    def sender(self, smtp_url: str) -> Sender:
        return Sender(
            self.database,
            MailServer.from_url(smtp_url),
            MAIL_FROM,
            lambda booking_id: f"https://clinic.example/m/token-of-{booking_id}",
        )

    def claim(self, notice_id: uuid.UUID) -> queue.Claim | None:
        return self.database.run(lambda tx: queue.claim(tx, notice_id))

    def due(self) -> list[uuid.UUID]:
        with self.database.read() as connection:
            return [notice.id for notice in queue.due(connection)]

    def row(self, notice_id: uuid.UUID) -> Row[Any]:
        with self.database.read() as connection:
            return connection.execute(select(Notice.__table__).where(Notice.id == notice_id)).one()

    def status(self, notice_id: uuid.UUID) -> str:
        return str(self.row(notice_id).status)

    def let_claim_lapse(self, notice_id: uuid.UUID, seconds_ago: float = 1) -> None:
        self._set(notice_id, claimed_until=db_now(-seconds_ago))

    def let_back_off_end(self, notice_id: uuid.UUID, seconds_ago: float = 1) -> None:
        self._set(notice_id, next_attempt_at=db_now(-seconds_ago))

    def age(self, notice_id: uuid.UUID, hours: float) -> None:
        self._set(notice_id, created_at=db_now(-hours * 3600))

    def _set(self, notice_id: uuid.UUID, **values: Any) -> None:
        with self.database.transaction() as tx:
            tx.execute(update(Notice).where(Notice.id == notice_id).values(**values))
