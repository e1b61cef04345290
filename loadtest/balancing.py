"""`python -m loadtest.balancing`: who serves the visitors under each policy, with a slow node and without?

Then one node hangs and one is killed under traffic: five seconds later nobody may be sent to it, and no read
may fail. Everything is counted by the clients, from the node's name in each answer."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from loadtest.chi_square import probability, statistic
from loadtest.cluster_view import ask, is_whole, leader_at, nodes_in
from loadtest.history import Outcome
from loadtest.node_faults import node_fault
from loadtest.report import milliseconds, percentile, shown_faults, table
from loadtest.target import NoTarget, Target, add_target_flags, target_of
from loadtest.visitors import Visit, Visitors, failures, served
from loadtest.wire import Wire

POLICIES = ("round_robin", "least_connections", "weighted")
#: Chance alone gives less once in a thousand runs.
_UNLIKELY = 0.001
#: A slow node must get this much less than its equal share at least.
_MEASURABLY_LESS = 0.8
_ROUTED_AWAY_SECONDS = 5.0
_WHOLE_SECONDS = 120.0
_SWITCH_SECONDS = 30.0


class Unready(Exception):
    """The cluster is not whole, or does not do as it is told."""


@dataclass(frozen=True, slots=True)
class Watch:
    """What the clients saw in one stretch of time."""

    policy: str
    slow: str | None
    counts: dict[str, int]
    wanted: dict[str, float | None]
    p95_seconds: float
    failed: int

    @property
    def equal_share(self) -> float:
        return 1 / len(self.counts)

    def share(self, node: str) -> float:
        return self.counts[node] / max(sum(self.counts.values()), 1)

    @property
    def faults(self) -> list[str]:
        found = [f"{self.failed} reads failed under {self.policy}"] if self.failed else []
        if self.slow is None and self.policy == "round_robin":
            chance = probability(statistic(list(self.counts.values())), len(self.counts) - 1)
            if chance < _UNLIKELY:
                found.append(f"the turns are not equal: chance {chance:.2g}")
        if self.slow is not None and self.policy != "round_robin":
            share = self.share(self.slow)
            if share > self.equal_share * _MEASURABLY_LESS:
                found.append(f"{self.slow} is slow and still gets {share:.0%} under {self.policy}")
        return found


@dataclass(frozen=True, slots=True)
class Blow:
    """How long a struck node still got visitors, and what became of the reads after five seconds."""

    name: str
    node: str
    was_leader: bool
    out_after_seconds: float | None
    reads_after: int
    to_it_after: int
    failed_after: int
    failed_before: int

    @property
    def faults(self) -> list[str]:
        found = [] if self.reads_after else [f"nobody read anything after {self.name} {self.node}"]
        if self.to_it_after:
            found.append(f"{self.to_it_after} reads went to {self.node} 5 s after {self.name}")
        if self.failed_after:
            found.append(f"{self.failed_after} reads failed 5 s after {self.name} {self.node}")
        return found


@dataclass(slots=True)
class Proof:
    watches: list[Watch] = field(default_factory=list)
    blows: list[Blow] = field(default_factory=list)

    @property
    def faults(self) -> list[str]:
        of_watches = [fault for each in self.watches for fault in each.faults]
        return of_watches + [fault for each in self.blows for fault in each.faults]


class Operator:
    """Logged in at the balancer."""

    def __init__(self, target: Target) -> None:
        self._target = target
        login = {"email": target.admin_email, "password": target.admin_password}
        self._headers = {"Authorization": f"Bearer {self._post('/api/auth/login', {}, login)['token']}"}

    def choose(self, policy: str) -> None:
        """Returns when nginx has been told."""
        body = {"policy": policy, "reason": "loadtest.balancing"}
        self._post("/api/cluster/balancing", self._headers, body)
        deadline = time.monotonic() + _SWITCH_SECONDS
        while balancing(self._target)["in_force"] != policy:
            if time.monotonic() > deadline:
                raise Unready(f"nginx was not told of {policy} within {_SWITCH_SECONDS:.0f} s")
            time.sleep(0.5)

    def _post(self, path: str, headers: dict[str, str], body: dict[str, str]) -> Any:
        wire = Wire(self._target.base_url)
        answer = wire.send("POST", path, body, headers)
        wire.close()
        if answer.outcome is not Outcome.OK:
            raise Unready(f"POST {path} was answered {answer.status}: {answer.trouble or answer.body}")
        return answer.data


def balancing(target: Target) -> Any:
    found = ask(target.base_url, "/api/cluster/balancing")
    return found or {"in_force": None, "shares": []}


def watch_policies(target: Target, options: argparse.Namespace) -> list[Watch]:
    operator, found = Operator(target), []
    for policy in options.policies:
        for fault in ("none", "slow"):
            _make_whole(target, options)
            operator.choose(policy)
            slow = _a_follower(options) if fault == "slow" else None
            with (
                node_fault(fault, slow or "", options.stack_file),
                Visitors(target, options.clients) as visitors,
            ):
                time.sleep(options.settle)
                visits = visitors.watch(options.seconds)
                wanted = {share["node"]: share["wanted"] for share in balancing(target)["shares"]}
            found.append(_watch(policy, slow, visits, wanted, options))
            print(f"  {policy}, slow: {slow or '-'}: {found[-1].counts}", flush=True)
    operator.choose("round_robin")
    return found


def _watch(
    policy: str,
    slow: str | None,
    visits: list[Visit],
    wanted: dict[str, float | None],
    options: argparse.Namespace,
) -> Watch:
    counts = served(visits)
    nodes = [node.id for node in nodes_in(options.stack_file)]
    took = [visit.ended - visit.began for visit in visits]
    return Watch(
        policy, slow, {node: counts[node] for node in nodes}, wanted, percentile(took, 0.95), failures(visits)
    )


def strike(target: Target, options: argparse.Namespace, name: str, *, at_leader: bool) -> Blow:
    """Under traffic, for some seconds after the five."""
    _make_whole(target, options)
    node = _leader(options) if at_leader else _a_follower(options)
    with Visitors(target, options.clients) as visitors:
        time.sleep(3.0)
        struck = time.monotonic()
        with node_fault(name, node, options.stack_file):
            out = _seconds_until_out(target, node, struck)
            time.sleep(max(0.0, struck + _ROUTED_AWAY_SECONDS + options.seconds - time.monotonic()))
            ended = time.monotonic()
    after = visitors.between(struck + _ROUTED_AWAY_SECONDS, ended)
    blow = Blow(
        name,
        node,
        at_leader,
        out,
        len(after),
        served(after)[node],
        failures(after),
        failures(visitors.between(struck, struck + _ROUTED_AWAY_SECONDS)),
    )
    print(f"  {name} {node}: {blow}", flush=True)
    return blow


def _seconds_until_out(target: Target, node: str, struck: float) -> float | None:
    """Until the balancer's list no longer sends anybody there."""
    while time.monotonic() < struck + 20:
        shares = balancing(target)["shares"]
        if shares and not any(share["node"] == node and share["weight"] for share in shares):
            return time.monotonic() - struck
        time.sleep(0.1)
    return None


def _make_whole(target: Target, options: argparse.Namespace) -> None:
    """All nodes are up, and visitors are sent to all of them."""
    deadline = time.monotonic() + _WHOLE_SECONDS
    wanted = {node.id for node in nodes_in(options.stack_file)}
    while time.monotonic() < deadline:
        listed = {share["node"] for share in balancing(target)["shares"] if share["weight"]}
        if listed == wanted and is_whole(nodes_in(options.stack_file)):
            return
        time.sleep(0.5)
    raise Unready(f"not all nodes were up and served within {_WHOLE_SECONDS:.0f} s")


def _leader(options: argparse.Namespace) -> str:
    found = leader_at(nodes_in(options.stack_file)[0].url)
    if found is None:
        raise Unready("nobody leads")
    return found.node


def _a_follower(options: argparse.Namespace) -> str:
    leader = _leader(options)
    return next(node.id for node in reversed(nodes_in(options.stack_file)) if node.id != leader)


def report(proof: Proof) -> str:
    heads = ["policy", "slow", "node", "requests", "served", "wanted", "p95 ms", "chi-square (p)"]
    rows = [row for watch in proof.watches for row in _rows(watch)]
    blow_heads = [
        "blow",
        "node",
        "leads",
        "out of the list s",
        "reads after 5 s",
        "to it",
        "failed",
        "failed before",
    ]
    return "\n".join(
        [
            table(heads, rows),
            "",
            table(blow_heads, [_blow_row(blow) for blow in proof.blows]),
            *shown_faults(proof.faults),
            "FAILED" if proof.faults else "every share and every blow as promised",
        ]
    )


def _rows(watch: Watch) -> list[list[object]]:
    rows: list[list[object]] = []
    found = statistic(list(watch.counts.values()))
    chance = probability(found, len(watch.counts) - 1)
    for node, count in watch.counts.items():
        wanted = watch.wanted.get(node)
        first = not rows
        rows.append(
            [
                watch.policy if first else "",
                "yes" if node == watch.slow else "",
                node,
                count,
                f"{watch.share(node):.1%}",
                "-" if wanted is None else f"{wanted:.1%}",
                milliseconds(watch.p95_seconds) if first else "",
                f"{found:.2f} ({chance:.2g})" if first else "",
            ]
        )
    return rows


def _blow_row(blow: Blow) -> list[object]:
    out = "-" if blow.out_after_seconds is None else f"{blow.out_after_seconds:.2f}"
    leads = "yes" if blow.was_leader else "no"
    counts = [blow.reads_after, blow.to_it_after, blow.failed_after, blow.failed_before]
    return [blow.name, blow.node, leads, out, *counts]


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    try:
        target = target_of(options)
        proof = Proof()
        proof.watches = watch_policies(target, options) if options.policies else []
        for name in options.blows:
            for at_leader in (False, True):
                proof.blows.append(strike(target, options, name, at_leader=at_leader))
    except (NoTarget, Unready) as trouble:
        print(trouble, file=sys.stderr)
        return 2
    print(report(proof))
    return 1 if proof.faults else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m loadtest.balancing", description=__doc__)
    add_target_flags(parser)
    parser.add_argument("--policies", nargs="*", choices=POLICIES, default=list(POLICIES))
    parser.add_argument("--blows", nargs="*", choices=("kill", "stop"), default=["kill", "stop"])
    parser.add_argument("--clients", type=int, default=6)
    parser.add_argument("--settle", type=float, default=25.0, help="seconds before counting")
    parser.add_argument("--seconds", type=float, default=15.0, help="seconds of counting")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
