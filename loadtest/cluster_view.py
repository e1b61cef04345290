"""What an outsider sees of the cluster: nodes, leader and history of terms, through the nodes' own API."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loadtest.history import Outcome
from loadtest.wire import Wire

_LOOK_SECONDS = 1.0
_POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class NodeOfStack:
    """A node the stack runs; its pid leads the group of all its processes."""

    id: str
    url: str
    pid: int


@dataclass(frozen=True, slots=True)
class Leader:
    node: str
    epoch: int


def nodes_in(stack_file: Path) -> list[NodeOfStack]:
    """Read anew each time: a node that was started again has another pid."""
    stack: dict[str, Any] = json.loads(stack_file.read_text(encoding="utf-8"))
    return [NodeOfStack(node["id"], node["url"], int(node["pid"])) for node in stack.get("nodes", ())]


def ask(url: str, path: str) -> Any | None:
    """The data of an answer, or None when there is none soon."""
    wire = Wire(url, _LOOK_SECONDS)
    try:
        answer = wire.send("GET", path, None, {})
        return answer.data if answer.outcome is Outcome.OK else None
    finally:
        wire.close()


def leader_at(url: str) -> Leader | None:
    """Who leads, as the node behind this address sees it."""
    servers = ask(url, "/api/servers") or []
    return next((Leader(each["id"], each["epoch"]) for each in servers if each["is_leader"]), None)


def is_whole(nodes: list[NodeOfStack]) -> bool:
    """Whether every node answers, sees all others up and agrees with them on the leader."""
    views = [ask(node.url, "/api/servers") for node in nodes]
    wanted = {node.id for node in nodes}
    leaders = set()
    for view in views:
        up = {server["id"] for server in view or [] if server["status"] == "up"}
        if not wanted <= up:
            return False
        leaders.add(next((each["id"] for each in view or [] if each["is_leader"]), None))
    return len(leaders) == 1 and None not in leaders


def wait_for_successor(nodes: list[NodeOfStack], old: Leader, seconds: float) -> Leader | None:
    """The first leader of a later epoch that any of these nodes shows; None when there is none in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for node in nodes:
            found = leader_at(node.url)
            if found is not None and found.epoch > old.epoch:
                return found
        time.sleep(_POLL_SECONDS)
    return None


def wait_until_replaced(stack_file: Path, node: NodeOfStack, seconds: float) -> bool:
    """Whether the stack has started the node again; until it is gone it still answers like a live one."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if any(each.id == node.id and each.pid != node.pid for each in nodes_in(stack_file)):
            return True
        time.sleep(_POLL_SECONDS)
    return False


def wait_until_whole(stack_file: Path, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if is_whole(nodes_in(stack_file)):
            return True
        time.sleep(0.25)
    return False


def was_fenced(nodes: Sequence[NodeOfStack], old: Leader, seconds: float) -> bool:
    """Whether a write of the old leader was refused and shown to have been."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for node in nodes:
            events = (ask(node.url, "/api/election?limit=200") or {}).get("events", [])
            fenced = {(event["node"], event["epoch"]) for event in events if event["name"] == "leader.fenced"}
            if (old.node, old.epoch) in fenced:
                return True
        time.sleep(0.25)
    return False
