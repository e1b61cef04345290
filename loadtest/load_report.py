"""What a load run showed, for people: rates, waits, and contested slots with what its losers were told."""

from __future__ import annotations

import os
import platform
from collections import Counter
from collections.abc import Sequence

from loadtest.history import Entry, Outcome
from loadtest.load import LoadResult
from loadtest.report import milliseconds, percentile, shown_faults, table

_READS = ("doctors", "availability", "slots", "movies", "seat map")
_WRITES = ("book", "hold", "extend", "confirm", "release", "cancel", "reschedule", "best", "add", "drop")
_SHOWN_CONTESTS = 15


def load_report(result: LoadResult) -> str:
    """Everything a person needs to believe or doubt the run."""
    return "\n\n".join([_rates(result), _waits(result.entries), _contested(result), _judgement(result)])


def _rates(result: LoadResult) -> str:
    answered = [entry for entry in result.entries if entry.t_ret is not None]
    began = min(entry.t_inv for entry in result.entries)
    seconds = max(entry.t_ret or began for entry in answered) - began
    granted = [e for e in answered if e.out is Outcome.OK and not e.replayed and e.f in ("book", "confirm")]
    replays = sum(entry.replayed for entry in answered)
    nodes = Counter(entry.node or "nobody" for entry in answered)
    spread = ", ".join(f"{node} {share}" for node, share in sorted(nodes.items()))
    return "\n".join(
        [
            f"{len(granted) / seconds:.1f} bookings/s, {len(answered) / seconds:.1f} requests/s"
            f" over {seconds:.1f} s, {replays} replays",
            f"answered by: {spread}",
            f"clients and servers shared {os.cpu_count()} cores ({platform.machine()}, Python"
            f" {platform.python_version()}); users pause between requests, so this is not the most it can do",
        ]
    )


def _waits(entries: Sequence[Entry]) -> str:
    heads = ["operation", "calls", "ok", "refused", "unknown", "p50 ms", "p95 ms", "p99 ms", "max ms"]
    rows = []
    for f in _READS + _WRITES:
        calls = [entry for entry in entries if entry.f == f]
        waits = [entry.t_ret - entry.t_inv for entry in calls if entry.t_ret is not None]
        if not waits:
            continue
        outs = Counter(entry.out for entry in calls)
        marks = [milliseconds(percentile(waits, share)) for share in (0.5, 0.95, 0.99, 1.0)]
        rows.append([f, len(calls), outs[Outcome.OK], outs[Outcome.FAIL], outs[Outcome.INFO], *marks])
    return table(heads, rows)


def _contested(result: LoadResult) -> str:
    heads = ["contested slot", "contenders", "winners", "losers were told", "verdict"]
    rows = [
        [
            contest.subject,
            contest.contenders,
            len(contest.winners),
            ", ".join(f"{count} x {reason}" for reason, count in sorted(contest.told.items())) or "-",
            "ok" if not contest.faults else contest.faults[0],
        ]
        for contest in result.contests
    ]
    # What went wrong is shown whatever else is left out.
    rows.sort(key=lambda row: row[-1] == "ok")
    more = f"\n... and {len(rows) - _SHOWN_CONTESTS} more" if len(rows) > _SHOWN_CONTESTS else ""
    messages = {reason: entry.message for entry in result.entries if (reason := entry.reason)}
    read = "".join(f"\n{reason} reads: {message!r}" for reason, message in sorted(messages.items()))
    return table(heads, rows[:_SHOWN_CONTESTS]) + more + read


def _judgement(result: LoadResult) -> str:
    fair = sum(not contest.faults for contest in result.contests)
    lines = [
        f"{fair} of {len(result.contests)} contested slots have exactly one winner",
        str(result.evidence),
    ]
    lines += shown_faults(result.faults)
    lines.append("PASSED" if not result.faults else "FAILED")
    return "\n".join(lines)
