"""Tab 3: who leads by which right, how it came about, and whose late writes were refused."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import request

from app.algorithms.election_messages import natural_order
from app.coordination.membership import DRAINING, LEFT, UP
from app.web.pages.blueprint import pages
from app.web.pages.monitor.diary import read_diary
from app.web.pages.monitor.frame import render_tab
from app.web.pages.monitor.messages import Message, events_of, messages_of
from app.web.pages.monitor.ring import draw_ring
from app.web.parts import parts
from app.web.policy import policy

SHOWN_MESSAGES = 40
#: Terms this far back are drawn; older ones are in the table.
DRAWN_TERMS = 12
TIMELINE_WIDTH, ROW_HEIGHT = 600.0, 26.0
Document = dict[str, Any]


@dataclass(frozen=True)
class TermBar:
    term: Document
    x: float
    y: float
    width: float
    seconds: float


@dataclass(frozen=True)
class Timeline:
    nodes: tuple[tuple[str, float], ...]
    bars: tuple[TermBar, ...]
    height: float
    seconds: float


@pages.get("/monitor/election")
@policy("public")
def monitor_election() -> str:
    """The leader, the ring, the messages and the terms."""
    diary = read_diary()
    messages = messages_of(events_of(diary.messages))
    servers = [server for server in parts().cluster.servers() if server["status"] != LEFT]
    own = parts().monitor.survey.own()
    wanted = request.args.get("election")
    shown = [each for each in messages if wanted is None or each.event.election == wanted]
    latest = _latest_election(messages)
    return render_tab(
        "election",
        state=own.part("election") if own else {},
        state_age=own.age_seconds if own else None,
        ring=draw_ring(servers, latest, diary.notices),
        latest=latest,
        messages=shown[: -SHOWN_MESSAGES - 1 : -1],
        only=wanted,
        timeline=draw_terms(diary.terms[-DRAWN_TERMS:], parts().clock.now()),
        terms=diary.terms[::-1],
        diary=diary,
        fenced=[notice for notice in diary.notices if notice["name"] == "leader.fenced"][::-1],
        notices=[
            notice for notice in diary.notices if notice["name"].startswith(("leader.", "election.", "ring."))
        ][:-16:-1],
        others=[s["id"] for s in servers if s["status"] in (UP, DRAINING) and not s["is_leader"]],
    )


def _latest_election(messages: list[Message]) -> list[Message]:
    """The messages of the last election, and the announcements after it."""
    named = [message for message in messages if message.event.election]
    if not named:
        return []
    last = named[-1].event.election
    first = next(number for number, each in enumerate(messages) if each.event.election == last)
    return [each for each in messages[first:] if each.event.election in (last, None)]


def draw_terms(terms: list[Document], now: datetime) -> Timeline:
    """A row per node, a bar per term; two bars above each other at one time would be two leaders."""
    nodes = sorted({str(term["node"]) for term in terms}, key=natural_order)
    rows = {node: number * ROW_HEIGHT for number, node in enumerate(nodes)}
    spans = [(term, *_span(term, now)) for term in terms]
    first = min((start for _term, start, _end in spans), default=now)
    seconds = max((now - first).total_seconds(), 1.0)
    scale = TIMELINE_WIDTH / seconds
    bars = [
        TermBar(
            term,
            round((start - first).total_seconds() * scale, 1),
            rows[term["node"]],
            round(max((end - start).total_seconds() * scale, 2.0), 1),
            (end - start).total_seconds(),
        )
        for term, start, end in spans
    ]
    return Timeline(tuple(rows.items()), tuple(bars), ROW_HEIGHT * max(len(nodes), 1), seconds)


def _span(term: Document, now: datetime) -> tuple[datetime, datetime]:
    start = datetime.fromisoformat(term["started_at"])
    end = datetime.fromisoformat(term["ended_at"]) if term["ended_at"] else now
    return start, max(start, end)
