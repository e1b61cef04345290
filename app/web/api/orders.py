"""How an operator's order is carried out: with a reason, in the audit, once per Idempotency-Key."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel
from sqlalchemy import Connection

from app.audit import journal
from app.idempotency import Answer, Document, once
from app.web.api.booking_answers import current_actor
from app.web.api.request_keys import request_key
from app.web.parts import parts


def carry_out(
    action: str, body: BaseModel, detail: Document, work: Callable[[Connection], Document]
) -> Answer:
    """Do the work and write down who wanted it and why; neither without the other."""
    actor, stamp = current_actor().label, parts().engine.stamper.stamp()

    def audited(tx: Connection) -> Document:
        journal.record(
            tx,
            node=parts().config.node_id,
            actor=actor,
            action=action,
            stamp=stamp,
            detail={**body.model_dump(mode="json"), **detail},
        )
        return work(tx)

    return once(parts().database, request_key(body), audited)


def order(action: str, body: BaseModel, method: str, payload: Any = None, **detail: Any) -> Answer:
    """Have this node's coordinator do it. Asked within the transaction, so that an order that was not taken
    leaves no trace of having been given; giving one twice is harmless."""
    return carry_out(action, body, detail, lambda _tx: parts().cluster.order(method, payload))
