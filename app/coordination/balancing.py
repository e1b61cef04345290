"""Which node gets which share of the visitors: decided from what the nodes say, written as nginx reads it.

Pure. A wrong decision costs speed at most: nginx passes over a node that cannot be reached, and who gets a
slot is the database's word."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import Enum, StrEnum
from typing import Any
from urllib.parse import urlsplit

from app.algorithms.balancing import Load, weights

#: Reloading costs visitors their idle connections; only who must get nothing cannot wait.
CALM_SECONDS, URGENT_SECONDS = 10.0, 1.0
#: Weights move a little all the time.
SMALLEST_MOVE = 2
HEAD = "# Written by the balancer: "
PLACE = re.compile(r"[A-Za-z0-9.-]{1,200}:[0-9]{1,5}")


class Policy(StrEnum):
    ROUND_ROBIN = "round_robin"
    LEAST_CONNECTIONS = "least_connections"
    WEIGHTED = "weighted"


class Urgency(Enum):
    NONE = "nothing worth a reload"
    CALM = "when the last reload is a while ago"
    URGENT = "now"


@dataclass(frozen=True)
class Share:
    """A node's line; weight 0 while it drains."""

    node: str
    place: str  # host:port
    weight: int


@dataclass(frozen=True)
class Plan:
    policy: Policy
    shares: tuple[Share, ...]

    @property
    def serving(self) -> dict[str, Share]:
        return {share.node: share for share in self.shares if share.weight}

    def wanted(self) -> dict[str, float] | None:
        """The part of all requests each node should get; None where its speed decides."""
        if self.policy is Policy.LEAST_CONNECTIONS:
            return None
        total = sum(share.weight for share in self.shares)
        return {share.node: share.weight / total for share in self.shares}


def decide(policy: Policy, loads: Mapping[str, Load], places: Mapping[str, str], now: float) -> Plan | None:
    """The nodes by weight, equal ones unless the policy weighs; None when nobody could serve."""
    reachable = {node: load for node, load in loads.items() if node in places}
    given = weights(reachable, now)
    if policy is not Policy.WEIGHTED:
        given = {node: min(weight, 1) for node, weight in given.items()}
    listed = [node for node in sorted(given) if given[node] or reachable[node].is_alive]
    plan = Plan(policy, tuple(Share(node, places[node], given[node]) for node in listed))
    return plan if plan.serving else None


def urgency(now: Plan | None, wanted: Plan) -> Urgency:
    """How soon the wanted plan must take the place of the one in force."""
    if now is None:
        return Urgency.CALM
    # By place, so that a node that came back elsewhere does not stay at its old address.
    kept = {share.place for share in wanted.serving.values()}
    if any(share.place not in kept for share in now.serving.values()):
        return Urgency.URGENT
    if now.policy is not wanted.policy or _places(now) != _places(wanted):
        return Urgency.CALM
    before = now.serving
    moves = [abs(share.weight - before[node].weight) for node, share in wanted.serving.items()]
    return Urgency.CALM if max(moves) >= SMALLEST_MOVE else Urgency.NONE


def is_due(urgency: Urgency, seconds_since_last: float) -> bool:
    match urgency:
        case Urgency.NONE:
            return False
        case Urgency.CALM:
            return seconds_since_last >= CALM_SECONDS
        case Urgency.URGENT:
            return seconds_since_last >= URGENT_SECONDS


def place_of(address: str) -> str | None:
    """host:port of a node's address; None for what must not or cannot stand in a server line."""
    try:
        url = urlsplit(address)
        place = f"{url.hostname}:{url.port or 80}"
    except ValueError:
        return None
    return place if url.scheme == "http" and PLACE.fullmatch(place) else None


def render(plan: Plan) -> str:
    """The plan as an nginx upstream block; its first line lets the next balancer read it back."""
    order = ["least_conn"] if plan.policy is Policy.LEAST_CONNECTIONS else []
    lines = [*order, *map(_server, plan.shares)]
    return HEAD + json.dumps(asdict(plan)) + "\n" + upstream("nodes", lines)


def parse(text: str) -> Plan | None:
    """The plan a file was written from; None when it was written by somebody else."""
    first = text.partition("\n")[0]
    try:
        found: Any = json.loads(first.removeprefix(HEAD)) if first.startswith(HEAD) else None
        shares = tuple(Share(str(s["node"]), str(s["place"]), int(s["weight"])) for s in found["shares"])
        return Plan(Policy(found["policy"]), shares)
    except (ValueError, KeyError, TypeError):
        return None


def upstream(name: str, members: Sequence[str]) -> str:
    # A zone makes the workers of nginx share their counting: the turn goes round over all of them.
    lines = [f"zone {name} 128k", *members, "keepalive 64", "keepalive_timeout 60s"]
    body = "".join(f"    {line};\n" for line in lines)
    return f"upstream {name} {{\n{body}}}\n"


def server_line(place: str, *options: str) -> str:
    # nginx counts no failures: when all nodes are slow at once it would leave all of them and answer 503 for
    # everybody. Who is dead is the balancer's to say; a node that refuses is passed over at once anyway.
    return " ".join(("server", place, "max_fails=0", *options))


def _server(share: Share) -> str:
    if not share.weight:
        return f"server {share.place} down"
    return server_line(share.place, *([f"weight={share.weight}"] if share.weight > 1 else []))


def _places(plan: Plan) -> set[tuple[str, str, bool]]:
    return {(share.node, share.place, share.weight > 0) for share in plan.shares}
