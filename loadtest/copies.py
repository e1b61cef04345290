"""Whether all copies of the slots equal the database, as the nodes themselves say by digest."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from loadtest.cluster_view import ask
from loadtest.invariants import open_database
from loadtest.target import Target

PROMISED_QUIET_SECONDS = 20.0
#: Two minutes by default, and some for the sweep.
LONGEST_HOLD_SECONDS = 150.0
_POLL_SECONDS = 0.25


@dataclass(slots=True)
class Quiet:
    """The copies after the load: how long until all were equal (None: too long), and what each node said."""

    seconds: float | None
    nodes: list[dict[str, Any]] = field(default_factory=list)

    @property
    def faults(self) -> list[str]:
        late = f"the copies did not equal the database within {PROMISED_QUIET_SECONDS:g} s"
        found = [late] if self.seconds is None else []
        return found + [
            f"{node['node']} noticed {copy['divergences']} divergences"
            for node in self.nodes
            for copy in copies_of(node)
            if copy["divergences"]
        ]

    def __str__(self) -> str:
        return "not equal in time" if self.seconds is None else f"equal after {self.seconds:.1f} s of quiet"


def wait_until_no_hold(target: Target) -> None:
    """Holds that nobody finished lapse one by one, and each changes a slot: quiet begins after the last."""
    if target.database_url is None:
        return
    deadline = time.monotonic() + LONGEST_HOLD_SECONDS
    with open_database(target.database_url) as database:
        while database("SELECT 1 FROM slots WHERE state = 'HELD'") and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)


def wait_for_quiet(doors: Sequence[str]) -> Quiet:
    """Until every node says that all nodes' copies equal the database."""
    began = time.monotonic()
    nodes: list[dict[str, Any]] = []
    while time.monotonic() - began < PROMISED_QUIET_SECONDS:
        views = [ask(door, "/api/replicas") for door in doors]
        there = [view for view in views if view]
        if len(there) == len(doors) and all(_is_equal(view, len(doors)) for view in there):
            return Quiet(time.monotonic() - began, there[0]["nodes"])
        nodes = there[0]["nodes"] if there else nodes
        time.sleep(_POLL_SECONDS)
    return Quiet(None, nodes)


def copies_of(node: dict[str, Any]) -> list[dict[str, Any]]:
    """The coordinator's, and those of the web workers."""
    return [node, *node["workers"].values()]


def _is_equal(view: dict[str, Any], nodes: int) -> bool:
    database = view["database"]
    if not database or not database["is_complete"] or len(view["nodes"]) < nodes:
        return False
    copies = [copy for node in view["nodes"] for copy in copies_of(node)]
    return all(copy["digest"] == database["digest"] for copy in copies)
