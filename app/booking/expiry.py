"""The sweep: makes lapsed holds visible as free. Nothing depends on it but what people see."""

from __future__ import annotations

from sqlalchemy import select

from app.booking import statements
from app.booking.engine import Act, Engine
from app.booking.rules import SYSTEM, Actor
from app.booking.waitlist import offer_freed
from app.coordination.leadership import Term, require_term
from app.idempotency import Document
from app.tables.booking import Slot

AT_ONCE = 200


def expire_due_holds(engine: Engine, term: Term | None = None, actor: Actor = SYSTEM) -> int:
    """Free every lapsed hold, in batches; how many slots. With a term, only while it is the current one.

    Raises Deposed when the term has ended."""
    total = 0
    while _anything_due(engine):
        freed = engine.perform(actor, None, lambda act: _sweep(act, term)).value["freed"]
        total += freed
        if freed < AT_ONCE:
            break
    return total


def _anything_due(engine: Engine) -> bool:
    """A quiet second costs one read, not a write transaction."""
    with engine.database.read() as connection:
        return connection.execute(select(Slot.id).where(statements.lapsed()).limit(1)).first() is not None


def _sweep(act: Act, term: Term | None) -> Document:
    if term is not None:
        require_term(act.tx, term)
    due = (
        select(Slot.id)
        .where(statements.lapsed())
        .order_by(Slot.id)
        .limit(AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    slot_ids = list(act.tx.execute(due).scalars())
    if not slot_ids:
        return {"freed": 0}
    rows = statements.free_slots(act.tx, slot_ids, None)
    act.audit_expired(statements.expire_lapsed_claims(act.tx, slot_ids), "sweep")
    act.slots_changed(rows)
    offer_freed(act, rows)
    return {"freed": len(rows)}
