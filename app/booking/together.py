"""The quick way to an instant booking: with whoever else books at this process right now.

It answers what is plain and leaves the rest to the ordinary way, which knows locks, fences and reasons."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from app.booking.allowances import Allowance, allowance_of
from app.booking.batch_claims import Booked, Unsettled, Wish, book_together
from app.booking.engine import Engine
from app.booking.rules import Actor
from app.booking.turns import refuse
from app.database import can_share
from app.errors import OutcomeUnknown
from app.idempotency import Answer, RequestKey, resolve

if TYPE_CHECKING:
    from app.booking.claims import Claim


def book_with_others(
    engine: Engine, claim: Claim, actor: Actor, request: RequestKey | None = None
) -> Answer | None:
    """The answer, or None for whoever has to go the ordinary way.

    Raises what the ordinary way raises, if the slot cannot be had or the reply to COMMIT was lost."""
    patient = claim.patient
    if patient is None or actor.user_id is not None or not _is_plain(engine, claim):
        return None
    slot_ids = tuple(claim.slot_ids)
    if engine.glance.was_refused(slot_ids) and (refusal := engine.glance.refusal(slot_ids)):
        return refuse(engine, actor, request, refusal)
    wish = Wish(slot_ids[0], patient, actor, request, engine.stamper.stamp(), to_count(engine, actor))
    fate = engine.batches.share(wish, partial(book_together, engine), Unsettled())
    if isinstance(fate, Booked):
        if fate.remaining is not None and actor.origin is not None:
            engine.budgets.counted(actor.origin, fate.remaining)
        engine.announce({fate.stream: fate.number}, [fate.change], [wish.notice_id])
        return Answer(fate.document)
    if isinstance(fate, Unsettled):
        answer = learn(engine, request)
        engine.announce({}, [fate.change] if fate.change else [], [wish.notice_id])
        return answer
    # One read tells all who lost the same slot; only who may still get it goes on to lock and claim.
    refusal = engine.glance.refusal(slot_ids)
    return refuse(engine, actor, request, refusal) if refusal else None


def to_count(engine: Engine, actor: Actor) -> Allowance | None:
    """The system itself has no limits, and who was counted a moment ago need not be counted again."""
    if actor.origin is None or engine.budgets.spend(actor.origin):
        return None
    return allowance_of(actor)


def _is_plain(engine: Engine, claim: Claim) -> bool:
    """A hold may be long, several slots need an order, a patient on file has to be read. (And who has an
    account may keep so little that their bookings are counted one at a time.)"""
    patient = claim.patient
    is_one_for_good = claim.instant and len(set(claim.slot_ids)) == 1
    says_who = patient is not None and patient.patient_id is None and bool(patient.name)
    return is_one_for_good and says_who and can_share(engine.database)


def learn(engine: Engine, request: RequestKey | None) -> Answer:
    """What came of a transaction whose reply to COMMIT was lost. Raises OutcomeUnknown without a key."""
    if request is None:
        raise OutcomeUnknown("The connection to the database broke while saving.")
    return resolve(engine.database, request)
