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
GRANTED, ALREADY_OURS, HELD_BY_ANOTHER = 1, 2, 0
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
        """All slots in ascending order, or none; None when Redis does not answer."""
        fences: dict[int, int] = {}
        new: set[int] = set()
        for slot_id in sorted(slot_ids):
            answer = self._ask(slot_id, owner, ttl_ms, (floors or {}).get(slot_id, 0))
            if answer is None or answer[0] == HELD_BY_ANOTHER:
                self.release({taken: fences[taken] for taken in new})
                return None if answer is None else LockedOut(slot_id, max(answer[1], 0))
            fences[slot_id] = answer[1]
            if answer[0] == GRANTED:
                new.add(slot_id)
        return Lease(owner, fences, frozenset(new))

    def release(self, fences: Mapping[int, int]) -> None:
        """Give back the locks that still carry these fences."""
        for slot_id, fence in fences.items():
            self._breaker.call(
                lambda slot_id=slot_id, fence=fence: self._release(  # type: ignore[misc]
                    keys=[keys.slot_hold(slot_id)], args=[fence]
                )
            )

    def _ask(self, slot_id: int, owner: str, ttl_ms: int, floor: int) -> tuple[int, int] | None:
        answer = self._breaker.call(
            lambda: self._acquire(
                keys=[keys.slot_hold(slot_id), keys.slot_fence(slot_id)],
                args=[owner, ttl_ms, floor, COUNTER_SECONDS],
            )
        )
        return None if answer is None else (int(answer[0]), int(answer[1]))
