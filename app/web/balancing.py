"""The shares the nodes should get and got, from what they say of themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.coordination.balancing import Policy
from app.web.survey import Sight

WINDOW_SECONDS = 60
Document = dict[str, Any]
SILENT = "the coordinator of this node does not answer"


def balancing(sights: Mapping[str, Sight], own: Sight | None) -> Document:
    """As GET /api/cluster/balancing shows it."""
    writer = next((sight for sight in _fresh(sights) if sight.part("balancer").get("is_at_work")), None)
    shown = writer or own
    balancer = shown.part("balancer") if shown else {}
    in_force = balancer.get("in_force") or {}
    weights = {share["node"]: share["weight"] for share in in_force.get("shares", [])}
    wanted = in_force.get("wanted") or {}
    total = sum(sight.part("load").get("requests_last_minute", 0) for sight in sights.values())
    return {
        "policy": balancer.get("policy", Policy.ROUND_ROBIN.value),
        "in_force": in_force.get("policy"),
        "by": writer.node if writer else None,
        "reason": None if writer else balancer.get("reason", SILENT),
        "trouble": balancer.get("trouble"),
        "written_at": balancer.get("written_at"),
        "reloads": balancer.get("reloads", 0),
        "window_seconds": WINDOW_SECONDS,
        "shares": [
            _share(sight, weights.get(node, 0), wanted.get(node), total) for node, sight in sights.items()
        ],
    }


def _fresh(sights: Mapping[str, Sight]) -> list[Sight]:
    return [sight for sight in sights.values() if not sight.is_stale]


def _share(sight: Sight, weight: int, wanted: float | None, total: int) -> Document:
    load = sight.part("load")
    requests = load.get("requests_last_minute", 0)
    return {
        "node": sight.node,
        "status": "silent" if sight.is_stale else own_status(sight),
        "weight": weight,
        "wanted": wanted,
        "served": requests / total if total else None,
        "requests": requests,
        "per_second": load.get("requests_per_second", 0.0),
        "connections": load.get("connections", 0),
        "streams": load.get("streams", 0),
        "p95_ms": load.get("p95_ms", 0.0),
        "failures": load.get("failures", 0),
    }


def own_status(sight: Sight) -> str:
    """up or draining, as the node says itself."""
    nodes = sight.part("membership").get("nodes", [])
    return next((str(node["status"]) for node in nodes if node["id"] == sight.node), "up")
