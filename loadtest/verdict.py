"""After a run: the final state into the history, then the checker, then the database itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from loadtest.check import Verdict, judge
from loadtest.history import Entry, Scribe
from loadtest.invariants import (
    ONE_OWNER,
    Finding,
    Owners,
    find_broken_invariants,
    live_owners,
    open_database,
    plain_id,
)
from loadtest.slot_model import Allowances
from loadtest.stage import Stage
from loadtest.target import Target

#: Stamps are rounded to the second at worst; a refusal may rest on a replica a second old.
ALLOWANCES = Allowances(clock_tolerance_seconds=1.0, stale_refusal_seconds=1.0)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the checker and the database say."""

    verdict: Verdict
    findings: Sequence[Finding] = field(default_factory=tuple)
    #: Slots whose owner by the API is not their owner by the rows.
    disagreements: Sequence[str] = field(default_factory=tuple)
    database: str = "not asked"

    @property
    def faults(self) -> list[str]:
        return [
            *map(str, self.verdict.violations),
            *(str(finding) for finding in self.findings if not finding.holds),
            *self.disagreements,
        ]

    @property
    def double_bookings(self) -> int:
        """Slots and times that two own by the rows, or had two owners by what the clients were told."""
        rows = sum(len(found.rows) for found in self.findings if found.invariant in ONE_OWNER)
        return rows + sum(found.promise == "linearizable" for found in self.verdict.violations)

    def __str__(self) -> str:
        held = sum(finding.holds for finding in self.findings)
        rows = (
            f"{held} of {len(self.findings)} invariants hold" if self.findings else "no invariant was asked"
        )
        return f"checker: {self.verdict}\ndatabase ({self.database}): {rows}"


def gather_evidence(
    target: Target, stage: Stage, doctors: Sequence[str], scribe: Scribe, showtimes: Sequence[str] = ()
) -> Evidence:
    """Everything that can be asked once the clients are quiet."""
    whose = [{"doctor_id": each} for each in doctors] + [{"showtime_id": each} for each in showtimes]
    finals = [entry for each in whose for entry in stage.final_reads(**each)]
    for entry in finals:
        scribe.write(entry)
    verdict = judge(scribe.entries, ALLOWANCES)
    if target.database_url is None:
        return Evidence(verdict)
    with open_database(target.database_url) as database:
        findings, owners = find_broken_invariants(database), live_owners(database)
    kind = target.database_url.partition(":")[0].partition("+")[0]
    return Evidence(verdict, findings, _disagreements(finals, owners), kind)


def _disagreements(finals: Sequence[Entry], owners: Mapping[str, Owners]) -> list[str]:
    shown: dict[str, set[str]] = {}
    for entry in finals:
        names = shown.setdefault(entry.slot or "", set())
        if entry.booking is not None:
            names.add(plain_id(entry.booking))
    found = []
    for slot, names in shown.items():
        rows = owners.get(slot, Owners())
        if not rows.confirmed <= names <= rows.confirmed | rows.holding:
            found.append(f"slot {slot}: the API shows {names or 'nobody'}, the rows say {rows}")
    return found
