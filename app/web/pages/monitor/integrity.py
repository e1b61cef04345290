"""Tab 8: are the promises kept now, asked how, and when last?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from app.audit.reading import latest
from app.booking.invariants import INVARIANTS, STRETCH, Invariant, over
from app.web.overview import last_check
from app.web.pages.blueprint import pages
from app.web.pages.monitor.diary import read_diary
from app.web.pages.monitor.frame import render_tab
from app.web.parts import parts
from app.web.policy import policy

SHOWN_ENTRIES = 8
Document = dict[str, Any]


@dataclass(frozen=True)
class Check:
    """An invariant, its query in full, and what the last round found."""

    invariant: Invariant
    query: str
    broken: int | None
    slots: tuple[int, ...]


@pages.get("/monitor/integrity")
@policy("public")
def monitor_integrity() -> str:
    """The auditor's rounds and queries, and the head of the audit."""
    sight = last_check(parts().monitor.survey.sights())
    rounds: list[Document] = sight.part("audit")["found"] if sight else []
    found = {finding["name"]: finding for finding in rounds[-1]["findings"]} if rounds else {}
    entries = parts().monitor.recall.ask(entries=lambda connection: latest(connection, SHOWN_ENTRIES))[
        "entries"
    ]
    diary = read_diary()
    return render_tab(
        "integrity",
        auditor=sight,
        last=rounds[-1] if rounds else None,
        rounds=rounds[::-1],
        checks=[_check(invariant, found.get(invariant.name)) for invariant in INVARIANTS],
        entries=entries,
        alarms=[notice for notice in diary.notices if notice["name"] == "audit.broken"][::-1],
        fenced=[notice for notice in diary.notices if notice["name"] == "leader.fenced"][::-1],
    )


def _check(invariant: Invariant, found: Document | None) -> Check:
    return Check(
        invariant,
        over(STRETCH, invariant.query),
        found["broken"] if found else None,
        tuple(found["slots"]) if found else (),
    )
