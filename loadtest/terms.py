"""The history of terms asked of the database itself: epochs rise, and every leader's write lies in its own
term."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from loadtest.invariants import Database, open_database
from loadtest.target import Target

_TERMS = "SELECT epoch, node, started_at, ended_at FROM leader_terms WHERE role = 'leader' ORDER BY epoch"
#: What the sweep frees, it writes down in the transaction that frees it; nobody but the leader sweeps.
_SWEEPS = """
    SELECT id, node, at, detail FROM audit WHERE action = 'expire' AND actor = 'system' ORDER BY at"""


@dataclass(frozen=True, slots=True)
class Leadership:
    """What the rows say of who led and who wrote."""

    terms: int
    leader_writes: int
    faults: tuple[str, ...]

    def __str__(self) -> str:
        told = (
            "epochs rise, no two terms overlap, no write of a deposed leader" if not self.faults else "BROKEN"
        )
        return f"terms: {self.terms} in the run, {self.leader_writes} writes of leaders judged: {told}"


def judge_terms(target: Target, first_epoch: int) -> Leadership:
    """Asks the database behind the system; the terms from this epoch on count as the run's."""
    if target.database_url is None:
        return Leadership(0, 0, ("no database was named, so no term could be judged",))
    with open_database(target.database_url) as database:
        return judge_rows(*read_rows(database), first_epoch)


def read_rows(database: Database) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    return database(_TERMS), [row for row in database(_SWEEPS) if "sweep" in str(row[3])]


def judge_rows(
    terms: Sequence[tuple[Any, ...]], sweeps: Sequence[tuple[Any, ...]], first_epoch: int
) -> Leadership:
    faults = [
        f"epoch {later[0]} began at {later[2]}, after that epoch {earlier[0]} ended only at {earlier[3]}"
        for earlier, later in pairwise(terms)
        if later[0] <= earlier[0] or later[2] < earlier[2] or earlier[3] is None or earlier[3] > later[2]
    ]
    in_run = [term for term in terms if term[0] >= first_epoch]
    judged = [sweep for sweep in sweeps if in_run and sweep[2] >= in_run[0][2]]
    faults += [
        f"{node} wrote at {at} in the term of {leader}"
        for _, node, at, _ in judged
        if (leader := _leader_at(terms, at)) != node
    ]
    return Leadership(len(in_run), len(judged), tuple(faults))


def _leader_at(terms: Sequence[tuple[Any, ...]], moment: Any) -> str | None:
    begun = [term for term in terms if term[2] <= moment]
    return str(begun[-1][1]) if begun else None
