"""One blow at the leader of a whole cluster: who was struck, who leads afterwards, how long it took."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

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

BLOWS = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP, "term": signal.SIGTERM}
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
    #: When the blow fell, by the clock of the histories.
    struck_at: float = 0.0


def strike(stack_file: Path, blow: str) -> Round:
    """SIGKILL and SIGSTOP strike the node's whole group, SIGTERM asks it to go; returns when it is back.

    Raises Unready when the cluster was not whole, or the struck node does not come back."""
    old = leader_of(stack_file)
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
    fenced = _wake(victim.pid, others, old) if blow == "stop" else None
    if blow != "stop":
        _see_replaced(stack_file, victim)
    return Round(blow, old, new, seconds, fenced, began)


def leader_of(stack_file: Path) -> Leader:
    """Of a cluster that is whole. Raises Unready."""
    wait_until_all_are_up(stack_file)
    leader = leader_at(nodes_in(stack_file)[0].url)
    if leader is None:
        raise Unready("nobody leads")
    return leader


def wait_until_all_are_up(stack_file: Path) -> None:
    """Raises Unready."""
    if not wait_until_whole(stack_file, _WHOLE_SECONDS):
        raise Unready(f"the nodes did not agree that all are up within {_WHOLE_SECONDS:.0f} s")


def _wake(pid: int, others: Sequence[NodeOfStack], old: Leader) -> bool:
    time.sleep(_SLEEP_ON_SECONDS)
    os.killpg(pid, signal.SIGCONT)
    return was_fenced(others, old, _FENCED_SECONDS)


def _see_replaced(stack_file: Path, victim: NodeOfStack) -> None:
    """Otherwise the next blow would strike a cluster that only looks whole."""
    if not wait_until_replaced(stack_file, victim, _WHOLE_SECONDS):
        raise Unready(f"{victim.id} was not started again within {_WHOLE_SECONDS:.0f} s")
