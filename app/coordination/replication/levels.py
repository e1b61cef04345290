"""How fresh an answer must be, and which copy may give it. Pure.

The names are those of the literature and of Cosmos DB; a level is never served by a copy that cannot keep
its promise."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """From the dearest to the cheapest."""

    STRONG = "strong"  # the database, now
    QUORUM = "quorum"  # at least what a majority of the nodes has: also without the database
    CAUSAL = "causal"  # at least what this visitor has read and written
    BOUNDED = "bounded"  # at most five seconds old, measured
    EVENTUAL = "eventual"  # what is here, with its age


class Copy(StrEnum):
    PRIMARY = "primary"
    LOCAL = "local"
    LOCAL_SOON = "local soon"  # when it has caught up, within LONGEST_WAIT_SECONDS
    AFTER_QUORUM = "after quorum"  # local, once it covers a majority


LARGEST_AGE_SECONDS = 5.0
LONGEST_WAIT_SECONDS = 0.2


@dataclass(frozen=True)
class LocalCopy:
    """The replica of this process: how old it can be at most (None: unfit), and whether it shows the visitor
    what they have seen."""

    age_seconds: float | None
    meets_session: bool


def choose(level: Level, local: LocalCopy) -> Copy:
    """Which copy keeps the promise of the level."""
    if level is Level.STRONG or local.age_seconds is None:
        return Copy.PRIMARY
    match level:
        case Level.QUORUM:
            return Copy.AFTER_QUORUM
        case Level.CAUSAL:
            return Copy.LOCAL if local.meets_session else Copy.LOCAL_SOON
        case Level.BOUNDED:
            return Copy.LOCAL if local.age_seconds <= LARGEST_AGE_SECONDS else Copy.PRIMARY
        case _:
            return Copy.LOCAL
