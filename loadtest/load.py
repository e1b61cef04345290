"""One load run: set the stage, let locust play, then judge what the clients were told."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from loadtest.contest import Contest, judge_contest
from loadtest.history import Entry, Outcome, Scribe, read_history
from loadtest.plan import PLAN_VARIABLE, Plan, open_the_halls, set_the_stage
from loadtest.stage import Stage
from loadtest.target import Target
from loadtest.verdict import Evidence, gather_evidence

LOCUSTFILE = Path(__file__).parent / "locustfile.py"

#: Bounds of what one command may do.
MOST_USERS = 2000
MOST_SECONDS = 3600
#: A run that contested nothing, or booked nothing, proves nothing.
FEWEST_CONTESTS = 1

_ROUND_SECONDS = 2.0
_STOP_SECONDS = 10
_FIELD_SLOTS_A_DOCTOR = 336


class LocustFailed(Exception):
    """Locust did not run to its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadOrder:
    """What to run."""

    users: int
    seconds: int
    profile: str
    seed: int
    directory: Path
    #: Whether users talk to the balancer alone, as visitors do, or to every node too.
    all_doors: bool = False


@dataclass(slots=True)
class LoadResult:
    """What came of it."""

    order: LoadOrder
    entries: list[Entry]
    contests: list[Contest]
    evidence: Evidence
    locust_seconds: float

    @property
    def faults(self) -> list[str]:
        found = [f"slot {c.subject}: {fault}" for c in self.contests for fault in c.faults]
        broken = [entry for entry in self.entries if (entry.status or 0) >= 500]
        if broken:
            found.append(f"{len(broken)} answers with a 5xx, such as {broken[0].f}: {broken[0].message}")
        if len([contest for contest in self.contests if contest.contenders > 1]) < FEWEST_CONTESTS:
            found.append("no slot was contested: the run proves nothing")
        if not any(entry.f == "book" and entry.out is Outcome.OK for entry in self.entries):
            found.append("nothing was booked: the run proves nothing")
        return found + self.evidence.faults


def run_load(target: Target, order: LoadOrder, tell: Callable[[str], None] = print) -> LoadResult:
    """Runs locust for the ordered time and gathers the evidence."""
    order.directory.mkdir(parents=True, exist_ok=True)
    history = order.directory / f"load-{time.strftime('%Y%m%dT%H%M%S')}.jsonl"
    history.unlink(missing_ok=True)
    stage = Stage(target)
    try:
        plan = _plan(target, order, stage, history)
        slots = sum(map(len, plan.field.values()))
        seats = sum(map(len, plan.halls.values()))
        rushes = len(plan.contested)
        tell(f"{len(plan.doctors)} doctors, {slots} slots, {seats} seats, {rushes} slots to rush for")
        tell(f"{order.users} users for {order.seconds} s ({order.profile}), history in {history}")
        began = time.monotonic()
        _run_locust(plan, order)
        locust_seconds = time.monotonic() - began
        entries = read_history(history)
        contests = _contests(plan, entries)
        with Scribe(history, "final") as scribe:
            scribe.entries = list(entries)
            evidence = gather_evidence(target, stage, plan.doctors, scribe, list(plan.halls))
    finally:
        stage.close()
    return LoadResult(order, entries, contests, evidence, locust_seconds)


def _plan(target: Target, order: LoadOrder, stage: Stage, history: Path) -> Plan:
    rounds = math.ceil(order.seconds / _ROUND_SECONDS) + 2
    # About two claims a second of each user, more than it makes, so that free slots remain.
    doctors = min(12, 1 + order.users * order.seconds // _FIELD_SLOTS_A_DOCTOR)
    label = f"{os.getpid()}-{time.strftime('%H%M%S')}"
    all_doctors, places, contested = set_the_stage(stage, label=label, doctors=doctors, rounds=rounds)
    field: dict[str, list[str]] = {}
    for place in places:
        field.setdefault(place.doctor, []).append(place.id)
    return Plan(
        history=str(history.resolve()),
        seed=order.seed,
        profile=order.profile,
        doors=list(target.doors if order.all_doors else target.doors[:1]),
        round_seconds=_ROUND_SECONDS,
        doctors=all_doctors,
        days=sorted({place.day for place in places}),
        client_headers=stage.client_headers,
        field=field,
        contested=[place.id for place in contested],
        halls=open_the_halls(stage, label),
    )


def _run_locust(plan: Plan, order: LoadOrder) -> None:
    log = order.directory / "locust.log"
    with tempfile.TemporaryDirectory(prefix="oneslot-load-") as directory, log.open("w") as out:
        plan_file = Path(directory) / "plan.json"
        plan.write(plan_file)
        # The package is found from wherever the command was started.
        root = str(LOCUSTFILE.parents[1])
        environment = {**os.environ, PLAN_VARIABLE: str(plan_file), "PYTHONPATH": root}
        command = [
            sys.executable,
            "-m",
            "locust",
            "--headless",
            "--only-summary",
            "--locustfile",
            str(LOCUSTFILE),
        ]
        command += ["--host", plan.doors[0], "--users", str(order.users), "--spawn-rate", str(order.users)]
        command += [
            "--run-time",
            f"{order.seconds}s",
            "--stop-timeout",
            str(_STOP_SECONDS),
            "--exit-code-on-error",
            "0",
        ]
        try:
            done = subprocess.run(
                command, env=environment, stdout=out, stderr=out, timeout=order.seconds + 60, check=False
            )
        except subprocess.TimeoutExpired as late:
            raise LocustFailed(f"locust did not end in time; see {log}") from late
    if done.returncode != 0:
        raise LocustFailed(f"locust ended with {done.returncode}; see {log}")


def _contests(plan: Plan, entries: list[Entry]) -> list[Contest]:
    """What happened on each slot that was rushed for."""
    contests = []
    for slot in plan.contested:
        claims = [entry for entry in entries if entry.slot == slot and entry.f in ("hold", "book")]
        last = {entry.key: entry for entry in claims}
        if last:
            contests.append(judge_contest(slot, list(last.values())))
    return contests
