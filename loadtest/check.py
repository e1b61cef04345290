"""Judges a history: one owner per slot at a time, nothing acknowledged lost, one result per key, fences rise.

`python -m loadtest.check FILE` judges a recorded run again."""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from loadtest.history import Entry, Outcome, read_history
from loadtest.linearizability import Answer, explain, shortest_unexplained
from loadtest.operations import ACTING, CLAIMS, Act, Operation, operations_of
from loadtest.slot_model import Allowances

_SHOWN_OPERATIONS = 6
_GRANTING = frozenset({Act.BOOK, Act.CONFIRM, Act.ARRIVE})
_ENDING = frozenset({Act.CANCEL, Act.RELEASE, Act.LEAVE})


@dataclass(frozen=True, slots=True)
class Violation:
    """A promise the history shows broken."""

    promise: str
    subject: str
    detail: str

    def __str__(self) -> str:
        return f"{self.promise}: {self.subject}: {self.detail}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the checker says of a history, and how much it looked at."""

    violations: tuple[Violation, ...]
    operations: int
    slots: int
    keys: int

    @property
    def is_good(self) -> bool:
        return not self.violations

    def __str__(self) -> str:
        told = "no violation" if self.is_good else f"{len(self.violations)} VIOLATIONS"
        return f"{self.operations} operations on {self.slots} slots under {self.keys} keys: {told}"


def judge(entries: Sequence[Entry], allowances: Allowances) -> Verdict:
    """Runs every pass over a history."""
    operations = operations_of(entries)
    slots: dict[str, list[Operation]] = defaultdict(list)
    for op in operations:
        slots[op.slot].append(op)
    violations = [
        *one_result_per_key(entries),
        *(found for ops in slots.values() for found in one_owner_at_a_time(ops, allowances)),
        *(found for ops in slots.values() for found in fences_rise(ops)),
        *(found for ops in slots.values() for found in nothing_acknowledged_is_lost(ops)),
    ]
    keys = {entry.key for entry in entries if entry.key is not None}
    return Verdict(tuple(violations), len(operations), len(slots), len(keys))


def one_owner_at_a_time(operations: Sequence[Operation], allowances: Allowances) -> list[Violation]:
    """Linearizability of one slot, holds and their deadlines included."""
    answer = explain(operations, allowances)
    if answer is Answer.EXPLAINED:
        return []
    subject = f"slot {operations[0].slot}"
    if answer is Answer.UNDECIDED:
        return [Violation("linearizable", subject, "too many orders to search; not decided")]
    short = shortest_unexplained(operations, allowances)
    told = "; ".join(str(op) for op in short[:_SHOWN_OPERATIONS])
    more = f"; and {len(short) - _SHOWN_OPERATIONS} more" if len(short) > _SHOWN_OPERATIONS else ""
    return [Violation("linearizable", subject, f"no order explains: {told}{more}")]


def one_result_per_key(entries: Iterable[Entry]) -> list[Violation]:
    """All answers under one Idempotency-Key are the same, and all but one say that they are replays."""
    answers: dict[tuple[str, str], list[Entry]] = defaultdict(list)
    for entry in entries:
        if entry.key is not None and entry.f in ACTING and entry.out is not Outcome.INFO:
            answers[(entry.f, entry.key)].append(entry)
    return [found for (_, key), told in answers.items() for found in _broken_key(key, told)]


def _broken_key(key: str, told: Sequence[Entry]) -> list[Violation]:
    results = {
        (entry.out, entry.booking, entry.code, entry.reason) for entry in told if entry.code != "RATE_LIMITED"
    }
    if len(results) > 1:
        shown = " / ".join(sorted(" ".join(map(str, filter(None, result))) for result in results)[:3])
        return [Violation("one result per key", key, f"{len(results)} different results, such as {shown}")]
    first = [entry for entry in told if entry.out is Outcome.OK and not entry.replayed]
    if len(first) > 1:
        return [Violation("one result per key", key, f"done {len(first)} times: {[e.op for e in first]}")]
    return []


def fences_rise(operations: Iterable[Operation]) -> list[Violation]:
    """A claim that began after another was acknowledged carries the higher fence; no two share one."""
    claims = [op for op in operations if op.act in CLAIMS and op.out is Outcome.OK and op.fence is not None]
    claims.sort(key=lambda op: op.start)
    wrong = [
        (a, b)
        for a, b in combinations(claims, 2)
        if _fence(a) == _fence(b) or (a.end < b.start and _fence(a) > _fence(b))
    ]
    return [
        Violation(
            "fences rise",
            f"slot {a.slot}",
            f"{len(wrong)} pairs do not, first {a.fence}, {b.fence}: {a}; {b}",
        )
        for a, b in wrong[:1]
    ]


def _fence(op: Operation) -> int:
    if op.fence is None:
        raise AssertionError("only claims with a fence are compared")
    return op.fence


def nothing_acknowledged_is_lost(operations: Sequence[Operation]) -> list[Violation]:
    """Every booking a client was told is confirmed, and that nobody tried to end, is in the final state."""
    reads = [op for op in operations if op.act is Act.READ]
    if not reads:
        return []
    final = {op.booking for op in reads}
    ended = {op.booking for op in operations if op.act in _ENDING and op.out is not Outcome.FAIL}
    granted = [op for op in operations if op.act in _GRANTING and op.out is Outcome.OK]
    return [
        Violation(
            "nothing acknowledged is lost", f"slot {op.slot}", f"{op.booking} was granted, final: {final}"
        )
        for op in granted
        if op.booking not in final and op.booking not in ended
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m loadtest.check", description=__doc__)
    parser.add_argument("history", type=Path)
    parser.add_argument("--hold-seconds", type=float, default=120.0)
    parser.add_argument("--clock-tolerance", type=float, default=1.0)
    parser.add_argument("--stale-refusal", type=float, default=1.0)
    options = parser.parse_args(arguments)
    allowances = Allowances(options.hold_seconds, options.clock_tolerance, options.stale_refusal)
    verdict = judge(read_history(options.history), allowances)
    for violation in verdict.violations:
        print(violation)
    print(verdict)
    return 0 if verdict.is_good else 1


if __name__ == "__main__":
    sys.exit(main())
