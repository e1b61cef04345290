"""The quick way to the best seats: with whoever else wants some at the same show and process right now.

It answers what is plain and leaves the rest to the ordinary way, which knows locks and reasons."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from app.booking.engine import Engine
from app.booking.rules import Actor
from app.booking.seat_batches import Seated, Unsure, seat_together
from app.booking.seat_choices import GroupWish
from app.booking.together import learn, to_count
from app.database import can_share
from app.idempotency import Answer, RequestKey

if TYPE_CHECKING:
    from app.booking.best_available import BestClaim


def seat_with_others(
    engine: Engine, claim: BestClaim, actor: Actor, request: RequestKey | None = None
) -> Answer | None:
    """The answer, or None for whoever has to go the ordinary way.

    Raises OutcomeUnknown, or what was refused under the key, if the reply to COMMIT was lost."""
    patient = claim.patient
    if patient is None or actor.user_id is not None or not _is_plain(engine, claim):
        return None
    allowance = to_count(engine, actor)
    wish = GroupWish(claim.wish, patient, actor, request, engine.stamper.stamp(), allowance)
    batches = engine.hall_batches.of(claim.showtime_id)
    fate = batches.share(wish, partial(seat_together, engine, claim.showtime_id), Unsure())
    if isinstance(fate, Seated):
        if fate.remaining is not None and actor.origin is not None:
            engine.budgets.counted(actor.origin, fate.remaining)
        engine.announce({fate.stream: fate.number}, [fate.change], [wish.notice_id])
        return Answer(fate.document)
    if isinstance(fate, Unsure):
        answer = learn(engine, request)
        engine.announce({}, [fate.change] if fate.change else [], [wish.notice_id])
        return answer
    return None


def _is_plain(engine: Engine, claim: BestClaim) -> bool:
    """A hold may be long, a patient on file has to be read. (And who has an account may keep so little that
    their bookings are counted one at a time.)"""
    patient = claim.patient
    says_who = patient is not None and patient.patient_id is None and bool(patient.name)
    return claim.instant and says_who and can_share(engine.database)
