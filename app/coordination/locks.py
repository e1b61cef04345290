"""Slot locks in Redis: they spare the database the losers and number the winners' turns.

They keep no promise. A lock may be lost, given twice or lie (Kleppmann 2016, "How to do
distributed locking"); the claim in the database is checked against its fence and the slot's state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from redis import Redis

from app.coordination import keys
from app.coordination.breaker import Breaker

SCRIPTS = Path(__file__).parent / "scripts"
GRANTED, HELD_BY_ANOTHER = 1, 0
#: A counter is forgotten a day after its last grant, or anybody could fill Redis with made-up slots;
#: the database's fence is the floor of the next one.
COUNTER_SECONDS = 86_400


@dataclass(frozen=True)
class Lease:
    """Permission to try to claim these slots: the fence of each, and which were newly given."""

    owner: str
    fences: Mapping[int, int]
    new: frozenset[int]


@dataclass(frozen=True)
class LockedOut:
    """Another owner holds one of the slots for so many more milliseconds."""

    slot_id: int
    ms_left: int


class SlotLocks:
    def __init__(self, redis: Redis, breaker: Breaker) -> None:
        self._redis = redis
        self._breaker = breaker
        self._acquire = redis.register_script((SCRIPTS / "acquire.lua").read_text())
        self._release = redis.register_script((SCRIPTS / "release.lua").read_text())

    def acquire(
        self, slot_ids: Sequence[int], owner: str, ttl_ms: int, floors: Mapping[int, int] | None = None
    ) -> Lease | LockedOut | None:
        """All slots or none, in one step; None when Redis does not answer."""
        if not slot_ids:
            return Lease(owner, {}, frozenset())
        wanted, floors = sorted(slot_ids), floors or {}
        names = [name(slot_id) for slot_id in wanted for name in (keys.slot_hold, keys.slot_fence)]
        given: list[str | int] = [
            owner,
            ttl_ms,
            COUNTER_SECONDS,
            *(floors.get(slot_id, 0) for slot_id in wanted),
        ]
        answer = self._breaker.call(lambda: self._acquire(keys=names, args=given))
        if answer is None:
            return None
        if answer and answer[0] == HELD_BY_ANOTHER:
            return LockedOut(wanted[answer[1] - 1], max(answer[2], 0))
        told = dict(zip(wanted, answer, strict=True))
        fences = {slot_id: int(fence) for slot_id, (_, fence) in told.items()}
        return Lease(owner, fences, frozenset(each for each in wanted if told[each][0] == GRANTED))

    def release(self, fences: Mapping[int, int]) -> None:
        """Give back the locks that still carry these fences."""
        for slot_id, fence in fences.items():
            self._breaker.call(
                lambda slot_id=slot_id, fence=fence: self._release(  # type: ignore[misc]
                    keys=[keys.slot_hold(slot_id)], args=[fence]
                )
            )
