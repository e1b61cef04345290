"""What the nodes wrote down: terms, messages, what they noticed; this node's own memory when SQL is away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from app.coordination import cluster_log
from app.coordination.cluster_log import NOTICED, RECEIVED, SENT
from app.coordination.leadership import latest_terms
from app.web.parts import parts

TERMS, MESSAGES, NOTICES = 40, 300, 200
Document = dict[str, Any]


@dataclass(frozen=True)
class Diary:
    terms: list[Document]
    terms_age: float | None
    messages: list[Document]
    notices: list[Document]
    #: Only what this node itself remembers is up to date.
    is_stale: bool


def read_diary() -> Diary:
    found = parts().monitor.recall.ask(
        terms=lambda connection: latest_terms(connection, TERMS),
        messages=lambda connection: cluster_log.latest(connection, (SENT, RECEIVED), MESSAGES),
        notices=lambda connection: cluster_log.latest(connection, (NOTICED,), NOTICES),
    )
    own = _own_memory() if found["messages"].is_stale else []
    return Diary(
        terms=found["terms"].value or [],
        terms_age=found["terms"].age_seconds,
        messages=_joined(found["messages"].value or [], own, is_message=True),
        notices=_joined(found["notices"].value or [], own, is_message=False),
        is_stale=found["messages"].is_stale,
    )


def _own_memory() -> list[Document]:
    state = parts().cluster.state() or {}
    log: list[Document] = state.get("election", {}).get("log", [])
    return log


def _joined(stored: list[Document], own: list[Document], *, is_message: bool) -> list[Document]:
    known = {(entry["node"], entry["lamport"]) for entry in stored}
    newer = [
        entry
        for entry in own
        if (entry["kind"] != NOTICED) is is_message and (entry["node"], entry["lamport"]) not in known
    ]
    return [*stored, *newer]
