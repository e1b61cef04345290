"""Bringing together what several requests of one process want from a server at the same moment.

Whoever comes while a batch is under way shares the next one; nobody waits for others to come. After the
group commit of DeWitt et al. 1984, one level further up: also the statements and their Python are shared."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar, cast

from app.errors import OutcomeUnknown, Unavailable

MOST_TOGETHER = 64
MOST_KEPT_APART = 256
#: Longer than the database lets any statement take.
LONGEST_WAIT_SECONDS = 12.0
Wish = TypeVar("Wish")
Fate = TypeVar("Fate")


class _Place(Generic[Wish, Fate]):
    """One request in a batch: asleep until it is told its fate, or told to lead the next batch."""

    __slots__ = ("bell", "fate", "is_leader", "wish")

    def __init__(self, wish: Wish) -> None:
        self.wish = wish
        self.fate: Fate | None = None
        self.is_leader = False
        self.bell = threading.Lock()
        self.bell.acquire()


class Batches(Generic[Wish, Fate]):
    """`carry_out` gets the wishes of one batch and tells the fate of each, in their order; it does not raise
    what concerns one wish alone. If it raises, `lost` is the fate of all but the one who led."""

    def __init__(
        self, most_together: int = MOST_TOGETHER, longest_wait_seconds: float = LONGEST_WAIT_SECONDS
    ) -> None:
        self._most_together = most_together
        self._longest_wait_seconds = longest_wait_seconds
        self._lock = threading.Lock()
        self._waiting: deque[_Place[Wish, Fate]] = deque()
        self._is_under_way = False

    def share(self, wish: Wish, carry_out: Callable[[Sequence[Wish]], Sequence[Fate]], lost: Fate) -> Fate:
        """The fate of this wish.

        Raises Unavailable when its turn does not come, OutcomeUnknown when its batch does not come back."""
        place: _Place[Wish, Fate] = _Place(wish)
        with self._lock:
            self._waiting.append(place)
            place.is_leader = not self._is_under_way
            self._is_under_way = True
        if not place.is_leader:
            self._await(place)
        if place.is_leader:
            self._lead(carry_out, lost)
        return cast(Fate, place.fate)

    def __len__(self) -> int:
        """How many wait for the next batch."""
        return len(self._waiting)

    def _await(self, place: _Place[Wish, Fate]) -> None:
        try:
            if place.bell.acquire(timeout=self._longest_wait_seconds):
                return
        except BaseException:
            if self._leave(place) and place.is_leader:
                self._hand_over()
            raise
        if not self._leave(place):
            raise OutcomeUnknown("The database does not say whether this was saved.")
        if place.is_leader:
            self._hand_over()
        raise Unavailable("Too many people are booking at this moment. Please try again.")

    def _leave(self, place: _Place[Wish, Fate]) -> bool:
        """Whether the wish was still waiting; now it is not, and nothing was done for it."""
        with self._lock:
            if place not in self._waiting:
                return False
            self._waiting.remove(place)
            return True

    def _lead(self, carry_out: Callable[[Sequence[Wish]], Sequence[Fate]], lost: Fate) -> None:
        with self._lock:
            together = [self._waiting.popleft() for _ in range(min(len(self._waiting), self._most_together))]
        fates: Sequence[Fate] = [lost] * len(together)
        try:
            fates = carry_out([place.wish for place in together])
        finally:
            self._hand_over()
            for place, fate in zip(together, fates, strict=True):
                place.fate = fate
                place.bell.release()

    def _hand_over(self) -> None:
        """The first of those who came meanwhile leads the next batch."""
        with self._lock:
            if not self._waiting:
                self._is_under_way = False
                return
            following = self._waiting[0]
            following.is_leader = True
        following.bell.release()


class BatchesByOwner(Generic[Wish, Fate]):
    """Batches of their own for each of the owners that were wanted last, so that none waits for another."""

    def __init__(self, most: int = MOST_KEPT_APART) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._batches: OrderedDict[int, Batches[Wish, Fate]] = OrderedDict()

    def of(self, owner_id: int) -> Batches[Wish, Fate]:
        """One that is forgotten while somebody waits there has two for a while: they share less."""
        with self._lock:
            batches = self._batches.setdefault(owner_id, Batches())
            self._batches.move_to_end(owner_id)
            if len(self._batches) > self._most:
                self._batches.popitem(last=False)
            return batches
