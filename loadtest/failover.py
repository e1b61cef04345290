"""`python -m loadtest.failover`: strike the leader again and again while people book, and measure the way
back.

SIGKILL and SIGSTOP strike the node's whole process group at once, SIGTERM asks it to go. The time counts
from the blow to the first other node that shows a leader of a later epoch. A struck node is started again
by its stack, a stopped one wakes after its successor has begun; then its writes must be refused."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from loadtest.bookers import Bookers, Success, success_of
from loadtest.cluster_view import (
    Leader,
    NodeOfStack,
    leader_at,
    nodes_in,
    wait_for_successor,
    wait_until_replaced,
    wait_until_whole,
    was_fenced,
)
from loadtest.copies import Quiet, wait_for_quiet, wait_until_no_hold
from loadtest.faults import FAULTS, fault
from loadtest.history import Scribe
from loadtest.report import percentile, shown_faults, table
from loadtest.stage import Stage, StageFailed, tomorrow
from loadtest.target import NoTarget, Target, add_target_flags, target_of
from loadtest.terms import Leadership, judge_terms
from loadtest.verdict import Evidence, gather_evidence

BLOWS = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP, "term": signal.SIGTERM}
#: The promise: p99 of the way to a new leader, and of a planned hand-over.
PROMISED_SECONDS = {"kill": 8.0, "stop": 8.0, "term": 1.0}
PROMISED_SUCCESS = 0.99
_GIVE_UP_SECONDS = 30.0
_WHOLE_SECONDS = 90.0
_SLEEP_ON_SECONDS = 1.5
_FENCED_SECONDS = 15.0


class Unready(Exception):
    """The cluster is not whole, so striking it would prove nothing."""


@dataclass(frozen=True, slots=True)
class Round:
    """One blow and what came of it."""

    blow: str
    old: Leader
    new: Leader | None
    seconds: float
    was_fenced: bool | None = None  # asked only of a leader that woke


@dataclass(slots=True)
class Campaign:
    """All rounds of one run and the evidence afterwards."""

    fault: str
    rounds: list[Round] = field(default_factory=list)
    success: Success = field(default_factory=lambda: Success(0, 0, 0, 0))
    evidence: Evidence | None = None
    leadership: Leadership | None = None
    quiet: Quiet | None = None

    @property
    def faults(self) -> list[str]:
        found = [
            f"no new leader within {r.seconds:.0f} s of {r.blow} {r.old.node}"
            for r in self.rounds
            if not r.new
        ]
        found += [
            f"{r.old.node} woke in epoch {r.old.epoch} and no refusal was shown"
            for r in self.rounds
            if r.was_fenced is False
        ]
        for blow in {each.blow for each in self.rounds}:
            worst = percentile([each.seconds for each in self.rounds if each.blow == blow], 0.99)
            if worst > PROMISED_SECONDS[blow]:
                found.append(f"p99 after {blow} is {worst:.2f} s, promised are {PROMISED_SECONDS[blow]:g} s")
        if self.success.wish_share < PROMISED_SUCCESS:
            found.append(f"only {self.success.wish_share:.2%} of the wishes were decided")
        found += self.evidence.faults if self.evidence else ["no evidence was gathered"]
        found += self.quiet.faults if self.quiet else ["no copy was compared"]
        return [*found, *(self.leadership.faults if self.leadership else ["no term was judged"])]


def run(target: Target, options: argparse.Namespace, fault_name: str) -> Campaign:
    campaign = Campaign(fault_name)
    history = options.directory / f"failover-{fault_name}-{time.strftime('%Y%m%dT%H%M%S')}.jsonl"
    stage = Stage(target)
    doctor = stage.new_doctor(f"failover-{os.getpid()}-{fault_name}")
    slots = [place.id for place in stage.new_slots(doctor, first_day=tomorrow(), days=7, minutes=10)]
    first_epoch = _leader_of(options.stack_file).epoch
    with Scribe(history) as scribe:
        bookers = Bookers(target, slots, scribe, options.clients, options.seed, stage.client_headers)
        bookers.start()
        try:
            with fault(fault_name, target):
                for number in range(options.times):
                    for blow in options.blows:
                        campaign.rounds.append(_strike(options.stack_file, blow, number + 1))
        finally:
            bookers.stop()
        wait_until_whole(options.stack_file, _WHOLE_SECONDS)
        wait_until_no_hold(target)
        campaign.quiet = wait_for_quiet(target.node_urls)
        campaign.success = success_of(scribe.entries)
        campaign.evidence = gather_evidence(target, stage, [doctor], scribe)
    stage.close()
    campaign.leadership = judge_terms(target, first_epoch)
    return campaign


def _strike(stack_file: Path, blow: str, number: int) -> Round:
    old = _leader_of(stack_file)
    nodes = nodes_in(stack_file)
    victim = next(node for node in nodes if node.id == old.node)
    others = [node for node in nodes if node.id != old.node]
    began = time.monotonic()
    if blow == "term":
        os.kill(victim.pid, signal.SIGTERM)
    else:
        os.killpg(victim.pid, BLOWS[blow])
    new = wait_for_successor(others, old, _GIVE_UP_SECONDS)
    seconds = time.monotonic() - began
    fenced = None
    if blow == "stop":
        fenced = _wake(victim.pid, others, old)
    else:
        _see_replaced(stack_file, victim)
    told = f"{new.node} leads in epoch {new.epoch}" if new else "nobody leads"
    print(f"  {blow} {number}: {old.node} (epoch {old.epoch}) -> {told} after {seconds:.2f} s", flush=True)
    return Round(blow, old, new, seconds, fenced)


def _wake(pid: int, others: list, old: Leader) -> bool:  # type: ignore[type-arg]
    time.sleep(_SLEEP_ON_SECONDS)
    os.killpg(pid, signal.SIGCONT)
    return was_fenced(others, old, _FENCED_SECONDS)


def _see_replaced(stack_file: Path, victim: NodeOfStack) -> None:
    """Otherwise the next blow would strike a cluster that only looks whole. Raises Unready."""
    if not wait_until_replaced(stack_file, victim, _WHOLE_SECONDS):
        raise Unready(f"{victim.id} was not started again within {_WHOLE_SECONDS:.0f} s")


def _leader_of(stack_file: Path) -> Leader:
    """Of a cluster that is whole. Raises Unready."""
    if not wait_until_whole(stack_file, _WHOLE_SECONDS):
        raise Unready(f"the nodes did not agree that all are up within {_WHOLE_SECONDS:.0f} s")
    leader = leader_at(nodes_in(stack_file)[0].url)
    if leader is None:
        raise Unready("nobody leads")
    return leader


def report(campaign: Campaign) -> str:
    heads = ["blow", "times", "p50 s", "p99 s", "max s", "promised s", "refused after waking"]
    rows = [_row(blow, campaign.rounds) for blow in BLOWS if any(r.blow == blow for r in campaign.rounds)]
    success = campaign.success
    return "\n".join(
        [
            f"fault meanwhile: {campaign.fault}",
            table(heads, rows),
            f"bookings: {success.call_share:.2%} of {success.calls} calls answered, "
            f"{success.wish_share:.2%} of {success.wishes} wishes decided",
            str(campaign.leadership),
            str(campaign.evidence),
            f"copies of the slots: {campaign.quiet}",
            *shown_faults(campaign.faults),
        ]
    )


def _row(blow: str, rounds: Sequence[Round]) -> list[object]:
    struck = [each for each in rounds if each.blow == blow]
    seconds = [each.seconds for each in struck]
    woken = [each for each in struck if each.was_fenced is not None]
    refused = f"{sum(bool(each.was_fenced) for each in woken)} of {len(woken)}" if woken else "-"
    numbers = [
        f"{value:.2f}" for value in (percentile(seconds, 0.5), percentile(seconds, 0.99), max(seconds))
    ]
    return [blow, len(struck), *numbers, f"{PROMISED_SECONDS[blow]:g}", refused]


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    try:
        target = target_of(options)
        campaigns = []
        for name in options.faults:
            print(f"{options.times} times each of {', '.join(options.blows)}, fault {name}", flush=True)
            campaigns.append(run(target, options, name))
    except (NoTarget, StageFailed, Unready) as trouble:
        print(trouble, file=sys.stderr)
        return 2
    for campaign in campaigns:
        print(report(campaign))
    return 1 if any(campaign.faults for campaign in campaigns) else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m loadtest.failover", description=__doc__)
    add_target_flags(parser)
    parser.add_argument("--times", type=int, default=5, help="blows of each kind")
    parser.add_argument("--blows", nargs="+", choices=list(BLOWS), default=list(BLOWS))
    parser.add_argument(
        "--faults", nargs="+", choices=list(FAULTS), default=["none"], help="what else is broken"
    )
    parser.add_argument("--clients", type=int, default=6, help="people who book meanwhile")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--directory", type=Path, default=Path("var/load"), help="where histories go")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
