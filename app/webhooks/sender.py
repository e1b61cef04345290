"""Sends deliveries: claim, sign, call, write down what came of it. The call is outside of any transaction."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from app.database import Database
from app.outgoing.caller import Caller, NotReached
from app.outgoing.signing import signed_headers
from app.outgoing.targets import ForbiddenTarget
from app.webhooks import deliveries
from app.webhooks.deliveries import Claim, Outcome
from app.webhooks.secrets import WebhookKeys

log = structlog.get_logger()
SEND_JOB = "worker.jobs.deliver_webhook"
#: A delivery that has been due for so long is not in good hands with the workers.
OVERDUE_SECONDS = 10.0
NO_SECRET = "its secret came from a secret of ours that is gone: give it a new one"  # noqa: S105 - words


@dataclass(frozen=True)
class WebhookSender:
    """Everything that delivering stands on. Built once per process."""

    database: Database
    caller: Caller
    keys: WebhookKeys

    def send(self, delivery_id: uuid.UUID) -> str:
        """Send it unless it is done, not due, or in other hands. Harmless twice. Raises Unavailable."""
        claim = self.database.run(lambda tx: deliveries.claim(tx, delivery_id))
        if claim is None:
            return "not ours"
        outcome = self._call(claim)
        self.database.run(lambda tx: deliveries.record(tx, claim, outcome))
        log.info(
            "Webhook delivered" if outcome.is_success else "Webhook not delivered",
            topic="webhooks",
            delivery=str(delivery_id),
            endpoint=str(claim.endpoint.id),
            attempt=claim.attempt,
            status=outcome.status_code,
            reason=outcome.error,
        )
        return "delivered" if outcome.is_success else "failed"

    def deliver_due(self, enqueue: Callable[[str, str], bool]) -> int:
        """Hand what is due to the workers, or send it here when they do not get to it; for the leader, in a
        thread of its own. How many were handed on or sent. Raises Unavailable."""
        with self.database.read() as connection:
            waiting = deliveries.due(connection)
        done = 0
        for delivery in waiting:
            is_with_workers = delivery.overdue_seconds <= OVERDUE_SECONDS and enqueue(
                SEND_JOB, str(delivery.id)
            )
            done += is_with_workers or self.send(delivery.id) == "delivered"
        return done

    def tidy(self) -> None:
        """Give up what failed for a day, and forget what ended long ago; for the leader."""
        for given_up in self.database.run(deliveries.give_up):
            log.error("Webhook given up after a day of failures", topic="webhooks", delivery=str(given_up))
        self.database.run(deliveries.trim)

    def _call(self, claim: Claim) -> Outcome:
        endpoint = claim.endpoint
        keys = self.keys.signing(endpoint, with_earlier=bool(endpoint.with_earlier))
        if not keys:
            return Outcome(None, NO_SECRET, 0)
        body = claim.body.encode()
        # By the database's clock: a node's may be wrong, and receivers refuse what is minutes off.
        signed = signed_headers(keys, str(claim.delivery_id), int(endpoint.now.timestamp()), body)
        headers = {"Content-Type": "application/json", "User-Agent": "Oneslot-Webhooks/1", **signed}
        began = time.perf_counter()
        status, error = None, None
        try:
            status = self.caller.post(endpoint.url, body, headers).status
        except ForbiddenTarget as forbidden:
            error = f"not called: {forbidden}"
        except NotReached as unreached:
            error = str(unreached)
        if status is not None and 300 <= status < 400:
            error = "redirects are not followed"
        return Outcome(status, error, int((time.perf_counter() - began) * 1000))
