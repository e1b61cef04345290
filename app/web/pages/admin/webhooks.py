"""Webhooks: which programs are told what happens to bookings, and how telling them goes."""

from __future__ import annotations

import uuid
from typing import Any

from flask import make_response, redirect, request, url_for
from werkzeug.wrappers import Response

from app.errors import Conflict, ValidationFailed
from app.languages.texts import N_, _
from app.web.api.webhooks import witness
from app.web.pages.admin.frame import refused, render_admin, wrong_of
from app.web.pages.blueprint import pages
from app.web.pages.forms import Wrong
from app.web.pages.hold import SEE_OTHER
from app.web.pages.wording import instant
from app.web.parts import parts
from app.web.policy import policy
from app.webhooks import endpoints, log
from app.webhooks.endpoints import EndpointChange, EndpointDraft
from app.webhooks.events import KINDS
from app.webhooks.sender import SEND_JOB

MOST_SHOWN = 50
LONGEST_DESCRIPTION = 200
#: Of webhooks and of deliveries, for people.
STATES = {
    "working": N_("Working"),
    "failing": N_("Failing"),
    "paused": N_("Paused"),
    "waiting": N_("Waiting"),
    "delivered": N_("Delivered"),
    "dead": N_("Dead"),
}


@pages.get("/admin/webhooks")
@policy("admin")
def admin_webhooks() -> str:
    """Every address that is told."""
    return _list(None)


@pages.post("/admin/webhooks")
@policy("admin")
def admin_add_webhook() -> Response:
    """Register one; its secret is on the page that answers, and on no other."""
    form = request.form
    draft = EndpointDraft(
        form.get("url", "").strip(),
        form.getlist("events"),
        form.get("description", "").strip()[:LONGEST_DESCRIPTION],
    )
    try:
        made = endpoints.create(parts().webhooks, draft, witness(), None).value
    except ValidationFailed as refusal:
        return refused(_list(wrong_of(refusal)))
    except Conflict as conflict:
        return refused(_list(Wrong(form.to_dict(), {"url": conflict.detail})))
    return make_response(_one(uuid.UUID(made["id"]), secret=endpoints.secret_of(parts().webhooks, made)))


@pages.get("/admin/webhooks/<uuid:webhook_id>")
@policy("admin")
def admin_webhook(webhook_id: uuid.UUID) -> str:
    """One address with its log."""
    return _one(webhook_id)


@pages.post("/admin/webhooks/<uuid:webhook_id>/pause")
@policy("admin")
def admin_pause_webhook(webhook_id: uuid.UUID) -> Response:
    """Pause it, or go on."""
    is_paused = request.form.get("paused") == "yes"
    endpoints.change(parts().webhooks, webhook_id, EndpointChange(is_paused=is_paused), witness())
    return _back(webhook_id, "paused" if is_paused else "resumed")


@pages.post("/admin/webhooks/<uuid:webhook_id>/secret")
@policy("admin")
def admin_webhook_secret(webhook_id: uuid.UUID) -> Response:
    """A new secret, on the page that answers."""
    done = endpoints.rotate(parts().webhooks, webhook_id, witness(), None)
    return make_response(_one(webhook_id, secret=endpoints.secret_of(parts().webhooks, done.value)))


@pages.post("/admin/webhooks/<uuid:webhook_id>/test")
@policy("admin")
def admin_try_webhook(webhook_id: uuid.UUID) -> Response:
    """Send an event about nothing."""
    parts().enqueue(SEND_JOB, str(endpoints.send_trial(parts().webhooks, webhook_id)))
    return _back(webhook_id, "trial")


@pages.post("/admin/webhooks/<uuid:webhook_id>/replay/<uuid:delivery_id>")
@policy("admin")
def admin_replay_delivery(webhook_id: uuid.UUID, delivery_id: uuid.UUID) -> Response:
    """Send it again."""
    endpoints.replay(parts().webhooks, delivery_id, witness())
    parts().enqueue(SEND_JOB, str(delivery_id))
    return _back(webhook_id, "replayed")


@pages.post("/admin/webhooks/<uuid:webhook_id>/delete")
@policy("admin")
def admin_delete_webhook(webhook_id: uuid.UUID) -> Response:
    """Tell it nothing more."""
    endpoints.delete(parts().webhooks, webhook_id, witness())
    return redirect(url_for("pages.admin_webhooks", done="webhook-deleted"), SEE_OTHER)


def _back(webhook_id: uuid.UUID, done: str) -> Response:
    return redirect(url_for("pages.admin_webhook", webhook_id=webhook_id, done=f"webhook-{done}"), SEE_OTHER)


def _list(wrong: Wrong | None) -> str:
    with parts().database.read() as connection:
        found = endpoints.list_all(connection)
    chosen = request.form.getlist("events") if wrong else list(KINDS)
    return render_admin(
        "webhooks",
        "admin_webhooks",
        wrong=wrong,
        webhooks=found,
        kinds=KINDS,
        chosen=chosen,
        states=_states(),
    )


def _one(webhook_id: uuid.UUID, secret: str | None = None) -> str:
    state = request.args.get("state")
    with parts().database.read() as connection:
        webhook = endpoints.read(connection, webhook_id)
        counts = log.counts(connection, webhook_id)
        wanted = state if state in counts else None
        rows = log.list_deliveries(connection, webhook_id, wanted, limit=MOST_SHOWN)
    return render_admin(
        "webhook",
        "admin_webhooks",
        webhook=webhook,
        secret=secret,
        counts=counts,
        state=wanted,
        states=_states(),
        failing_since=_local(webhook["failing_since"]),
        deliveries=[{**row, "at": _local(row["created_at"]), "next_at": _local(row["next_attempt_at"])}
                    for row in rows],
    )  # fmt: skip


def _states() -> dict[str, str]:
    return {state: _(word) for state, word in STATES.items()}


def _local(moment: Any) -> str:
    """On the clinic's wall clock."""
    return f"{instant(moment).astimezone(parts().config.zone):%d %b %H:%M:%S}" if moment else ""
