"""What an administrator does with endpoints: register, change, pause, give a new secret, delete, try."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from app.audit.journal import Scribe, Witness
from app.database import Database, db_now
from app.errors import Conflict, NotFound, ValidationFailed
from app.idempotency import Answer, RequestKey, once
from app.outgoing.caller import Caller
from app.outgoing.signing import secret_text
from app.outgoing.targets import ForbiddenTarget
from app.tables.webhooks import WebhookDelivery, WebhookEndpoint
from app.webhooks import deliveries
from app.webhooks.events import KINDS, TEST, delivery_id, trial_body
from app.webhooks.relay import begin_at_the_end
from app.webhooks.secrets import WebhookKeys

#: So long the secret before is used beside a new one.
BOTH_SECRETS_SECONDS = 24 * 3600
MOST_ENDPOINTS = 20
Document = dict[str, Any]


@dataclass(frozen=True)
class Webhooks:
    """Everything these actions stand on. Built once per process."""

    database: Database
    scribe: Scribe
    caller: Caller
    keys: WebhookKeys

    def require_callable(self, url: str) -> None:
        """Raises ValidationFailed for an address we do not call. Asks a name server: not in a transaction."""
        try:
            self.caller.check(url)
        except ForbiddenTarget as forbidden:
            raise ValidationFailed.of("url", f"this address cannot be called: {forbidden}") from forbidden


@dataclass(frozen=True)
class EndpointDraft:
    url: str
    events: Sequence[str]
    description: str = ""


@dataclass(frozen=True)
class EndpointChange:
    """What is to be different; None leaves it as it is."""

    url: str | None = None
    events: Sequence[str] | None = None
    description: str | None = None
    is_paused: bool | None = None


def create(webhooks: Webhooks, draft: EndpointDraft, who: Witness, request: RequestKey | None) -> Answer:
    """Register it; it hears of what happens from now on. Raises ValidationFailed, Conflict."""
    webhooks.require_callable(draft.url)
    pen = webhooks.scribe.pen()

    def work(tx: Connection) -> Document:
        living = tx.execute(
            select(func.count()).select_from(WebhookEndpoint).where(WebhookEndpoint.deleted_at.is_(None))
        ).scalar_one()
        if living >= MOST_ENDPOINTS:
            raise Conflict(f"There are {MOST_ENDPOINTS} webhooks already. Delete one first.")
        if not living:
            begin_at_the_end(tx)
        values = {"url": draft.url, "events": _known(draft.events), "description": draft.description}
        endpoint_id: uuid.UUID = tx.execute(
            insert(WebhookEndpoint)
            .values(id=uuid.uuid4(), key_id=webhooks.keys.current, created_by=who.actor, **values)
            .returning(WebhookEndpoint.id)
        ).scalar_one()
        pen.note(tx, who, "webhook.created", webhook_id=str(endpoint_id))
        return read(tx, endpoint_id)

    return once(webhooks.database, request, work)


def change(webhooks: Webhooks, endpoint_id: uuid.UUID, asked: EndpointChange, who: Witness) -> Document:
    """Raises NotFound, ValidationFailed. What waited during a pause is sent after it."""
    if asked.url is not None:
        webhooks.require_callable(asked.url)
    pen = webhooks.scribe.pen()

    def work(tx: Connection) -> Document:
        _require(tx, endpoint_id)
        values: Document = {"failures": 0, "resting_until": None}
        if asked.url is not None:
            values |= {"url": asked.url, "failing_since": None}
        if asked.events is not None:
            values["events"] = _known(asked.events)
        if asked.description is not None:
            values["description"] = asked.description
        if asked.is_paused is not None:
            values["paused_at"] = db_now() if asked.is_paused else None
        tx.execute(update(WebhookEndpoint).where(WebhookEndpoint.id == endpoint_id).values(values))
        if asked.is_paused is False:
            deliveries.begin_anew(tx, endpoint_id)
        pen.note(tx, who, "webhook.changed", webhook_id=str(endpoint_id), fields=sorted(_given(asked)))
        return read(tx, endpoint_id)

    return webhooks.database.run(work)


def rotate(webhooks: Webhooks, endpoint_id: uuid.UUID, who: Witness, request: RequestKey | None) -> Answer:
    """A new secret; for a day messages are signed with the one before as well. Raises NotFound."""
    pen = webhooks.scribe.pen()

    def work(tx: Connection) -> Document:
        before = _require(tx, endpoint_id)
        tx.execute(
            update(WebhookEndpoint)
            .where(WebhookEndpoint.id == endpoint_id, WebhookEndpoint.generation == before.generation)
            .values(
                generation=before.generation + 1,
                key_id=webhooks.keys.current,
                earlier_key_id=before.key_id,
                earlier_until=db_now(BOTH_SECRETS_SECONDS),
            )
        )
        pen.note(tx, who, "webhook.secret_changed", webhook_id=str(endpoint_id))
        return read(tx, endpoint_id)

    return once(webhooks.database, request, work)


def delete(webhooks: Webhooks, endpoint_id: uuid.UUID, who: Witness) -> None:
    """It hears nothing more; what it was sent stays in the log for a while. Raises NotFound."""
    pen = webhooks.scribe.pen()

    def work(tx: Connection) -> None:
        _require(tx, endpoint_id)
        tx.execute(
            update(WebhookEndpoint).where(WebhookEndpoint.id == endpoint_id).values(deleted_at=db_now())
        )
        deliveries.bury(tx, endpoint_id)
        pen.note(tx, who, "webhook.deleted", webhook_id=str(endpoint_id))

    webhooks.database.run(work)


def send_trial(webhooks: Webhooks, endpoint_id: uuid.UUID) -> uuid.UUID:
    """Queue an event about nothing; the delivery. Raises NotFound."""

    def work(tx: Connection) -> uuid.UUID:
        _require(tx, endpoint_id)
        event_id = uuid.uuid4()
        now = tx.execute(select(db_now())).scalar_one()
        row = {
            "id": delivery_id(endpoint_id, event_id),
            "endpoint_id": endpoint_id,
            "kind": TEST,
            "body": trial_body(event_id, now),
        }
        return tx.execute(insert(WebhookDelivery).values(row).returning(WebhookDelivery.id)).scalar_one()

    return webhooks.database.run(work)


def replay(webhooks: Webhooks, delivery_id: uuid.UUID, who: Witness) -> None:
    """Send it again, at once and under the same id. Raises NotFound."""
    pen = webhooks.scribe.pen()

    def work(tx: Connection) -> None:
        if not deliveries.replay(tx, delivery_id):
            raise NotFound("There is no such delivery.")
        pen.note(tx, who, "webhook.replayed", delivery_id=str(delivery_id))

    webhooks.database.run(work)


def secret_of(webhooks: Webhooks, endpoint: Document) -> str:
    """To be shown once, with the answer that made it."""
    endpoint_id, generation = uuid.UUID(endpoint["id"]), endpoint["secret_number"]
    secret = webhooks.keys.secret(webhooks.keys.current, endpoint_id, generation)
    if secret is None:
        raise AssertionError("the key in use is known by its name")
    return secret_text(secret)


def read(connection: Connection, endpoint_id: uuid.UUID) -> Document:
    """Raises NotFound."""
    return document(_require(connection, endpoint_id))


def list_all(connection: Connection) -> list[Document]:
    """Those that are not deleted, in the order they were made."""
    query = select(WebhookEndpoint.__table__).where(WebhookEndpoint.deleted_at.is_(None))
    return [document(row) for row in connection.execute(query.order_by(WebhookEndpoint.created_at))]


def document(row: Row[Any]) -> Document:
    return {
        "id": str(row.id),
        "url": row.url,
        "description": row.description,
        "events": list(row.events),
        "state": "paused" if row.paused_at else "failing" if row.failing_since else "working",
        "failing_since": _instant(row.failing_since),
        "failures": row.failures,
        "secret_number": row.generation,
        "earlier_secret_until": _instant(row.earlier_until),
        "created_at": _instant(row.created_at),
    }


def _require(connection: Connection, endpoint_id: uuid.UUID) -> Row[Any]:
    query = select(WebhookEndpoint.__table__).where(
        WebhookEndpoint.id == endpoint_id, WebhookEndpoint.deleted_at.is_(None)
    )
    row = connection.execute(query).first()
    if row is None:
        raise NotFound("There is no such webhook.")
    return row


def _known(events: Sequence[str]) -> list[str]:
    """In our order. Raises ValidationFailed for none, or for one that there is not."""
    unknown = sorted(set(events) - set(KINDS))
    if unknown:
        raise ValidationFailed.of("events", f"there is no event {unknown[0]}; there are {', '.join(KINDS)}")
    if not events:
        raise ValidationFailed.of("events", "choose at least one event")
    return [kind for kind in KINDS if kind in events]


def _given(asked: EndpointChange) -> list[str]:
    return [name for name, value in vars(asked).items() if value is not None]


def _instant(moment: Any) -> str | None:
    return None if moment is None else moment.isoformat(timespec="seconds").replace("+00:00", "Z")
