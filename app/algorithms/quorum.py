"""Counting to a majority, and reading the newest of what it says.

Sources: D. Gifford, "Weighted Voting for Replicated Data", SOSP 1979; the three outcomes follow etcd's raft,
quorum/majority.go. A quorum answers reads and confirms notices; it never decides who owns a slot."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Outcome(StrEnum):
    WON = "won"
    LOST = "lost"
    PENDING = "pending"


def majority(size: int) -> int:
    """The smallest number of which two always share a member."""
    return size // 2 + 1


def intersects(reads: int, writes: int, size: int) -> bool:
    """True when every read of this many meets every write of this many: R + W > N."""
    return reads + writes > size


def decide(votes: Mapping[str, bool], voters: Collection[str], needed: int | None = None) -> Outcome:
    """Won or lost as soon as no missing vote can change it. Votes of strangers do not count."""
    goal = majority(len(voters)) if needed is None else needed
    given = [votes[voter] for voter in voters if voter in votes]
    agreed = sum(given)
    if agreed >= goal:
        return Outcome.WON
    still_possible = agreed + len(voters) - len(given)
    return Outcome.PENDING if still_possible >= goal else Outcome.LOST


@dataclass(frozen=True, slots=True)
class Versioned(Generic[Value]):
    version: int
    value: Value


@dataclass(frozen=True, slots=True)
class Newest(Generic[Value]):
    """The highest version that was read, and who must be repaired with it."""

    found: Versioned[Value]
    stale: frozenset[str]


def newest(replies: Mapping[str, Versioned[Value]]) -> Newest[Value] | None:
    """None without replies. The caller asks `decide` first whether the replies are a quorum."""
    if not replies:
        return None
    found = max(replies.values(), key=lambda reply: reply.version)
    stale = frozenset(node for node, reply in replies.items() if reply.version < found.version)
    return Newest(found, stale)
