"""Webhooks: an admin registers addresses that are told what happens to bookings, and sees how that goes."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated, Any, Literal

from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel, Field, StrictBool, StringConstraints

from app.audit.journal import Witness
from app.outgoing.targets import LONGEST_URL
from app.web.api.answers import answer, answer_page
from app.web.api.fields import Line
from app.web.api.inputs import PageQuery, RequestModel
from app.web.api.request_keys import request_key
from app.web.callers import required_principal
from app.web.origins import origin
from app.web.parts import parts
from app.web.policy import policy
from app.webhooks import endpoints, log
from app.webhooks.endpoints import EndpointChange, EndpointDraft
from app.webhooks.events import KINDS
from app.webhooks.sender import SEND_JOB

api = APIBlueprint("webhooks", __name__, url_prefix="/api/webhooks", tag="Webhooks")
Url = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=LONGEST_URL)]
Kinds = Annotated[list[str], Field(max_length=len(KINDS), json_schema_extra={"items": {"enum": list(KINDS)}})]


class WebhookBody(RequestModel):
    url: Url
    #: All of them when left out.
    events: Kinds = Field(default_factory=lambda: list(KINDS))
    description: Line = ""


class WebhookChangeBody(RequestModel):
    """What is to be different; a field left out stays as it is."""

    url: Url | None = None
    events: Kinds | None = None
    description: Line | None = None
    is_paused: StrictBool | None = None


class DeliveriesQuery(PageQuery):
    state: Literal["waiting", "delivered", "dead"] | None = None


class WebhookDocument(BaseModel):
    id: str
    url: str
    description: str
    events: list[str]
    state: str
    failing_since: str | None
    failures: int
    secret_number: int
    earlier_secret_until: str | None
    created_at: str


class NewWebhookDocument(WebhookDocument):
    """The secret is shown here and never again."""

    secret: str


class DeliveryDocument(BaseModel):
    id: str
    webhook_id: str
    type: str
    booking_id: str | None
    state: str
    attempts: list[dict[str, Any]]
    next_attempt_at: str | None
    delivered_at: str | None
    created_at: str
    body: str


@api.get("")
@policy("admin")
@api.output(list[WebhookDocument])  # type: ignore[arg-type]  # APIFlask takes it
def list_webhooks() -> Response:
    """List the addresses that are told."""
    with parts().database.read() as connection:
        found = endpoints.list_all(connection)
    return answer(found, page={"next_cursor": None, "limit": endpoints.MOST_ENDPOINTS})


@api.post("")
@policy("admin")
@api.input(WebhookBody, arg_name="body")
@api.output(NewWebhookDocument, status_code=201)
def add_webhook(body: WebhookBody) -> Response:
    """Register an address; the answer holds the secret that signs what it is sent, once."""
    draft = EndpointDraft(body.url, body.events, body.description)
    done = endpoints.create(parts().webhooks, draft, witness(), request_key(body))
    shown = {**done.value, "secret": endpoints.secret_of(parts().webhooks, done.value)}
    return answer(shown, 201, message="Webhook registered", replayed=done.replayed)


@api.get("/<uuid:webhook_id>")
@policy("admin")
@api.output(WebhookDocument)
def show_webhook(webhook_id: uuid.UUID) -> Response:
    """Show an address, and how many deliveries are in which state."""
    with parts().database.read() as connection:
        found = endpoints.read(connection, webhook_id)
        return answer({**found, "deliveries": log.counts(connection, webhook_id)})


@api.patch("/<uuid:webhook_id>")
@policy("admin")
@api.input(WebhookChangeBody, arg_name="body")
@api.output(WebhookDocument)
def change_webhook(webhook_id: uuid.UUID, body: WebhookChangeBody) -> Response:
    """Change, pause or resume it; what waits during a pause is sent after it."""
    asked = EndpointChange(body.url, body.events, body.description, body.is_paused)
    return answer(endpoints.change(parts().webhooks, webhook_id, asked, witness()))


@api.delete("/<uuid:webhook_id>")
@policy("admin")
def delete_webhook(webhook_id: uuid.UUID) -> Response:
    """Tell this address nothing more."""
    endpoints.delete(parts().webhooks, webhook_id, witness())
    return answer(None, message="Webhook deleted")


@api.post("/<uuid:webhook_id>/secret")
@policy("admin")
@api.output(NewWebhookDocument)
def change_secret(webhook_id: uuid.UUID) -> Response:
    """A new secret; for a day messages carry a signature by the one before as well."""
    done = endpoints.rotate(parts().webhooks, webhook_id, witness(), request_key())
    shown = {**done.value, "secret": endpoints.secret_of(parts().webhooks, done.value)}
    return answer(shown, message="The secret is new", replayed=done.replayed)


@api.post("/<uuid:webhook_id>/test")
@policy("admin")
@api.output(DeliveryDocument, status_code=201)
def try_webhook(webhook_id: uuid.UUID) -> Response:
    """Send an event about nothing."""
    delivery_id = endpoints.send_trial(parts().webhooks, webhook_id)
    parts().enqueue(SEND_JOB, str(delivery_id))
    with parts().database.read() as connection:
        return answer(log.read_delivery(connection, delivery_id), 201)


@api.get("/<uuid:webhook_id>/deliveries")
@policy("admin")
@api.input(DeliveriesQuery, location="query", arg_name="query")
@api.output(list[DeliveryDocument])  # type: ignore[arg-type]  # APIFlask takes it
def list_deliveries(webhook_id: uuid.UUID, query: DeliveriesQuery) -> Response:
    """What it was sent, the newest first, each with every try."""
    after = query.after(str, str)
    before = (datetime.fromisoformat(after[0]), uuid.UUID(after[1])) if after else None
    with parts().database.read() as connection:
        endpoints.read(connection, webhook_id)
        found = log.list_deliveries(connection, webhook_id, query.state, before, query.limit + 1)
    return answer_page(found, query.limit, lambda row: (row["created_at"], row["id"]))


@api.post("/deliveries/<uuid:delivery_id>/replay")
@policy("admin")
@api.output(DeliveryDocument)
def replay_delivery(delivery_id: uuid.UUID) -> Response:
    """Send it again at once, under the same id."""
    endpoints.replay(parts().webhooks, delivery_id, witness())
    parts().enqueue(SEND_JOB, str(delivery_id))
    with parts().database.read() as connection:
        return answer(log.read_delivery(connection, delivery_id), message="It is sent again")


def witness() -> Witness:
    return Witness(f"user:{required_principal().user_id}", origin())
