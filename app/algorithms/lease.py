"""When a node may act as leader, and whose writes count.

Sources: C. Gray and D. Cheriton, "Leases", SOSP 1989; M. Kleppmann, "How to do distributed locking", 2016
(a lease alone protects nothing: the write must be refused, not the writer trusted)."""

from collections.abc import Collection, Mapping
from enum import StrEnum

from app.algorithms.quorum import Outcome, decide


class LeaseHolder:
    """A node's own view of its lease: it ends here before it ends at the server.

    The time that counts starts before the question was asked, because nobody knows how long the answer took;
    the margin covers clocks that do not run at the same speed."""

    def __init__(self, ttl_seconds: float, margin_seconds: float) -> None:
        self.epoch = 0  # 0 while not holding
        self.deadline = float("-inf")
        self._usable_seconds = ttl_seconds - margin_seconds
        self._asked: dict[int, float] = {}
        self._requests = 0

    def may_act(self, now: float) -> bool:
        """Check before each unit of work."""
        return self.epoch > 0 and now < self.deadline

    def ask(self, now: float) -> int:
        """Call it before the request leaves; give the number back with the answer."""
        self._requests += 1
        self._asked[self._requests] = now
        return self._requests

    def expects(self, request: int) -> bool:
        return request in self._asked

    def grant(self, request: int, epoch: int, now: float) -> bool:
        """True when the answer came soon enough to be worth anything."""
        asked_at = self._asked.get(request)
        if asked_at is None or now >= asked_at + self._usable_seconds:
            return False
        self.epoch = epoch
        self.deadline = max(asked_at + self._usable_seconds, self.deadline)
        self._asked = {number: at for number, at in self._asked.items() if number > request}
        return True

    def drop(self) -> None:
        """Not the leader any more; answers still under way no longer count."""
        self.epoch = 0
        self.deadline = float("-inf")
        self._asked.clear()


class EpochLedger:
    """The rule that SQL enforces, in memory: a twin for tests and for the simulator.

    `open_term` is UPDATE leader_state .. WHERE epoch < :e; `accepts` is SELECT .. WHERE epoch = :mine FOR
    SHARE at the start of every leader transaction."""

    def __init__(self) -> None:
        self.epoch = 0  # Only grows.
        self.terms: dict[int, str] = {}

    def open_term(self, epoch: int, node: str) -> bool:
        """True when the node leads in this epoch, also when it asks twice."""
        if epoch > self.epoch:
            self.epoch = epoch
            self.terms[epoch] = node
        return epoch == self.epoch and self.terms[epoch] == node

    def accepts(self, epoch: int) -> bool:
        return epoch == self.epoch


class LeaseHome(StrEnum):
    REDIS = "redis"
    DATABASE = "database"
    NOWHERE = "nowhere"  # this node cannot lead now


def lease_home(sees_redis: Mapping[str, bool], members: Collection[str], me: str) -> LeaseHome:
    """Where to take the lease. The database is used only when a majority has lost Redis too, so that one node
    with a bad link does not open a second door. Both doors share one sequence of epochs."""
    if sees_redis.get(me, False):
        return LeaseHome.REDIS
    lost = {node: not sees for node, sees in sees_redis.items()}
    return LeaseHome.DATABASE if decide(lost, members) is Outcome.WON else LeaseHome.NOWHERE
