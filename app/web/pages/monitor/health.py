"""Tab 1: is every node well, and how do we know?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import redirect, request, url_for
from werkzeug.wrappers import Response

from app.coordination.membership import LEFT
from app.web.pages.blueprint import pages
from app.web.pages.monitor import words
from app.web.pages.monitor.drawing import Curve, curve
from app.web.pages.monitor.frame import render_tab
from app.web.parts import parts
from app.web.policy import policy
from app.web.survey import Sight

#: From here on a node's silence is suspicious (algorithms/failure_detector.py).
SUSPICIOUS_SECONDS = 3.0
Document = dict[str, Any]
#: Of a node that was never heard here.
UNKNOWN_LOAD: Document = {"requests_per_second": None, "p95_ms": None}


@dataclass(frozen=True)
class NodeCard:
    id: str
    address: str
    status: str
    #: Of what the node says of itself; None when it was never heard.
    said_age: float | None
    is_stale: bool
    leads_epoch: int | None
    heard_age: float | None
    silence: Curve
    silence_seconds: float | None
    server: Document
    load: Document
    sees: Document
    clock: str
    uptime: float | None


@dataclass(frozen=True)
class Calls:
    """How the calls of one node to another went."""

    caller: str
    peer: str
    calls: int
    failures: int
    p50_ms: float | None
    p99_ms: float | None
    last_failure: str | None


@pages.get("/monitor")
@policy("public")
def monitor() -> Response:
    """The first tab."""
    return redirect(url_for("pages.monitor_health"), 302)


@pages.get("/monitor/health")
@policy("public")
def monitor_health() -> str:
    """Every node as it is now."""
    sights = parts().monitor.survey.sights()
    servers = parts().cluster.servers()
    curves = _curves(sights)
    return render_tab(
        "health",
        cards=[_card(server, sights.get(server["id"]), curves) for server in servers],
        calls=[row for sight in sights.values() for row in _calls(sight)],
        wanted=_wanted(servers),
        suspicious_seconds=SUSPICIOUS_SECONDS,
    )


def _wanted(servers: list[Document]) -> Document | None:
    """The node an operator wants to drain, or to put back."""
    named = request.args.get("node")
    return next((server for server in servers if server["id"] == named and server["status"] != LEFT), None)


def _curves(sights: Mapping[str, Sight]) -> Document:
    """What this node's coordinator saw of all in the last minute."""
    own = sights.get(parts().config.node_id)
    return own.part("history") if own else {}


def _card(server: Document, sight: Sight | None, curves: Document) -> NodeCard:
    now = parts().clock.now()
    seen = curves.get(server["id"], {})
    silence = seen.get("silence", [])
    return NodeCard(
        id=server["id"],
        address=server["address"],
        status=server["status"],
        said_age=sight.age_seconds if sight else None,
        is_stale=sight is None or sight.is_stale,
        leads_epoch=server["epoch"] if server["is_leader"] else None,
        heard_age=words.since(server["last_heartbeat"], now),
        silence=curve(silence, SUSPICIOUS_SECONDS * 1.1, SUSPICIOUS_SECONDS),
        silence_seconds=silence[-1] if silence else None,
        server=server,
        load=UNKNOWN_LOAD | (sight.part("load") if sight else {}),
        sees=sight.part("membership") if sight else {},
        clock=(sight.part("clocks").get("health") if sight else None) or server["clock"],
        uptime=words.since(server["started_at"], now),
    )


def _calls(sight: Sight) -> list[Calls]:
    return [
        Calls(
            sight.node,
            peer,
            found["calls"],
            found["failures"],
            found["p50_ms"],
            found["p99_ms"],
            found["last_failure"],
        )
        for peer, found in sight.part("calls").items()
        if peer != sight.node
    ]
