"""Tab 5: how far the copies are on every node, whether they equal the database, and what gossip heals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.languages.texts import N_
from app.web.pages.blueprint import pages
from app.web.pages.monitor.frame import render_tab
from app.web.parts import parts
from app.web.policy import policy
from app.web.replica_overview import alone, overview
from app.web.survey import Sight

SHOWN_STREAMS = 12
SHORT_DIGEST = 8
KINDS = {
    "slots": (N_("Master and copies"), N_("Slots")),
    "status_board": (N_("Several masters"), N_("Status board")),
    "healing": (N_("Peer to peer"), N_("Healing")),
}
Document = dict[str, Any]


@dataclass(frozen=True)
class Gossip:
    """What one node exchanged with its peers about one thing."""

    node: str
    about: str
    said: Document


@pages.get("/monitor/replication")
@policy("public")
def monitor_replication() -> str:
    """The copies of the slots side by side."""
    reads, node = parts().reads, parts().config.node_id
    reports = reads.neighbour.reports()
    found = overview(reports or {node: alone(parts().mirror)}, node)
    sights = parts().monitor.survey.sights()
    streams = found["streams"]
    return render_tab(
        "replication",
        found=found,
        kinds=KINDS,
        is_alone=not reports,
        streams=streams[:SHOWN_STREAMS],
        more_streams=max(len(streams) - SHOWN_STREAMS, 0),
        lagging=sum(any(each["lag"] > 0 for each in stream["nodes"].values()) for stream in streams),
        reads=dict(reads.counts),
        boards={name: sight.part("board") for name, sight in sights.items() if sight.part("board")},
        gossip=gossip_of(sights),
        short=lambda digest: digest[:SHORT_DIGEST] if digest else "–",
    )


def gossip_of(sights: Mapping[str, Sight]) -> list[Gossip]:
    return [
        Gossip(node, name.removesuffix("-gossip"), said)
        for node, sight in sights.items()
        for name, said in sight.state.items()
        if name.endswith("gossip") and isinstance(said, dict)
    ]
