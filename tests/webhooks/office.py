"""A product that tells others, in the language of the tests; its leader's rounds are called by hand."""

from __future__ import annotations

import uuid
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from apiflask import APIFlask
from sqlalchemy import insert, select, update

from app.audit.chain import ChainKeys, link_new
from app.audit.journal import Witness
from app.booking import actions
from app.booking.actions import GUEST, Actor, Claim, PatientDetails, hold_slot
from app.database import db_now
from app.tables import Booking, Doctor, Slot, WebhookDelivery, WebhookEndpoint
from app.web.parts import EXTENSION, Parts
from app.webhooks import endpoints, log
from app.webhooks.endpoints import EndpointDraft
from app.webhooks.events import KINDS
from app.webhooks.relay import relay
from app.webhooks.sender import WebhookSender
from tests.receiver import Receiver, receiving

ADMIN = Witness("user:admin")
#: Canaries: none of this may leave.
SOMEBODY = PatientDetails("Mia Canary", "canary@example.org", "+49 30 5550199", "canary reason")
DESK = Actor("user:desk", is_staff=True, may_overbook=True)


@dataclass
class Office:
    app: APIFlask
    parts: Parts
    sender: WebhookSender
    doors: ExitStack
    doctor_id: int

    @classmethod
    def of(cls, app: APIFlask, doors: ExitStack) -> Office:
        parts: Parts = app.extensions[EXTENSION]
        sender = WebhookSender(parts.database, parts.webhooks.caller, parts.webhooks.keys)
        doctor = {"name": "Dr. Ada Probe", "specialization": "Cardiology", "timezone": "UTC"}
        with parts.database.transaction() as tx:
            doctor_id = tx.execute(insert(Doctor).values(doctor).returning(Doctor.id)).scalar_one()
        return cls(app, parts, sender, doors, doctor_id)

    def receiver(self, answer: Any = 200, **settings: Any) -> Receiver:
        return self.doors.enter_context(receiving(answer, **settings))

    def register(self, url: str, events: Any = KINDS) -> uuid.UUID:
        draft = EndpointDraft(url, list(events))
        return uuid.UUID(endpoints.create(self.parts.webhooks, draft, ADMIN, None).value["id"])

    def secret(self, webhook_id: uuid.UUID, generation: int = 1) -> bytes:
        keys = self.parts.webhooks.keys
        found = keys.secret(keys.current, webhook_id, generation)
        assert found is not None
        return found

    def slot(self, hours_ahead: float = 48) -> int:
        start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=hours_ahead)
        values = {"doctor_id": self.doctor_id, "starts_at": start, "ends_at": start + timedelta(minutes=30)}
        with self.parts.database.transaction() as tx:
            return tx.execute(insert(Slot).values(values).returning(Slot.id)).scalar_one()

    def book(self, slot_id: int | None = None) -> uuid.UUID:
        claim = Claim((slot_id or self.slot(),), SOMEBODY, instant=True)
        return uuid.UUID(hold_slot(self.parts.engine, claim, GUEST).value["id"])

    def hold(self, slot_id: int | None = None) -> uuid.UUID:
        held = hold_slot(self.parts.engine, Claim((slot_id or self.slot(),), SOMEBODY), GUEST)
        return uuid.UUID(held.value["id"])

    def cancel(self, booking_id: uuid.UUID) -> None:
        actions.cancel_booking(self.parts.engine, booking_id, DESK)

    def lapse(self, booking_id: uuid.UUID) -> None:
        with self.parts.database.transaction() as tx:
            tx.execute(update(Slot).where(Slot.booking_id == booking_id).values(hold_until=db_now(-1)))
            tx.execute(update(Booking).where(Booking.id == booking_id).values(expires_at=db_now(-1)))

    def begin_now(self, booking_id: uuid.UUID) -> None:
        with self.parts.database.transaction() as tx:
            tx.execute(update(Booking).where(Booking.id == booking_id).values(starts_at=db_now()))

    def tie(self) -> None:
        """The notary's round."""
        keys = ChainKeys.of(self.parts.config.secrets)
        while self.parts.database.run(lambda tx: link_new(tx, keys)):
            pass

    def relay(self) -> list[uuid.UUID]:
        self.tie()
        return self.parts.database.run(relay)

    def send_all(self) -> list[str]:
        """What a worker does with the jobs."""
        with self.parts.database.read() as connection:
            due = connection.execute(
                select(WebhookDelivery.id)
                .where(WebhookDelivery.status == "QUEUED")
                .order_by(WebhookDelivery.created_at)
            ).scalars()
        return [self.sender.send(delivery_id) for delivery_id in due]

    def deliveries(self, webhook_id: uuid.UUID, state: str | None = None) -> list[dict[str, Any]]:
        with self.parts.database.read() as connection:
            return log.list_deliveries(connection, webhook_id, state)

    def endpoint(self, webhook_id: uuid.UUID) -> dict[str, Any]:
        with self.parts.database.read() as connection:
            return endpoints.read(connection, webhook_id)

    def let_pauses_end(self) -> None:
        with self.parts.database.transaction() as tx:
            tx.execute(update(WebhookDelivery).values(next_attempt_at=db_now(-1)))
            tx.execute(update(WebhookEndpoint).values(resting_until=None))

    def let_claims_lapse(self) -> None:
        with self.parts.database.transaction() as tx:
            tx.execute(update(WebhookDelivery).values(claimed_until=db_now(-1)))

    def age(self, hours: float) -> None:
        with self.parts.database.transaction() as tx:
            tx.execute(update(WebhookDelivery).values(queued_at=db_now(-hours * 3600)))
