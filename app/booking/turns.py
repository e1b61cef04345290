"""The lock in front of a claim: who may try now, and what the others are told.

It spares the database the losers. The claim itself decides, with the lock or without."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from functools import partial

from app.booking.engine import Act, Engine
from app.booking.refusal_batches import remember_together
from app.booking.rules import Actor
from app.coordination.locks import Lease, LockedOut
from app.database import can_share
from app.errors import Refusal, Unavailable
from app.idempotency import Answer, Document, RequestKey

Fences = Mapping[int, int] | None
#: A claim for its turn; told whether it may wait for rows that somebody else is at.
TurnClaim = Callable[[Act, Fences, bool], Document]
MOST_STEPS_ASIDE = 8
MOST_STALE_FENCES, MOST_TRIES = 2, 10
#: Most of a claim is waiting for answers, and of several sets in a full hall most have no seat in common.
LINES_FOR_SETS = 4
#: Doubled with each step aside, up to half a second: together about two.
SHORTEST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.01, 0.5


class StaleFence(Exception):
    """The slot has seen a higher fence than the one brought: this contender slept through its turn."""

    def __init__(self, floors: Mapping[int, int]) -> None:
        self.floors = dict(floors)


class OthersAreAtThem(Exception):
    """Somebody else is at one of several slots this very moment; whether they get it is not decided yet."""


class WaitsInVain(Exception):
    """What this contender stands in line for is gone."""

    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal


@dataclass(frozen=True)
class Turn:
    """Who wants which slots; repeats of one keyed request share the owner's name, so that they meet at
    the key and not at the lock."""

    slot_ids: tuple[int, ...]
    actor: Actor
    request: RequestKey | None
    #: The name of the lock's owner when the request has no key.
    name: str

    @property
    def owner(self) -> str:
        return f"{self.request.scope}/{self.request.key}" if self.request else self.name


def take_turns(engine: Engine, turn: Turn, claim: TurnClaim) -> Answer:
    """Do claim under the locks of all slots, with their fences, or without any when Redis is away.

    claim raises StaleFence when Redis gave a fence that the slot has seen: it may have forgotten what it gave
    before, so it is asked once more for a higher one, and not at all after that; OthersAreAtThem to step
    aside with nothing locked, because those who wait for one slot while they keep another make long queues.
    Whoever has stepped aside often enough waits like everybody. Raises what claim raises, Unavailable."""
    floors: dict[int, int] = {}
    stale_fences = steps_aside = 0
    while stale_fences < MOST_TRIES:
        lease = _ask_for_locks(engine, turn, floors) if stale_fences < MOST_STALE_FENCES else None
        try:
            return _look_and_claim(engine, lease, turn, claim, waits=steps_aside == MOST_STEPS_ASIDE)
        except StaleFence as stale:
            floors = stale.floors
            stale_fences += 1
        except OthersAreAtThem:
            _pause(steps_aside)
            steps_aside += 1
    raise Unavailable("Too many people want the same. Please try again.")


def _ask_for_locks(engine: Engine, turn: Turn, floors: Mapping[int, int]) -> Lease | LockedOut | None:
    return engine.locks.acquire(turn.slot_ids, turn.owner, int(engine.hold_seconds * 1000), floors)


def _pause(steps_aside: int) -> None:
    longest = min(SHORTEST_PAUSE_SECONDS * 2**steps_aside, LONGEST_PAUSE_SECONDS)
    time.sleep(random.uniform(SHORTEST_PAUSE_SECONDS / 2, longest))  # noqa: S311 - jitter, no secret


def _place_in_line(
    engine: Engine, lease: Lease | LockedOut | None, slot_ids: tuple[int, ...]
) -> AbstractContextManager[None]:
    """Without Redis the contenders of this process take turns, so that few of them queue for the row.

    Sets overlap in any way, so all who want several slots stand in few lines. Who waits in vain leaves."""
    if lease is not None or not slot_ids:
        return nullcontext()
    wanted = slot_ids[0] if len(slot_ids) == 1 else slot_ids[0] % LINES_FOR_SETS
    return engine.local_queue.turn(wanted, partial(_stay_if_free, engine, slot_ids))


def _stay_if_free(engine: Engine, slot_ids: tuple[int, ...]) -> None:
    with suppress(Unavailable):  # not to know is no reason to leave
        if refusal := engine.glance.refusal(slot_ids):
            raise WaitsInVain(refusal)


def _look_and_claim(
    engine: Engine, lease: Lease | LockedOut | None, turn: Turn, claim: TurnClaim, *, waits: bool
) -> Answer:
    try:
        with _place_in_line(engine, lease, turn.slot_ids):
            refusal = _early_refusal(engine, lease, turn.slot_ids)
            if refusal is None:
                return _claim_under(engine, lease, turn, claim, waits=waits)
    except WaitsInVain as told:
        refusal = told.refusal
    except Unavailable:
        # Nothing was done. Whoever waited for too long has often lost meanwhile, and is told so.
        refusal = engine.glance.refusal(turn.slot_ids)
        if refusal is None:
            raise
    return refuse(engine, turn.actor, turn.request, refusal)


def _claim_under(
    engine: Engine, lease: Lease | LockedOut | None, turn: Turn, claim: TurnClaim, *, waits: bool
) -> Answer:
    fences = lease.fences if isinstance(lease, Lease) else None
    claimed = False
    try:
        answer = engine.perform(turn.actor, turn.request, lambda act: claim(act, fences, waits))
        claimed = not answer.replayed
        return answer
    finally:
        if not claimed and isinstance(lease, Lease):
            engine.locks.release({slot_id: lease.fences[slot_id] for slot_id in lease.new})


def _early_refusal(
    engine: Engine, lease: Lease | LockedOut | None, slot_ids: tuple[int, ...]
) -> Refusal | None:
    """A lock only says "probably taken"; a refusal must be true, so the database is asked.

    None sends the contender to the claim itself, which decides."""
    if isinstance(lease, Lease):
        return None
    if isinstance(lease, LockedOut):
        return engine.glance.confirmed_refusal(slot_ids)
    return engine.glance.refusal(slot_ids)


def refuse(engine: Engine, actor: Actor, request: RequestKey | None, refusal: Refusal) -> Answer:
    """Raises the refusal, which a key remembers; the answer of a key that was used before."""
    if request is None:
        raise refusal
    if can_share(engine.database) and not refusal.is_passing:
        remembered = engine.refusals.share((request, refusal), partial(remember_together, engine), lost=False)
        if remembered:
            raise refusal
    return engine.perform(actor, request, refuse_with(refusal))


def refuse_with(refusal: Refusal) -> Callable[[Act], Document]:
    def refuse(_act: Act) -> Document:
        raise refusal

    return refuse
