"""The leader's work on webhooks: relays what happened, and sees that what waits is delivered."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from sqlalchemy import Connection

from app.coordination.leadership import Term, require_term
from app.webhooks.relay import relay
from app.webhooks.sender import SEND_JOB, WebhookSender


class Webhooks:
    """Each method is one round; harmless twice."""

    def __init__(self, sender: WebhookSender, enqueue: Callable[[str, str], bool]) -> None:
        self._sender = sender
        self._enqueue = enqueue

    def relay(self, term: Term) -> None:
        """Queue what happened since the last round, for the workers. Raises Deposed, Unavailable."""

        def work(tx: Connection) -> list[uuid.UUID]:
            require_term(tx, term)
            return relay(tx)

        for delivery_id in self._sender.database.run(work):
            self._enqueue(SEND_JOB, str(delivery_id))

    def deliver(self, _term: Term) -> None:
        """A second leader at once would be harmless: a delivery is claimed by one of them."""
        self._sender.deliver_due(self._enqueue)

    def tidy(self, _term: Term) -> None:
        self._sender.tidy()
