"""Runs the candidacy's errands to the lease's server, outside the loop, and brings the answers back."""

from __future__ import annotations

from collections.abc import Callable

from app.algorithms.election import (
    LeaseGranted,
    LeaseRead,
    LeaseRefused,
    ReadLease,
    ReleaseLease,
    RenewLease,
    TryLease,
)
from app.algorithms.lease import LeaseHome, lease_home
from app.coordination.leadership import Deposed, Leadership
from worker.coordinator.frame import Frame
from worker.coordinator.membership import Membership

#: Longer than it takes all nodes to agree that Redis is gone for everybody.
HOMELESS_SECONDS = 3.0
#: How long a farewell waits for the database to confirm that the lease is free.
RELEASE_SECONDS = 0.3
Errand = ReadLease | TryLease | RenewLease | ReleaseLease
Answer = LeaseRead | LeaseGranted | LeaseRefused | None


class LeaseErrands:
    """Unknown outcomes bring no answer at all: the core's timers take care of them."""

    def __init__(
        self,
        frame: Frame,
        members: Membership,
        leadership: Leadership,
        take: Callable[[LeaseRead | LeaseGranted | LeaseRefused], None],
        was_deposed: Callable[[int, str], None],
    ) -> None:
        self._frame = frame
        self._members = members
        self._leadership = leadership
        self._feed = take
        self._was_deposed = was_deposed
        self._background = frame.background("lease")
        self._newest_renewal = 0
        self._is_reading = False
        self._releases = 0  # under way
        self._after_release: list[Callable[[], None]] = []
        self._homeless_since: float | None = None

    def run(self, errand: Errand, algorithm: str, reason: str) -> None:
        """`algorithm` is what a campaign is written down under, `reason` why a term ends."""
        home = self.home(self._frame.clock.elapsed())
        match errand:
            case ReadLease():
                self.read()
            case TryLease(request):
                self._ask(lambda: self._leadership.campaign(request, algorithm, home))
            case RenewLease(request, epoch):
                self._renew(request, epoch, home)
            case ReleaseLease(epoch):
                self._release(epoch, reason)

    def read(self) -> None:
        if not self._is_reading:
            self._is_reading = True
            self._background.submit(self._leadership.read, self._take_reading, self._miss_reading)

    def after_release(self, action: Callable[[], None]) -> None:
        """Once the lease is free, or the database has taken too long to say so."""
        if self._releases:
            self._after_release.append(action)
        else:
            action()

    def home(self, now: float) -> LeaseHome:
        """Where this node may take the lease now."""
        sees = {node: card.sees_redis for node, card in self._members.live().items()}
        sees[self._frame.node] = self._members.sees_redis(now)
        return lease_home(sees, sees.keys(), self._frame.node)

    def is_homeless(self, now: float) -> bool:
        """Nowhere to take the lease for so long that it is no moment's disagreement about an outage."""
        if self.home(now) is not LeaseHome.NOWHERE:
            self._homeless_since = None
            return False
        self._homeless_since = now if self._homeless_since is None else self._homeless_since
        return now - self._homeless_since >= HOMELESS_SECONDS

    def _ask(self, question: Callable[[], Answer]) -> None:
        self._background.submit(question, self._take, _ignore)

    def _renew(self, request: int, epoch: int, home: LeaseHome) -> None:
        self._newest_renewal = request

        def renew() -> Answer:
            # During an outage questions pile up; only the newest is worth asking.
            is_newest = request == self._newest_renewal
            return self._leadership.renew(request, epoch, home) if is_newest else None

        self._ask(renew)

    def _release(self, epoch: int, reason: str) -> None:
        self._releases += 1
        self._frame.loop.after(RELEASE_SECONDS, self._let_go)
        self._background.submit(
            lambda: self._leadership.release(epoch, reason),
            lambda _: self._note_release(),
            lambda error: self._miss_release(epoch, error),
        )

    def _note_release(self) -> None:
        self._releases -= 1
        self._let_go()

    def _miss_release(self, epoch: int, error: Exception) -> None:
        self._note_release()
        if isinstance(error, Deposed):
            self._was_deposed(epoch, "giving the lease back")

    def _let_go(self) -> None:
        waiting, self._after_release = self._after_release, []
        for action in waiting:
            action()

    def _take_reading(self, read: LeaseRead) -> None:
        self._is_reading = False
        self._take(read)

    def _miss_reading(self, _error: Exception) -> None:
        self._is_reading = False

    def _take(self, answer: Answer) -> None:
        if answer is not None:
            self._members.database_answered(self._frame.clock.elapsed())
            self._feed(answer)


def _ignore(_error: Exception) -> None:
    """An unknown outcome is no event."""
