"""Tab 4: how far the clocks are apart, and what happened before what whatever they show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Response, request, url_for

from app.algorithms.logical_clocks import Order
from app.audit.reading import latest
from app.languages.texts import N_, _
from app.web.pages.blueprint import pages
from app.web.pages.monitor.diary import read_diary
from app.web.pages.monitor.frame import render_tab
from app.web.pages.monitor.messages import Event, events_of, order_of
from app.web.pages.monitor.spacetime import draw, shiviz
from app.web.parts import parts
from app.web.policy import policy
from app.web.survey import Sight, freshest

SHOWN_EVENTS = 28
SHOWN_STAMPS = 8
#: The picture of offsets shows at least this much to either side of zero.
LEAST_SCALE_MS = 2.0
WARN_MS = 250.0
ORDER_WORDS = {
    Order.BEFORE: N_("A happened before B: what A knew can have caused B."),
    Order.AFTER: N_("A happened after B: what B knew can have caused A."),
    Order.CONCURRENT: N_("A and B are concurrent: neither can have known of the other."),
    Order.EQUAL: N_("A and B are the same event."),
}
Document = dict[str, Any]


@dataclass(frozen=True)
class Offset:
    """How far another clock is from a node's own; low, high and middle are parts of the picture's width."""

    node: str
    reference: str
    offset_ms: float | None
    error_ms: float | None
    round_trip_ms: float | None
    age_seconds: float | None
    low: float | None
    middle: float | None
    high: float | None


@dataclass(frozen=True)
class Comparison:
    first: Event
    second: Event
    order: Order
    words: str


@pages.get("/monitor/clocks")
@policy("public")
def monitor_clocks() -> str:
    """Offsets, the last Berkeley round, logical times, and the space-time diagram."""
    sights = parts().monitor.survey.sights()
    measured, scale = offsets_of(sights)
    round_sight = freshest(sights, _round_age)
    stamps = parts().monitor.recall.ask(stamps=lambda connection: latest(connection, SHOWN_STAMPS))["stamps"]
    return render_tab(
        "clocks",
        offsets=measured,
        scale_ms=scale,
        health={node: sight.part("clocks") for node, sight in sights.items()},
        sights=sights,
        round=round_sight.part("clocks")["berkeley"] if round_sight else None,
        vectors={node: sight.part("stamp") for node, sight in sights.items()},
        stamps=stamps,
        **_story(),
    )


@pages.get("/monitor/clocks/shiviz.log")
@policy("public")
def monitor_shiviz() -> Response:
    """The messages of the nodes with their vector clocks, for ShiViz."""
    text = shiviz(events_of(read_diary().messages))
    response = Response(text, mimetype="text/plain")
    response.headers["Content-Disposition"] = 'attachment; filename="oneslot-shiviz.log"'
    return response


def offsets_of(sights: Mapping[str, Sight]) -> tuple[list[Offset], float]:
    """Every measurement of every node, and the milliseconds from the middle of the picture to its edge."""
    found = [
        (node, each) for node, sight in sights.items() for each in sight.part("clocks").get("offsets", [])
    ]
    known = [
        (abs(each["offset_ms"]) + each["error_ms"]) for _node, each in found if each["offset_ms"] is not None
    ]
    scale = max([LEAST_SCALE_MS, *known]) * 1.05
    return [_offset(node, each, scale) for node, each in found], scale


def _offset(node: str, each: Document, scale: float) -> Offset:
    offset, error = each["offset_ms"], each["error_ms"]

    def part(value: float) -> float:
        return round(100 + 100 * value / scale, 2)

    is_known = offset is not None
    return Offset(
        node,
        each["reference"],
        offset,
        error,
        each.get("round_trip_ms"),
        each.get("age_seconds"),
        part(offset - error) if is_known else None,
        part(offset) if is_known else None,
        part(offset + error) if is_known else None,
    )


def _round_age(sight: Sight) -> float | None:
    """The newest round has the highest epoch and number."""
    found = sight.part("clocks").get("berkeley")
    return -(found["epoch"] * 1_000_000 + found["number"]) if found else None


def _story() -> Document:
    """The diagram, frozen where somebody has chosen events, and how those two are ordered."""
    diary = read_diary()
    events = events_of(diary.messages)
    until = request.args.get("until", type=int)
    shown = [event for event in events if until is None or event.lamport <= until][-SHOWN_EVENTS:]
    chosen = {name: request.args.get(name) for name in ("a", "b")}
    marks = {key: name for name, key in chosen.items() if key}
    nodes = [server["id"] for server in parts().cluster.servers() if server["status"] != "left"]
    latest_lamport = shown[-1].lamport if shown else 0
    return {
        "diagram": draw(shown, nodes, marks),
        "events": shown,
        "chosen": chosen,
        "comparison": compare(shown, chosen["a"], chosen["b"]),
        "choose": lambda key: _choose_url(key, chosen, latest_lamport),
        "is_frozen": until is not None,
        "diary": diary,
    }


def compare(events: list[Event], a: str | None, b: str | None) -> Comparison | None:
    """None unless both are among the events."""
    by_key = {event.key: event for event in events}
    first, second = by_key.get(a or ""), by_key.get(b or "")
    if first is None or second is None:
        return None
    order = order_of(first, second)
    return Comparison(first, second, order, _(ORDER_WORDS[order]))


def _choose_url(key: str, chosen: Mapping[str, str | None], until: int) -> str:
    """The first choice is A, the second B, a third begins anew."""
    begins_anew = chosen["a"] is None or chosen["b"] is not None
    a, b = (key, None) if begins_anew else (chosen["a"], key)
    return url_for("pages.monitor_clocks", a=a, b=b, until=until) + "#story"
