"""`python -m loadtest.failover`: strike the leader again and again while people book, and measure the way
back.

SIGKILL and SIGSTOP strike the node's whole process group at once, SIGTERM asks it to go. The time counts
from the blow to the first other node that shows a leader of a later epoch. A struck node is started again
by its stack, a stopped one wakes after its successor has begun; then its writes must be refused."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from loadtest.bookers import Bookers, success_of
from loadtest.campaign import Campaign, report
from loadtest.copies import wait_for_quiet, wait_until_no_hold
from loadtest.faults import FAULTS, fault
from loadtest.history import Scribe
from loadtest.stage import Stage, StageFailed, tomorrow
from loadtest.strikes import BLOWS, Round, Unready, leader_of, strike, wait_until_all_are_up
from loadtest.target import NoTarget, Target, add_target_flags, target_of
from loadtest.terms import judge_terms
from loadtest.verdict import gather_evidence


def run(target: Target, options: argparse.Namespace, fault_name: str) -> Campaign:
    """Every blow so many times while people book, and the judges afterwards."""
    campaign = Campaign(fault_name)
    history = options.directory / f"failover-{fault_name}-{time.strftime('%Y%m%dT%H%M%S')}.jsonl"
    stage = Stage(target)
    doctor = stage.new_doctor(f"failover-{os.getpid()}-{fault_name}")
    slots = [place.id for place in stage.new_slots(doctor, first_day=tomorrow(), days=7, minutes=10)]
    first_epoch = leader_of(options.stack_file).epoch
    with Scribe(history) as scribe:
        bookers = Bookers(target, slots, scribe, options.clients, options.seed, stage.client_headers)
        bookers.start()
        try:
            with fault(fault_name, target):
                _strike_on(campaign, options)
            wait_until_all_are_up(options.stack_file)
        finally:
            bookers.stop()
        wait_until_no_hold(target)
        campaign.quiet = wait_for_quiet(target.node_urls)
        campaign.entries = tuple(scribe.entries)
        campaign.success = success_of(campaign.entries)
        campaign.evidence = gather_evidence(target, stage, [doctor], scribe)
    stage.close()
    campaign.leadership = judge_terms(target, first_epoch)
    return campaign


def _strike_on(campaign: Campaign, options: argparse.Namespace) -> None:
    for number in range(options.times):
        for blow in options.blows:
            campaign.rounds.append(strike(options.stack_file, blow))
            print(_told(number + 1, campaign.rounds[-1]), flush=True)


def _told(number: int, found: Round) -> str:
    new = found.new
    told = f"{new.node} leads in epoch {new.epoch}" if new else "nobody leads"
    old = f"{found.old.node} (epoch {found.old.epoch})"
    return f"  {time.strftime('%H:%M:%S')} {found.blow} {number}: {old} -> {told} after {found.seconds:.2f} s"


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    began = time.monotonic()
    try:
        target = target_of(options)
        campaigns = []
        for name in options.faults:
            print(f"{options.times} times each of {', '.join(options.blows)}, fault {name}", flush=True)
            campaigns.append(run(target, options, name))
    except (NoTarget, StageFailed, Unready) as trouble:
        print(trouble, file=sys.stderr)
        return 2
    print(*(report(campaign) for campaign in campaigns), sep="\n\n")
    faults = [found for campaign in campaigns for found in campaign.faults]
    print(f"\n{time.monotonic() - began:.0f} s in all;", "FAILED" if faults else "everything as promised")
    return 1 if faults else 0


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
