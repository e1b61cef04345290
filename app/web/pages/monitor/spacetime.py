"""The space-time diagram (Lamport 1978): a line per node, time from left to right, messages as arrows; and
the same events as ShiViz reads them. Pure."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.algorithms.election_messages import natural_order
from app.web.pages.monitor.messages import Event, Message, messages_of

LEFT, TOP, STEP, ROW = 92.0, 34.0, 30.0, 74.0
#: Few events still stand on lines one can see.
NARROWEST = 640.0


@dataclass(frozen=True)
class Dot:
    event: Event
    x: float
    y: float
    #: a, b or none: which of the two chosen events it is.
    mark: str | None


@dataclass(frozen=True)
class Line:
    node: str
    y: float


@dataclass(frozen=True)
class Flight:
    message: Message
    x1: float
    y1: float
    x2: float
    y2: float
    #: Nobody noted that it arrived; the arrow ends in the open.
    is_lost: bool


@dataclass(frozen=True)
class Diagram:
    width: float
    height: float
    lines: tuple[Line, ...]
    dots: tuple[Dot, ...]
    flights: tuple[Flight, ...]


def draw(events: Sequence[Event], nodes: Sequence[str], marks: Mapping[str, str]) -> Diagram:
    """Events in the order given, one per column, so that every arrow points to the right."""
    rows = sorted({*nodes, *(event.node for event in events)}, key=natural_order)
    heights = {node: TOP + ROW * number for number, node in enumerate(rows)}
    dots = {
        event.key: Dot(event, LEFT + STEP * (number + 1), heights[event.node], marks.get(event.key))
        for number, event in enumerate(events)
    }
    flights = [flight for message in messages_of(events) if (flight := _flight(message, dots, heights))]
    width = max(LEFT + STEP * (len(events) + 2), NARROWEST)
    height = TOP * 2 + ROW * max(len(rows) - 1, 0)
    lines = tuple(Line(node, y) for node, y in heights.items())
    return Diagram(width, height, lines, tuple(dots.values()), tuple(flights))


def _flight(message: Message, dots: Mapping[str, Dot], heights: Mapping[str, float]) -> Flight | None:
    if message.sent is None:
        return None
    start = dots[message.sent.key]
    end = dots.get(message.received.key) if message.received else None
    if end is not None:
        return Flight(message, start.x, start.y, end.x, end.y, False)
    goal = heights.get(message.sent.receiver or "", start.y)
    return Flight(message, start.x, start.y, start.x + STEP * 0.8, start.y + (goal - start.y) * 0.35, True)


def shiviz(events: Sequence[Event]) -> str:
    """Two lines per event: host and clock as JSON, then what happened (the format of ShiViz's first example).

    ShiViz wants every host to count its own events 1, 2, 3; our nodes count what they do not tell as well. A
    clock of counted events keeps every order the full vectors know: it says how many of each host's events
    here came before."""
    times: dict[str, list[int]] = defaultdict(list)
    for event in events:
        times[event.node].append(event.lamport)
    lines = []
    for event in events:
        clock = {node: bisect_right(known, event.vector.known(node)) for node, known in times.items()}
        shown = {node: count for node, count in clock.items() if count}
        lines += [f"{event.node} {json.dumps(shown)}", " ".join([event.name, *event.text.split()])]
    return "\n".join(lines) + "\n" if lines else ""
