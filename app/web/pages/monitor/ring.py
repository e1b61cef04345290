"""The ring of the nodes as a drawing: who hands to whom, how long a hop took, what the last election said."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from app.algorithms.election_messages import natural_order
from app.web.pages.monitor.drawing import Arrow, Place, arrow, on_circle
from app.web.pages.monitor.messages import Message

CENTRE, RADIUS, NODE_RADIUS = 160.0, 104.0, 25.0
#: "node-1 to node-2: 5 ms", as the ring algorithm notes it.
HOP = re.compile(r"(\S+) to (\S+): (\d+) ms")
Document = dict[str, Any]


@dataclass(frozen=True)
class RingNode:
    id: str
    place: Place
    status: str
    is_leader: bool
    epoch: int | None


@dataclass(frozen=True)
class Link:
    sender: str
    receiver: str
    arrow: Arrow
    label: Place
    hop_ms: int | None


@dataclass(frozen=True)
class Talk:
    """All that one node said to another in the last election."""

    sender: str
    receiver: str
    arrow: Arrow
    names: tuple[str, ...]
    is_lost: bool


@dataclass(frozen=True)
class Ring:
    nodes: tuple[RingNode, ...]
    links: tuple[Link, ...]
    talks: tuple[Talk, ...]
    height: float


def draw_ring(servers: Sequence[Document], talk: Sequence[Message], notices: Sequence[Document]) -> Ring:
    """In the order in which the token goes round."""
    ordered = sorted(servers, key=lambda server: natural_order(server["id"]))
    places = dict(zip([s["id"] for s in ordered], on_circle(len(ordered), RADIUS, CENTRE), strict=True))
    nodes = tuple(
        RingNode(s["id"], places[s["id"]], s["status"], s["is_leader"], s["epoch"]) for s in ordered
    )
    height = max((place.y for place in places.values()), default=CENTRE) + 2 * NODE_RADIUS
    return Ring(nodes, _links(list(places), places, _hops(notices)), _talks(talk, places), height)


def _links(
    names: list[str], places: Mapping[str, Place], hops: Mapping[tuple[str, str], int]
) -> tuple[Link, ...]:
    if len(names) < 2:
        return ()
    return tuple(
        _link(one, following, places, hops.get((one, following)))
        for one, following in pairwise([*names, names[0]])
    )


def _link(one: str, following: str, places: Mapping[str, Place], hop_ms: int | None) -> Link:
    drawn = arrow(places[one], places[following], NODE_RADIUS - 3, 20)
    middle = drawn.middle
    away = math.hypot(middle.x - CENTRE, middle.y - CENTRE) or 1.0
    label = Place(
        round(middle.x + (middle.x - CENTRE) / away * 18, 1),
        round(middle.y + (middle.y - CENTRE) / away * 12 + 4, 1),
    )
    return Link(one, following, drawn, label, hop_ms)


def _hops(notices: Sequence[Document]) -> dict[tuple[str, str], int]:
    """The last time each hop took."""
    hops = {}
    for notice in notices:
        found = HOP.match(notice["text"]) if notice["name"] == "ring.hop" else None
        if found:
            hops[found[1], found[2]] = int(found[3])
    return hops


def _talks(messages: Sequence[Message], places: Mapping[str, Place]) -> tuple[Talk, ...]:
    said: dict[tuple[str, str], list[Message]] = {}
    for message in messages:
        sender, receiver = message.event.sender or "", message.event.receiver or ""
        if sender in places and receiver in places:
            said.setdefault((sender, receiver), []).append(message)
    return tuple(
        Talk(
            sender,
            receiver,
            arrow(places[sender], places[receiver], NODE_RADIUS + 6, -7),
            tuple(dict.fromkeys(each.event.name for each in told)),
            all(each.received is None for each in told),
        )
        for (sender, receiver), told in said.items()
    )
