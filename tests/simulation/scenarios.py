"""All scenarios by name, and how often each thing must really have happened for a run to mean anything."""

from dataclasses import dataclass

from tests.simulation.board import Board
from tests.simulation.clocks import Clocks
from tests.simulation.detection import Detection
from tests.simulation.elections import Elections, RingElections
from tests.simulation.engine import ViolationError
from tests.simulation.quorums import Quorums
from tests.simulation.replication import Replication
from tests.simulation.timekeeping import Timekeeping

FAULTS = {"crashes": 0.4, "pauses": 0.4, "partitions": 0.8, "storms": 0.3, "messages lost": 2.0}
ELECTION = {
    **FAULTS,
    "terms": 1.5,
    "steps down": 0.5,
    "stale writes refused": 0.03,
    "lease flushes": 0.3,
    "false suspicions": 0.3,
    "illnesses": 0.3,
    "election.net": 0.1,
    "leaders killed": 0.1,
    "hand-overs": 0.05,
    "forced elections": 0.1,
    "writes accepted": 10.0,
}


@dataclass(frozen=True)
class Rule:
    """A scenario, and the least average per seed of what it counts."""

    scenario: type
    needed: dict


RULES = {
    "bully": Rule(Elections, {**ELECTION, "election.started": 3.0}),
    "ring": Rule(RingElections, {**ELECTION, "ring.started": 2.0, "ring.closed": 1.0, "ring.swallowed": 0.1}),
    "detection": Rule(
        Detection,
        {
            **FAULTS,
            "became suspect": 1.0,
            "became dead": 1.0,
            "revivals": 0.5,
            "refutations": 0.1,
            "vouches": 0.5,
            "beats of a former life": 0.2,
            "database outages": 0.5,
            "suspicions ended by a row": 0.05,
            "rows of a former life": 0.1,
            "requests balanced": 5.0,
        },
    ),
    "replication": Rule(
        Replication,
        {
            **FAULTS,
            "change gap": 3.0,
            "delta applied": 1.0,
            "whole streams sent": 1.0,
            "snapshots installed": 1.0,
            "tombstones purged": 0.2,
            "rows spoilt": 0.03,
            "divergences found": 0.03,
            "database outages": 0.3,
            "endings without database": 0.1,
        },
    ),
    "board": Rule(
        Board,
        {
            **FAULTS,
            "conflicts logged": 1.0,
            "ties": 0.5,
            "merge gap": 1.0,
            "merge refused": 0.3,
            "restores": 0.1,
            "disks lost": 0.3,
            "clock steps": 0.3,
        },
    ),
    "clocks": Rule(
        Clocks,
        {**FAULTS, "pairs before": 50, "pairs concurrent": 20, "stamps refused": 1.0, "clock steps": 0.5},
    ),
    "timekeeping": Rule(
        Timekeeping,
        {
            **FAULTS,
            "exchanges": 100,
            "berkeley rounds": 5,
            "outliers dropped": 0.3,
            "clock critical": 0.3,
            "database suspected": 0.2,
        },
    ),
    "quorums": Rule(Quorums, {**FAULTS, "quorum reads": 5, "read repairs": 1, "writes acknowledged": 5}),
}


def what_never_happened(name, counts):
    """Vacuity: a run in which nothing went wrong proves nothing."""
    seeds = counts["seeds"]
    return {
        what: counts[what] for what, per_seed in RULES[name].needed.items() if counts[what] < per_seed * seeds
    }


def first_violation(name, seeds):
    """What the simulator says about the first seed that breaks an invariant, or None."""
    for seed in seeds:
        try:
            RULES[name].scenario(seed).run()
        except ViolationError as violation:
            return f"seed {seed}: {violation}"
    return None
